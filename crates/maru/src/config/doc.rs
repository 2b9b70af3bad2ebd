//! The reference and the commented example, made of the table.

use std::fmt::Write as _;

use super::{Config, SECTIONS, SETTINGS, Setting, record_groups};

/// `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\
         \n\
         <!-- Made by `maru config doc`. Do not edit: change the table in crates/maru/src/config/table.rs. -->\n\
         \n\
         The settings of the process itself stand in `maru.toml` in the working folder, or in the file named by\n\
         `--config` or `MARU_CONFIG`. A variable goes before the file, and a flag before the variable. An unknown\n\
         setting is an error that names the nearest known one; `maru config check` tells everything that is wrong,\n\
         `maru config print` shows what holds. A secret may be a reference: `env:NAME` or `file:PATH`.\n\
         \n\
         Bots and channels are not settings: they are records in the store, made by `maru bot`, `maru channel` or\n\
         `maru apply`. What can be set for them stands [at the end](#bots-and-channels).\n",
    );
    let defaults = Config::default();
    for section in SECTIONS {
        let title = match section.name {
            "" => "The server".to_owned(),
            name => format!("`[{name}]`"),
        };
        let _ = write!(page, "\n## {title}\n\n{}\n", section.doc);
        for setting in of_section(section.name) {
            let (key, form) = (setting.key, setting.form.words());
            let _ = write!(
                page,
                "\n### `{key}`\n\n{}\n\n- form: {form}\n- default: `{}`\n- variable: `{}`\n",
                setting.doc,
                setting.value(&defaults),
                setting.variable(),
            );
        }
    }
    records(&mut page);
    page
}

fn records(page: &mut String) {
    page.push_str(
        "\n## Bots and channels\n\
         \n\
         A value is read as JSON where it can be (`true`, `15000`, `[\"https://a.example\"]`), else as text; an empty\n\
         one takes the setting away. In files for `maru apply` the names stand under `set`.\n",
    );
    for group in record_groups() {
        let _ = write!(page, "\n### {}\n\n{}\n\n", group.title, group.doc);
        page.push_str("| name | default | meaning |\n|---|---|---|\n");
        for (name, default, doc) in group.settings {
            let default = match default.strip_prefix("none: ") {
                Some(why) => why.to_owned(),
                None => format!("`{default}`"),
            };
            let _ = writeln!(page, "| `{name}` | {default} | {doc} |");
        }
    }
}

/// `maru.example.toml`: every setting with its default, commented out.
pub fn example() -> String {
    let mut text = String::from(
        "# Every setting of Maru with its default. Made by `maru config doc --example`.\n\
         # Take out the '#' in front of what you change.\n",
    );
    let defaults = Config::default();
    for section in SECTIONS {
        if !section.name.is_empty() {
            text.push('\n');
            comment(&mut text, section.doc);
            let _ = writeln!(text, "[{}]", section.name);
        }
        for setting in of_section(section.name) {
            text.push('\n');
            comment(&mut text, setting.doc);
            let _ = writeln!(text, "#{} = {}", setting.name(), setting.value(&defaults));
        }
    }
    text
}

fn of_section(name: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.section() == name)
}

/// Writes a text as comment lines of at most 100 characters.
fn comment(text: &mut String, doc: &str) {
    let mut line = String::from("#");
    for word in doc.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
