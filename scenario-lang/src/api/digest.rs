//! What signing needs: `md5`, `sha1`, `sha256`, `sha512`, their `hmac_*`, `hex` and `hex_decode`.
//!
//! In: texts or blobs. Out: hexadecimal digits; `hex_decode` makes them a blob again, which is a key or `base64` input.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rhai::{Dynamic, ImmutableString};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::text::bytes_of;
use super::{Answer, Registrar, argument, failure};

pub(super) fn register(registrar: &mut Registrar<'_>) {
    hash::<Md5>(registrar, "md5");
    hash::<Sha1>(registrar, "sha1");
    hash::<Sha256>(registrar, "sha256");
    hash::<Sha512>(registrar, "sha512");
    signature::<Hmac<Sha1>>(registrar, "hmac_sha1");
    signature::<Hmac<Sha256>>(registrar, "hmac_sha256");
    signature::<Hmac<Sha512>>(registrar, "hmac_sha512");
    registrar.function("hex", 1, |_, args| {
        Ok(digits(&bytes_of("hex", &argument(args, 0))?))
    });
    registrar.function("hex_decode", 1, |_, args| {
        decode(&bytes_of("hex_decode", &argument(args, 0))?)
    });
}

fn hash<D: Digest>(registrar: &mut Registrar<'_>, name: &'static str) {
    registrar.function(name, 1, move |_, args| {
        let digest = D::digest(bytes_of(name, &argument(args, 0))?);
        Ok(digits(digest.as_ref()))
    });
}

fn signature<M: Mac + KeyInit>(registrar: &mut Registrar<'_>, name: &'static str) {
    registrar.function(name, 2, move |_, args| {
        let (key, message) = (argument(args, 0), argument(args, 1));
        let mut mac = <M as KeyInit>::new_from_slice(&bytes_of(name, &key)?)
            .map_err(|error| failure(format!("`{name}`: {error}")))?;
        mac.update(&bytes_of(name, &message)?);
        Ok(digits(mac.finalize().into_bytes().as_ref()))
    });
}

fn digits(bytes: &[u8]) -> Dynamic {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    ImmutableString::from(hex).into()
}

fn decode(digits: &[u8]) -> Answer {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect();
    bytes
        .map(Dynamic::from_blob)
        .ok_or_else(|| failure("`hex_decode` takes pairs of hexadecimal digits, such as `0aff`"))
}
