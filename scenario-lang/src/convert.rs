//! Values of the script engine as plain ones: JSON in both directions, numbers, and words for a person.

use std::fmt;

use rhai::{Dynamic, Identifier, ImmutableString, Map};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::api::data_handle::DataHandle;
use crate::api::html::{Element, Page};
use crate::api::response::Reply;
use crate::moment::Moment;

/// What kind of value it is, for messages: "a map", "the text `abc`", "the number 5".
pub(crate) fn describe(value: &Dynamic) -> String {
    if let Ok(text) = value.as_immutable_string_ref() {
        let short: String = text.chars().take(40).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        return format!("the text `{short}{more}`");
    }
    if let Ok(number) = value.as_int() {
        return format!("the number {number}");
    }
    if let Ok(number) = value.as_float() {
        return format!("the number {number}");
    }
    if let Ok(flag) = value.as_bool() {
        return flag.to_string();
    }
    kind(value).to_owned()
}

/// The kind of a value without its content.
pub(crate) fn kind(value: &Dynamic) -> &'static str {
    match value {
        v if v.is_unit() => "nothing (`()`)",
        v if v.is_string() => "a text",
        v if v.is_char() => "a character",
        v if v.is_int() => "a whole number",
        v if v.is_float() => "a number",
        v if v.is_bool() => "a truth value",
        v if v.is_array() => "an array",
        v if v.is_blob() => "a blob",
        v if v.is_map() => "a map",
        v if v.is_fnptr() => "a function",
        v if v.is::<Reply>() => "a response",
        v if v.is::<DataHandle>() => "a data set",
        v if v.is::<Page>() => "an HTML page",
        v if v.is::<Element>() => "an HTML element",
        v if v.is::<Moment>() => "a date",
        v if v.is::<crate::WaitTime>() => "a wait time",
        _ => "a value of another kind",
    }
}

/// A whole or broken number.
pub(crate) fn number(value: &Dynamic) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "script numbers beyond 2^53 are no times, rates or weights"
    )]
    value
        .as_float()
        .ok()
        .or_else(|| value.as_int().ok().map(|whole| whole as f64))
}

/// A text, number, truth value or date as text; `None` for everything else.
pub(crate) fn scalar(value: &Dynamic) -> Option<String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(text.to_string());
    }
    if let Some(moment) = value.read_lock::<Moment>() {
        return Some(moment.iso());
    }
    (value.is_int() || value.is_float() || value.is_bool() || value.is_char()).then(|| value.to_string())
}

/// A value of the engine, to be written as JSON.
pub(crate) struct AsJson<'a>(pub(crate) &'a Dynamic);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        if value.is_unit() {
            return serializer.serialize_unit();
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            return serializer.serialize_str(&text);
        }
        if let Ok(whole) = value.as_int() {
            return serializer.serialize_i64(whole);
        }
        if let Ok(number) = value.as_float() {
            if !number.is_finite() {
                return Err(S::Error::custom(format!("{number} cannot be written as JSON")));
            }
            return serializer.serialize_f64(number);
        }
        if let Ok(flag) = value.as_bool() {
            return serializer.serialize_bool(flag);
        }
        if let Ok(sign) = value.as_char() {
            return serializer.serialize_char(sign);
        }
        if let Ok(array) = value.as_array_ref() {
            let mut items = serializer.serialize_seq(Some(array.len()))?;
            for item in array.iter() {
                items.serialize_element(&AsJson(item))?;
            }
            return items.end();
        }
        if let Ok(map) = value.as_map_ref() {
            let mut entries = serializer.serialize_map(Some(map.len()))?;
            for (key, item) in map.iter() {
                entries.serialize_entry(key.as_str(), &AsJson(item))?;
            }
            return entries.end();
        }
        if let Some(moment) = value.read_lock::<Moment>() {
            return serializer.serialize_str(&moment.iso());
        }
        Err(S::Error::custom(format!(
            "{} cannot be written as JSON",
            kind(value)
        )))
    }
}

/// JSON read as a value of the engine.
pub(crate) struct FromJson(pub(crate) Dynamic);

impl<'de> Deserialize<'de> for FromJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Dynamic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::UNIT)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers too large for a whole number become broken ones"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Dynamic, E> {
        Ok(i64::try_from(value).map_or_else(|_| Dynamic::from_float(value as f64), Dynamic::from_int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Dynamic, E> {
        Ok(Dynamic::from_float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Dynamic, E> {
        Ok(ImmutableString::from(value).into())
    }

    fn visit_string<E>(self, value: String) -> Result<Dynamic, E> {
        Ok(ImmutableString::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Dynamic, A::Error> {
        let mut array = rhai::Array::new();
        while let Some(FromJson(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Dynamic::from_array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Dynamic, A::Error> {
        let mut map = Map::new();
        while let Some((key, FromJson(item))) = entries.next_entry::<String, FromJson>()? {
            map.insert(Identifier::from(key), item);
        }
        Ok(Dynamic::from_map(map))
    }
}

/// A parsed JSON value as a value of the engine.
pub(crate) fn from_json(value: &serde_json::Value) -> Dynamic {
    use serde_json::Value;
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number
            .as_i64()
            .map(Dynamic::from_int)
            .or_else(|| number.as_f64().map(Dynamic::from_float))
            .unwrap_or(Dynamic::UNIT),
        Value::String(text) => ImmutableString::from(text.as_str()).into(),
        Value::Array(items) => Dynamic::from_array(items.iter().map(from_json).collect()),
        Value::Object(entries) => Dynamic::from_map(
            entries
                .iter()
                .map(|(key, item)| (key.as_str().into(), from_json(item)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(text: &str) -> String {
        let FromJson(value) = serde_json::from_str(text).unwrap();
        serde_json::to_string(&AsJson(&value)).unwrap()
    }

    #[test]
    fn keeps_what_json_can_say() {
        for text in [
            "null",
            "true",
            "-5",
            "1.5",
            "\"a\\nb\"",
            "[1,[2,null]]",
            "{\"a\":{\"b\":[]}}",
        ] {
            assert_eq!(there_and_back(text), text);
        }
        assert_eq!(there_and_back("18446744073709551615"), "1.8446744073709552e+19");
    }

    #[test]
    fn refuses_what_json_cannot_say() {
        assert!(serde_json::to_string(&AsJson(&Dynamic::from_float(f64::NAN))).is_err());
        let function: Dynamic = rhai::FnPtr::new("f").unwrap().into();
        let error = serde_json::to_string(&AsJson(&function)).unwrap_err();
        assert_eq!(error.to_string(), "a function cannot be written as JSON");
    }
}
