//! Text that others wrote, on a terminal.

use std::fmt;
use std::io::{self, Write as _};

/// Shows a text so that nothing in it can steer the terminal: control characters, and those that
/// turn the direction of what follows, are shown as what they are.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                // Written by people in plain messages.
                '\n' => f.write_str("\n")?,
                '\t' => f.write_str("    ")?,
                '\r' => {}
                c if steers(c) => write!(f, "\u{fffd}")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// As [`Plain`], on one line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' | '\r' | '\t' => f.write_str(" ")?,
                c if steers(c) => write!(f, "\u{fffd}")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// One JSON text on one line. What could steer the terminal stands within its strings alone, where
/// it is escaped, and so means the same.
#[derive(Clone, Copy, Debug)]
pub struct JsonLine<'a>(pub &'a str);

impl fmt::Display for JsonLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                // Bare, these are white space between tokens.
                '\n' | '\r' | '\t' => f.write_str(" ")?,
                // None of them is outside of the first plane.
                c if steers(c) => write!(f, "\\u{:04x}", u32::from(c))?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// Whether a character does something else than being seen: C0 and C1 controls, DEL, and the marks
/// of Unicode's bidirectional algorithm and of line and paragraph ends.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a line to the standard output. A reader that has left (`| head`) is no error.
///
/// # Errors
/// What the system says.
pub fn say(line: impl fmt::Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to the standard error, as well as that can be done.
pub fn complain(line: impl fmt::Display) {
    // There is nobody left to tell if that fails.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A table for people: columns as wide as what stands in them. Every cell is shown as [`Line`].
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &str| Line(text).to_string();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
    let widths: Vec<usize> = (0..heads.len())
        .map(|i| {
            let cells = rows.iter().filter_map(|row| row.get(i)).map(|text| text.chars().count());
            cells.max().unwrap_or(0).max(heads.get(i).map_or(0, |head| head.len()))
        })
        .collect();
    let mut lines = Vec::with_capacity(rows.len() + 1);
    let heads: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    for row in std::iter::once(&heads).chain(&rows) {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        lines.push(cells.join("  ").trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        let hostile = "a\x1b[2Jb\u{9b}31mc\u{202e}d\x07e\r\nf\tg";
        assert_eq!(
            Plain(hostile).to_string(),
            "a\u{fffd}[2Jb\u{fffd}31mc\u{fffd}d\u{fffd}e\nf    g"
        );
        assert_eq!(Line("a\nb\x1b").to_string(), "a b\u{fffd}");
        assert_eq!(Plain("안녕 👋").to_string(), "안녕 👋");
    }

    #[test]
    fn json_means_the_same_on_a_line() {
        let json = "{\n\t\"a\": \"x\u{202e}\u{9b}y\u{7f}\"\r\n}";
        let line = JsonLine(json).to_string();
        assert!(!line.contains(steers), "{line}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&line), read(json));
    }

    #[test]
    fn tables_line_up() {
        let rows = vec![vec!["echo".to_owned(), "x\ny".to_owned()]];
        assert_eq!(table(&["id", "name"], &rows), "ID    NAME\necho  x y");
    }
}
