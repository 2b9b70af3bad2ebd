//! Reading the settings, and telling all that is wrong with them at once.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest::{distance, nearest};
use super::{Config, Form, SECTIONS, SETTINGS, Setting, Value};

/// What the variables that set something begin with.
pub const ENV_PREFIX: &str = "MARU_";

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "maru.toml";

/// Variables of this prefix that are no settings.
const NO_SETTINGS: &[&str] = &["MARU_CONFIG", "MARU_URL", "MARU_SECRET", "MARU_TOKEN", "MARU_BIN"];

/// Where settings come from, besides the defaults. Its parts may be secrets and are not shown.
#[derive(Clone, Default)]
pub struct Given {
    /// The file that was named; without one `./maru.toml` is read, if it is there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Flags: setting and value.
    pub flags: Vec<(&'static str, String)>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Given {
    /// From a named file or `./maru.toml`, and the process's environment.
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        Self { file, variables: variables.collect(), flags: Vec::new() }
    }

    /// Adds a flag, if it was given.
    pub fn flag(&mut self, key: &'static str, value: Option<impl fmt::Display>) {
        self.flags.extend(value.map(|value| (key, value.to_string())));
    }
}

/// Settings that were read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// What is no mistake for certain, and yet worth a word.
    pub warnings: Vec<String>,
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a file, at a line counted from 1.
    File(PathBuf, usize),
    /// In a variable.
    Variable(String),
    /// In a flag.
    Flag(&'static str),
    /// In the settings together.
    Together,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}: ", path.display()),
            Self::Variable(name) => write!(f, "{name}: "),
            // `--store` stands for `store.url`.
            Self::Flag(key) => {
                let name = key.strip_suffix(".url").unwrap_or(key);
                write!(f, "--{}: ", name.replace(['.', '_'], "-"))
            }
            Self::Together => Ok(()),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub source: Source,
    /// What.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.source, self.what)
    }
}

/// Everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Reads the settings: the defaults, then the file, then variables, then flags.
///
/// # Errors
/// Everything that is wrong, with where it stands.
pub fn load(given: &Given) -> Result<Loaded, Problems> {
    let mut loading = Loading::default();
    let file = loading.file(given.file.as_deref());
    loading.variables(&given.variables);
    for (key, text) in &given.flags {
        loading.text(Source::Flag(key), key, text);
    }
    if loading.problems.is_empty() {
        let contradictions = loading.config.contradictions();
        loading.problems.extend(contradictions.into_iter().map(|(key, problem)| Problem {
            source: Source::Together,
            what: format!("`{key}` {problem}"),
        }));
    }
    let Loading { config, problems, mut warnings } = loading;
    warnings.extend(config.cautions());
    if problems.is_empty() {
        Ok(Loaded { config, file, warnings })
    } else {
        Err(Problems(problems))
    }
}

#[derive(Default)]
struct Loading {
    config: Config,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Loading {
    fn file(&mut self, named: Option<&Path>) -> Option<PathBuf> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => {
                self.toml(path, &text);
                Some(path.to_owned())
            }
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let what = format!("{}: cannot be read: {error}", path.display());
                self.problems.push(Problem { source: Source::Together, what });
                None
            }
        }
    }

    fn toml(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let at = |offset: usize| Source::File(path.to_owned(), line_of(text, offset));
        for error in &errors {
            let offset = error.span().map_or(0, |span| span.start);
            self.problem(at(offset), error.message().to_owned());
        }
        // Once the syntax is broken, what follows from the rest would mislead.
        if errors.is_empty() {
            self.table(table.get_ref(), "", &at);
        }
    }

    fn table(&mut self, table: &DeTable<'_>, prefix: &str, at: &dyn Fn(usize) -> Source) {
        for (name, value) in table {
            let key = match prefix {
                "" => name.get_ref().to_string(),
                prefix => format!("{prefix}.{}", name.get_ref()),
            };
            let place = || at(name.span().start);
            if let Some(setting) = setting(&key) {
                match value_of(setting.form, value.get_ref()) {
                    Some(value) => self.set(place(), setting, &value),
                    None => {
                        let what = format!("`{key}` must be a {}", setting.form.words());
                        self.problem(place(), what);
                    }
                }
            } else if let Some(inner) = value.get_ref().as_table()
                && SECTIONS.iter().any(|section| section.name == key)
            {
                self.table(inner, &key, at);
            } else {
                self.problem(place(), unknown(&key, value));
            }
        }
    }

    fn variables(&mut self, variables: &[(String, String)]) {
        let known: BTreeSet<String> = SETTINGS.iter().map(Setting::variable).collect();
        for (name, text) in variables.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
            let source = || Source::Variable(name.clone());
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) {
                self.text(source(), setting.key, text);
            } else if !NO_SETTINGS.contains(&name.as_str()) {
                let nearest = nearest(name, known.iter().map(String::as_str)).unwrap_or_default();
                let what = format!("there is no such setting; the nearest is {nearest}");
                // Orchestrators make variables of their own out of a service's name
                // (MARU_SERVICE_HOST): only what looks like a slip of the pen is an error.
                if name.contains("__") || distance(name, nearest) <= 2 {
                    self.problem(source(), what);
                } else {
                    self.warnings.push(format!("{name}: {what}; it is ignored"));
                }
            }
        }
    }

    fn text(&mut self, source: Source, key: &str, text: &str) {
        let Some(setting) = setting(key) else {
            return self.problem(source, format!("there is no setting `{key}`"));
        };
        match setting.form.read(text) {
            Ok(value) => self.set(source, setting, &value),
            Err(what) => self.problem(source, what),
        }
    }

    fn set(&mut self, source: Source, setting: &Setting, value: &Value) {
        if let Err(what) = (setting.set)(&mut self.config, value) {
            // What the value was is not repeated where it may be a secret.
            let what = if setting.form == Form::Secret { "is not valid".to_owned() } else { what };
            self.problem(source, format!("`{}`: {what}", setting.key));
        }
    }

    fn problem(&mut self, source: Source, what: String) {
        self.problems.push(Problem { source, what });
    }
}

fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

fn unknown(key: &str, value: &Spanned<DeValue<'_>>) -> String {
    if value.get_ref().is_table() {
        let known = SECTIONS.iter().map(|section| section.name).filter(|name| !name.is_empty());
        let nearest = nearest(key, known).unwrap_or_default();
        return format!("there is no section `[{key}]`; the nearest is `[{nearest}]`");
    }
    let nearest = nearest(key, SETTINGS.iter().map(|setting| setting.key)).unwrap_or_default();
    format!("there is no setting `{key}`; the nearest is `{nearest}`")
}

fn value_of(form: Form, value: &DeValue<'_>) -> Option<Value> {
    match (form, value) {
        (Form::Text | Form::Secret | Form::SecretUrl, DeValue::String(text)) => {
            Some(Value::Text(text.to_string()))
        }
        (Form::Number, DeValue::Integer(number)) => {
            u64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Number)
        }
        (Form::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
        (Form::List | Form::SecretList, DeValue::Array(items)) => {
            let items = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            items.collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}

/// The line, from 1, that a byte is on.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
