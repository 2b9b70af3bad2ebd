//! Reading JSON with care: size, depth, and members that stand twice, each with its place.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a text is no JSON value.
#[derive(Debug)]
pub(crate) struct NotJson {
    pub(crate) message: String,
    /// Whether it only is nested too deep.
    pub(crate) too_deep: bool,
}

/// Reads a value, and gives the places (as JSON Pointers) of members that stand twice.
pub(crate) fn read(text: &[u8], depth_max: usize) -> Result<(Value, Vec<String>), NotJson> {
    let walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Place { walk: &walk, depth: depth_max }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(value) => Ok((value, walk.twice.into_inner())),
        Err(error) => {
            Err(NotJson { too_deep: walk.too_deep.into_inner(), message: error.to_string() })
        }
    }
}

/// One segment added to a JSON Pointer.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    format!("{pointer}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

/// How many bytes the value takes as JSON, at most. Cheap: nothing is written.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 24,
        Value::String(text) => text_size(text),
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(name, item)| text_size(name) + 2 + size(item)).sum::<usize>()
        }
    }
}

fn text_size(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + bytes.sum::<usize>()
}

#[derive(Default)]
struct Walk {
    path: RefCell<Vec<String>>,
    twice: RefCell<Vec<String>>,
    too_deep: RefCell<bool>,
}

impl Walk {
    fn pointer(&self) -> String {
        self.path.borrow().iter().fold(String::new(), |pointer, segment| join(&pointer, segment))
    }
}

#[derive(Clone, Copy)]
struct Place<'w> {
    walk: &'w Walk,
    depth: usize,
}

impl Place<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => {
                *self.walk.too_deep.borrow_mut() = true;
                Err(E::custom("values are nested too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        loop {
            self.walk.path.borrow_mut().push(items.len().to_string());
            let item = seq.next_element_seed(inner)?;
            self.walk.path.borrow_mut().pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.walk.path.borrow_mut().push(name.clone());
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                let pointer = self.walk.pointer();
                self.walk.twice.borrow_mut().push(pointer);
            }
            self.walk.path.borrow_mut().pop();
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_twice_is_named_with_its_place() {
        let (value, twice) =
            read(br#"{"a/b":[{"x":1,"x":2},3],"n":{"k":1,"\u006b":2}}"#, 8).unwrap();
        assert_eq!(value, serde_json::json!({"a/b":[{"x":2},3],"n":{"k":2}}));
        assert_eq!(twice, ["/a~1b/0/x", "/n/k"]);
    }

    #[test]
    fn a_size_is_never_less_than_the_truth() {
        for text in [
            "null",
            "false",
            r#"{"a":[1,-1.7976931348623157e308,"x\"\\\u0001\n가"],"\u0002":{}}"#,
            "[[],[18446744073709551615,-9223372036854775808]]",
        ] {
            let (value, _) = read(text.as_bytes(), 8).unwrap();
            assert!(size(&value) >= value.to_string().len(), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        assert!(read(b"[[[]]]", 3).is_ok());
        assert!(read(b"[[[]]]", 2).unwrap_err().too_deep);
        assert!(read("[".repeat(100_000).as_bytes(), 32).unwrap_err().too_deep);
        assert!(!read(b"[1,]", 2).unwrap_err().too_deep);
        assert!(!read(b"1 2", 2).unwrap_err().too_deep);
    }
}
