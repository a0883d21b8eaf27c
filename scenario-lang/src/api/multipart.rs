//! `multipart: #{ ... }`: a form with files in it, as browsers send one (RFC 7578, and the HTML standard for names).
//!
//! In: the map a script wrote. Out: a body in pieces; files are shared with all who send them, not copied.

use std::fmt::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use rhai::{Dynamic, Map};

use super::file_handle::FileHandle;
use super::option_values::{Problem, text};
use crate::convert::{describe, scalar};
use crate::host::RequestBody;

/// What a part can say of itself.
const PART: &[&str] = &["content", "name", "type"];

/// What no part contains, for all practical purposes: 122 random bits, drawn once per process.
static BOUNDARY: LazyLock<String> = LazyLock::new(|| format!("katydid-{}", uuid::Uuid::new_v4().simple()));
static CONTENT_TYPE: LazyLock<String> =
    LazyLock::new(|| format!("multipart/form-data; boundary={}", *BOUNDARY));

/// A part's content, and what is said of it.
struct Part {
    content: Bytes,
    file_name: Option<String>,
    content_type: Option<String>,
}

/// The body of a form.
pub(super) fn body(form: &Dynamic) -> Result<RequestBody, String> {
    let form = form.as_map_ref().map_err(|_| {
        format!(
            "it is a map of names to values, files or parts, not {}",
            describe(form)
        )
    })?;
    let mut pieces = Pieces::default();
    for (name, value) in form.iter() {
        let wrong = |why: String| format!("`{name}`: {why}");
        if let Ok(items) = value.as_array_ref() {
            for item in items.iter() {
                pieces.part(name, part(item).map_err(wrong)?);
            }
        } else if !value.is_unit() {
            pieces.part(name, part(value).map_err(wrong)?);
        }
    }
    Ok(pieces.body())
}

fn part(value: &Dynamic) -> Result<Part, String> {
    if let Ok(map) = value.as_map_ref() {
        return described(&map);
    }
    if let Some(file) = value.clone().try_cast::<FileHandle>() {
        return Ok(Part {
            content_type: Some(guess(&file.name)),
            file_name: Some(file.name.to_string()),
            content: file.bytes,
        });
    }
    let content = content(value)?;
    Ok(Part {
        content,
        file_name: None,
        content_type: None,
    })
}

fn content(value: &Dynamic) -> Result<Bytes, String> {
    if let Some(file) = value.clone().try_cast::<FileHandle>() {
        return Ok(file.bytes);
    }
    if value.is_blob() {
        return Ok(value.clone().into_blob().unwrap_or_default().into());
    }
    scalar(value).map(Bytes::from).ok_or_else(|| {
        format!(
            "it is a text, a number, a blob, a `file(...)` or a map #{{ {} }}, not {}",
            PART.join(", "),
            describe(value)
        )
    })
}

/// `#{ content: ..., name: "a.txt", type: "text/plain" }`
fn described(map: &Map) -> Result<Part, String> {
    let mut part = Part {
        content: Bytes::new(),
        file_name: None,
        content_type: None,
    };
    let mut has_content = false;
    for (key, value) in map {
        if value.is_unit() {
            continue;
        }
        let wrong = |why: String| Problem::option(key, why).line();
        match key.as_str() {
            "content" => {
                has_content = true;
                part.content = content(value).map_err(wrong)?;
                if let Some(file) = value.clone().try_cast::<FileHandle>() {
                    part.file_name.get_or_insert_with(|| file.name.to_string());
                }
            }
            "name" => part.file_name = Some(text(value).map_err(wrong)?.to_string()),
            "type" => {
                let given = text(value).map_err(wrong)?;
                if given.chars().any(char::is_control) {
                    return Err(wrong("it has characters no header can carry".to_owned()));
                }
                part.content_type = Some(given.to_string());
            }
            _ => return Err(Problem::unknown("a part", key, PART).line()),
        }
    }
    if !has_content {
        return Err(format!(
            "a part needs `content`; a part's options are {}",
            PART.join(", ")
        ));
    }
    if part.content_type.is_none() {
        part.content_type = part.file_name.as_deref().map(guess);
    }
    Ok(part)
}

fn guess(file_name: &str) -> String {
    mime_guess::from_path(file_name)
        .first_or_octet_stream()
        .essence_str()
        .to_owned()
}

/// A form, as far as it has been put together.
#[derive(Default)]
struct Pieces {
    done: Vec<Bytes>,
    /// What comes after that.
    text: Vec<u8>,
}

/// Contents up to this size are copied into the text around them: fewer pieces are fewer writes.
const SMALL: usize = 4 * 1024;

impl Pieces {
    fn part(&mut self, name: &str, part: Part) {
        let mut head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{}\"",
            *BOUNDARY,
            quoted(name)
        );
        if let Some(file_name) = &part.file_name {
            let _fits = write!(head, "; filename=\"{}\"", quoted(file_name));
        }
        if let Some(content_type) = &part.content_type {
            let _fits = write!(head, "\r\ncontent-type: {content_type}");
        }
        head.push_str("\r\n\r\n");
        self.text.extend_from_slice(head.as_bytes());
        if part.content.len() <= SMALL {
            self.text.extend_from_slice(&part.content);
        } else {
            self.done.push(std::mem::take(&mut self.text).into());
            self.done.push(part.content);
        }
        self.text.extend_from_slice(b"\r\n");
    }

    fn body(mut self) -> RequestBody {
        self.text
            .extend_from_slice(format!("--{}--\r\n", *BOUNDARY).as_bytes());
        self.done.push(self.text.into());
        let mut pieces = self.done.into_iter();
        RequestBody {
            bytes: pieces.next().unwrap_or_default(),
            more: pieces.collect(),
            content_type: Some(CONTENT_TYPE.as_str()),
        }
    }
}

/// A name between quotes, as the HTML standard wants it.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}
