//! Forms with brackets in their names, as iOS sends them (`botInfo[customData][k]=v`), read into
//! the JSON that all others send.

use serde_json::{Map, Value};

use crate::limits::{FORM_DEPTH_MAX, FORM_PAIRS_MAX};

/// Why a form is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    #[error("the form has more than {FORM_PAIRS_MAX} fields")]
    TooManyFields,
    #[error("the form's brackets are nested too deep")]
    TooDeep,
    #[error("the form uses one name in two ways")]
    Contradiction,
}

/// Reads a form. Every leaf is a text; of two with one name the later counts.
///
/// `a[b]=x` is a member of an object, `a[]=x` an item of a list. `a[][b]=x` begins a new object in
/// the list whenever the last one has a `b` already, which is how those who write such lists mean
/// them.
pub(crate) fn parse(body: &[u8]) -> Result<Value, FormError> {
    let mut whole = Value::Object(Map::new());
    for (count, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
        if count == FORM_PAIRS_MAX {
            return Err(FormError::TooManyFields);
        }
        let path = path_of(&name)?;
        put(&mut whole, &path, value.into_owned())?;
    }
    Ok(whole)
}

/// `a[b][]` is the path a, b, "". What has no sound brackets is one name.
fn path_of(name: &str) -> Result<Vec<&str>, FormError> {
    let Some((head, mut rest)) = name.split_once('[').filter(|(head, _)| !head.is_empty()) else {
        return Ok(vec![name]);
    };
    let mut path = vec![head];
    loop {
        let Some((step, behind)) = rest.split_once(']') else { return Ok(vec![name]) };
        path.push(step);
        if path.len() > FORM_DEPTH_MAX {
            return Err(FormError::TooDeep);
        }
        if behind.is_empty() {
            return Ok(path);
        }
        let Some(next) = behind.strip_prefix('[') else { return Ok(vec![name]) };
        rest = next;
    }
}

fn put(place: &mut Value, path: &[&str], value: String) -> Result<(), FormError> {
    let Some((step, rest)) = path.split_first() else {
        if !matches!(place, Value::Null | Value::String(_)) {
            return Err(FormError::Contradiction);
        }
        *place = Value::String(value);
        return Ok(());
    };
    if step.is_empty() {
        if place.is_null() {
            *place = Value::Array(Vec::new());
        }
        let Value::Array(items) = place else { return Err(FormError::Contradiction) };
        let goes_on = |last: &&mut Value| match (rest.first(), last) {
            (Some(next), Value::Object(members)) => !members.contains_key(*next),
            _ => false,
        };
        if let Some(last) = items.last_mut().filter(goes_on) {
            return put(last, rest, value);
        }
        let mut item = Value::Null;
        put(&mut item, rest, value)?;
        items.push(item);
        return Ok(());
    }
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let Value::Object(members) = place else { return Err(FormError::Contradiction) };
    put(members.entry((*step).to_owned()).or_insert(Value::Null), rest, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, FormError> {
        parse(text.as_bytes())
    }

    #[test]
    fn brackets_are_objects_and_lists() {
        for (form, value) in [
            ("", json!({})),
            ("a=1&b=%EA%B0%80+x", json!({"a": "1", "b": "가 x"})),
            ("a=1&a=2&c", json!({"a": "2", "c": ""})),
            ("a[b]=1&a%5Bc%5D%5Bd%5D=2", json!({"a": {"b": "1", "c": {"d": "2"}}})),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            (
                "t[u][][name]=a&t[u][][value]=1&t[u][][name]=b&t[u][][value]=2",
                json!({"t": {"u": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}}),
            ),
            ("a[]=1&a[][b]=2", json!({"a": ["1", {"b": "2"}]})),
            // What has no sound brackets is a name like any other.
            ("[a]=1&b]=2&c[=3&d[e]f=4", json!({"[a]": "1", "b]": "2", "c[": "3", "d[e]f": "4"})),
            ("isAnonymous=0&a[0]=x", json!({"isAnonymous": "0", "a": {"0": "x"}})),
        ] {
            assert_eq!(read(form), Ok(value), "{form}");
        }
    }

    #[test]
    fn a_form_that_contradicts_itself_or_has_no_end_is_refused() {
        for form in ["a=1&a[b]=2", "a[b]=1&a=2", "a[]=1&a[b]=2", "a[b]=1&a[]=2"] {
            assert_eq!(read(form), Err(FormError::Contradiction), "{form}");
        }
        let nested = |depth: usize| read(&format!("a{}=1", "[b]".repeat(depth)));
        assert!(nested(FORM_DEPTH_MAX - 1).is_ok());
        assert_eq!(nested(FORM_DEPTH_MAX), Err(FormError::TooDeep));
        assert_eq!(nested(20_000), Err(FormError::TooDeep));
        let fields = |count: usize| read(&"a[]=1&".repeat(count));
        assert!(fields(FORM_PAIRS_MAX).is_ok());
        assert_eq!(fields(FORM_PAIRS_MAX + 1), Err(FormError::TooManyFields));
    }

    proptest! {
        #[test]
        fn no_form_breaks_it(form in "([ab]|\\[|\\]|\\[\\]|=|&|%[0-9a-f]{2}){0,60}") {
            crate::fuzz::form(form.as_bytes());
        }
    }
}
