//! Texts and what is found in them: `extract`, `json_path`, `base64`, `base64url`, `base64_decode`.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::Regex;
use rhai::{Dynamic, ImmutableString};
use rustc_hash::FxHashMap;
use serde_json_path::JsonPath;

use super::response::Reply;
use super::{Answer, Registrar, argument, failure};
use crate::convert::{AsJson, describe, from_json, kind};

/// Patterns kept compiled, for each kind, file and thread; a scenario that makes up more of them starts over.
const KEPT_PATTERNS: usize = 256;

/// Compiled patterns by their text.
pub(super) struct Patterns<T>(RefCell<FxHashMap<ImmutableString, Rc<T>>>);

impl<T> Patterns<T> {
    pub(super) fn new() -> Self {
        Self(RefCell::new(FxHashMap::default()))
    }

    pub(super) fn get(
        &self,
        text: &ImmutableString,
        compile: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Rc<T>, String> {
        if let Some(pattern) = self.0.borrow().get(text) {
            return Ok(pattern.clone());
        }
        let pattern = Rc::new(compile(text)?);
        let mut kept = self.0.borrow_mut();
        if kept.len() >= KEPT_PATTERNS {
            kept.clear();
        }
        kept.insert(text.clone(), pattern.clone());
        Ok(pattern)
    }
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let text = TypeId::of::<ImmutableString>();
    let any = TypeId::of::<Dynamic>();
    let regexes = Rc::new(Patterns::<Regex>::new());
    let reply = TypeId::of::<Reply>();
    for types in [[text, text], [reply, text], [any, any]] {
        let regexes = regexes.clone();
        registrar.typed("extract", &types, move |_, args| {
            let (source, pattern) = (argument(args, 0), argument(args, 1));
            extract(&regexes, &text_of(&source)?, &text_of(&pattern)?)
        });
    }
    let paths = Patterns::<JsonPath>::new();
    registrar.typed("json_path", &[any, any], move |_, args| {
        let (source, path) = (argument(args, 0), argument(args, 1));
        let Ok(path) = path.as_immutable_string_ref() else {
            return Err(failure(format!(
                "`json_path` takes a path, which is a text, not {}",
                describe(&path)
            )));
        };
        json_path(&paths, &source, &path)
    });
    registrar.function("base64", 1, |_, args| {
        let value = argument(args, 0);
        Ok(ImmutableString::from(STANDARD.encode(bytes_of("base64", &value)?)).into())
    });
    registrar.function("base64_decode", 1, |_, args| {
        let value = argument(args, 0);
        let bytes = decode(&bytes_of("base64_decode", &value)?).map_err(failure)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| failure("`base64_decode`: the decoded bytes are not a UTF-8 text"))?;
        Ok(ImmutableString::from(text).into())
    });
    registrar.function("base64url", 1, |_, args| {
        let value = argument(args, 0);
        Ok(ImmutableString::from(URL_SAFE_NO_PAD.encode(bytes_of("base64url", &value)?)).into())
    });
}

fn text_of(value: &Dynamic) -> Result<ImmutableString, Box<rhai::EvalAltResult>> {
    if let Some(reply) = value.read_lock::<Reply>() {
        return reply.text();
    }
    value
        .as_immutable_string_ref()
        .map(|text| text.clone())
        .map_err(|_| failure(format!("`extract` takes two texts, not {}", describe(value))))
}

pub(super) fn bytes_of(function: &str, value: &Dynamic) -> Result<Vec<u8>, Box<rhai::EvalAltResult>> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.as_bytes().to_vec());
    }
    if let Ok(blob) = value.as_blob_ref() {
        return Ok(blob.clone());
    }
    Err(failure(format!(
        "`{function}` takes a text or a blob, not {}",
        kind(value)
    )))
}

/// The first group of the first match, the whole match when there are no groups, `()` without a match.
fn extract(regexes: &Patterns<Regex>, source: &str, pattern: &ImmutableString) -> Answer {
    let regex = regexes
        .get(pattern, |pattern| {
            Regex::new(pattern).map_err(|error| {
                let reason = error.to_string();
                let last = reason
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                format!("`extract`: `{pattern}` is not a regular expression: {last}")
            })
        })
        .map_err(failure)?;
    let Some(found) = regex.captures(source) else {
        return Ok(Dynamic::UNIT);
    };
    let group = if regex.captures_len() > 1 {
        found.get(1)
    } else {
        found.get(0)
    };
    Ok(group.map_or(Dynamic::UNIT, |group| {
        ImmutableString::from(group.as_str()).into()
    }))
}

/// The first value a path leads to, `()` when there is none.
fn json_path(paths: &Patterns<JsonPath>, source: &Dynamic, path: &ImmutableString) -> Answer {
    let path = paths
        .get(path, |text| {
            JsonPath::parse(text)
                .map_err(|error| format!("`json_path`: `{text}` is not a path such as `$.a.b`: {error}"))
        })
        .map_err(failure)?;
    let parse = |bytes: &[u8]| {
        serde_json::from_slice(bytes)
            .map_err(|error| failure(format!("`json_path`: the text is not JSON: {error}")))
    };
    let value: serde_json::Value = if let Some(reply) = source.read_lock::<Reply>() {
        parse(reply.bytes()?)?
    } else if let Ok(text) = source.as_immutable_string_ref() {
        parse(text.as_bytes())?
    } else {
        serde_json::to_value(AsJson(source)).map_err(|error| failure(format!("`json_path`: {error}")))?
    };
    Ok(path.query(&value).first().map_or(Dynamic::UNIT, from_json))
}

/// Decodes the standard and the URL-safe alphabet, with and without padding.
fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if safe {
        alphabet::URL_SAFE
    } else {
        alphabet::STANDARD
    };
    let cleaned: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    GeneralPurpose::new(&alphabet, config)
        .decode(cleaned)
        .map_err(|error| {
            format!(
                "`base64_decode`: the text is not base64: {}",
                error.to_string().to_lowercase()
            )
        })
}
