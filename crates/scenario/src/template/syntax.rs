//! Reading templates and paths.

use super::filter::Filter;
use super::scope::ROOTS;
use super::{Expression, Head, Part, Path, Root};
use crate::limits::NAME_CHARS_MAX;
use crate::reader::nearest;
use crate::text;

/// Takes a template apart.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let (inside, behind) = until_end(after)?;
        parts.push(Part::Place(expression(inside)?));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// Splits at the `}}` that ends an expression: not at one between quotation marks.
fn until_end(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        let (inside, behind) = text.split_at(at);
        match c {
            '"' => quoted = !quoted,
            '}' if !quoted => {
                if let Some(behind) = behind.strip_prefix("}}") {
                    return Ok((inside, behind));
                }
            }
            _ => {}
        }
    }
    Err("\u{201c}{{\u{201d} without \u{201c}}}\u{201d}".to_owned())
}

fn expression(inside: &str) -> Result<Expression, String> {
    let mut pieces = split_outside_quotes(inside, '|').into_iter();
    let head = pieces.next().unwrap_or_default().trim();
    let head = match quoted(head) {
        Some(literal) => Head::Literal(literal.to_owned()),
        None => Head::Path(path(head)?),
    };
    let filters: Vec<Filter> = pieces.map(filter).collect::<Result<_, _>>()?;
    if let Head::Path(path) = &head
        && path.root == Root::Secret
        && !filters.is_empty()
    {
        return Err("a secret takes no filter".to_owned());
    }
    Ok(Expression { head, filters })
}

fn filter(piece: &str) -> Result<Filter, String> {
    let (name, argument) = match piece.split_once(':') {
        Some((name, argument)) => {
            let argument = argument.trim();
            (name.trim(), Some(quoted(argument).unwrap_or(argument)))
        }
        None => (piece.trim(), None),
    };
    Filter::parse(name, argument)
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut within = false;
    text.split(|c: char| {
        within ^= c == '"';
        c == separator && !within
    })
    .collect()
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// Reads a path such as `slot.menu`.
pub(super) fn path(source: &str) -> Result<Path, String> {
    let mut segments = source.split('.');
    let word = segments.next().unwrap_or_default();
    let Some((_, root)) = ROOTS.iter().find(|(name, _)| *name == word) else {
        let shown = text::cut(word, 40);
        return Err(match nearest(word, ROOTS.iter().map(|(name, _)| *name)) {
            Some(near) => {
                format!("nothing is called \u{201c}{shown}\u{201d}; did you mean {near}?")
            }
            None => format!(
                "nothing is called \u{201c}{shown}\u{201d}: a path begins with slot, var, \
                 user_key, content, choice, response, now, or in a header secret"
            ),
        });
    };
    let keys: Vec<String> = segments.map(|key| text::nfc(key).into_owned()).collect();
    if let Some(key) = keys.iter().find(|key| !is_name(key)) {
        return Err(format!("\u{201c}{}\u{201d} is no name", text::cut(key, 40)));
    }
    match (root, keys.len()) {
        (Root::Slot | Root::Var | Root::Secret, 0) => Err(format!("{word} needs a name: {word}.x")),
        (Root::UserKey | Root::Content | Root::Choice | Root::Now, 1..) => {
            Err(format!("{word} has nothing in it"))
        }
        (Root::Secret, 2..) => Err("a secret has nothing in it".to_owned()),
        _ => Ok(Path { root: *root, keys }),
    }
}

/// Whether a slot, a variable or a webhook may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && !".{}|\":/".contains(c);
    !name.is_empty() && text::length(name) <= NAME_CHARS_MAX && name.chars().all(allowed)
}
