//! `file(path)`: a file as it is, to be sent: as a body, or as a part of a multipart form.
//!
//! In: a path below the scenario's folder. Out: a handle of the bytes, which all users of the process share.

use bytes::Bytes;
use rhai::{Blob, Dynamic, ImmutableString};

use super::data_handle::path;
use super::{Registrar, failure};

/// A file in the hands of a script.
#[derive(Debug, Clone)]
pub(crate) struct FileHandle {
    /// The last part of its path.
    pub(crate) name: ImmutableString,
    pub(crate) bytes: Bytes,
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    let world = registrar.world.clone();
    registrar.function("file", 1, move |_, args| {
        let path = path("file", args)?;
        let bytes = world.data.file(world.folder, &path).map_err(failure)?;
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default().into();
        Ok(Dynamic::from(FileHandle { name, bytes }))
    });
    let len = |file: &mut FileHandle| i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
    registrar
        .engine
        .register_type_with_name::<FileHandle>("file")
        .register_fn("len", len)
        .register_get("len", len)
        .register_get("name", |file: &mut FileHandle| file.name.clone())
        .register_get("bytes", |file: &mut FileHandle| -> Blob { file.bytes.to_vec() })
        .register_fn("text", |file: &mut FileHandle| -> ImmutableString {
            String::from_utf8_lossy(&file.bytes).as_ref().into()
        })
        .register_fn("to_string", |file: &mut FileHandle| -> ImmutableString {
            format!("{} ({} bytes)", file.name, file.bytes.len()).into()
        });
}
