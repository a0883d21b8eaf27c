//! The options of `http` that say how a class connects.
//!
//! In: an option and its value. Out: the [`ConnectionSettings`] with it, or what is wrong with it.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use ipnet::IpNet;
use rhai::Dynamic;

use crate::api::file_handle::FileHandle;
use crate::api::option_values::{text, texts, timeout, truth};
use crate::connection_settings::{ConnectionSettings, HttpVersion, ResolveRule};
use crate::convert::describe;

/// The options there are.
pub(super) const OPTIONS: &[&str] = &[
    "insecure",
    "ca",
    "cert",
    "key",
    "server_name",
    "resolve",
    "local_address",
    "keep_alive",
    "connect_timeout",
    "version",
];
/// Local addresses a class can have.
const MAX_LOCAL: usize = 4_096;

/// Takes one of them.
pub(super) fn option(settings: &mut ConnectionSettings, key: &str, value: &Dynamic) -> Result<(), String> {
    match key {
        "insecure" => settings.insecure = truth(value)?,
        "ca" => settings.authorities = Some(pem(value, "CERTIFICATE")?),
        "cert" => settings.certificate = Some(pem(value, "CERTIFICATE")?),
        "key" => settings.key = Some(pem(value, "PRIVATE KEY")?),
        "server_name" => settings.server_name = Some(text(value)?.to_string()),
        "resolve" => settings.resolve = resolve(value)?,
        "local_address" => settings.local_addresses = local(value)?,
        "keep_alive" => settings.keep_alive = truth(value)?,
        "connect_timeout" => settings.connect_timeout = Some(timeout(value)?),
        _ => settings.version = Some(version(value)?),
    }
    Ok(())
}

/// What only shows when all options are there.
pub(super) fn check(settings: &ConnectionSettings) -> Result<(), String> {
    let Some(certificate) = &settings.certificate else {
        return match &settings.key {
            Some(_) => Err("option `key` belongs to a certificate: give `cert` too".to_owned()),
            None => Ok(()),
        };
    };
    if settings.key.is_none() && !has_block(certificate, "PRIVATE KEY") {
        return Err("option `cert` has no private key beside it: give `key` too".to_owned());
    }
    Ok(())
}

/// A PEM text, from a file or as it is. What it is is not shown: it may be a key.
fn pem(value: &Dynamic, block: &str) -> Result<Bytes, String> {
    let bytes = if let Some(file) = value.clone().try_cast::<FileHandle>() {
        file.bytes
    } else if let Ok(text) = value.as_immutable_string_ref() {
        Bytes::copy_from_slice(text.as_bytes())
    } else {
        return Err("it is a `file(\"...\")`, or a PEM text".to_owned());
    };
    if has_block(&bytes, block) {
        return Ok(bytes);
    }
    Err(format!(
        "there is no `-----BEGIN ... {block}-----` in it: it is a `file(\"...\")` in PEM, or such a text"
    ))
}

fn has_block(pem: &[u8], block: &str) -> bool {
    String::from_utf8_lossy(pem).lines().any(|line| {
        let line = line.trim();
        line.starts_with("-----BEGIN ") && line.ends_with(&format!("{block}-----"))
    })
}

/// `#{ "shop.example:443": "10.0.0.7", "api.example": ["10.0.0.8:8443", "10.0.0.9"] }`
fn resolve(value: &Dynamic) -> Result<Vec<ResolveRule>, String> {
    let map = value.as_map_ref().map_err(|_| {
        format!(
            "it is a map such as #{{ \"shop.example:443\": \"10.0.0.7\" }}, not {}",
            describe(value)
        )
    })?;
    map.iter()
        .map(|(place, to)| {
            let (host, port) = match place.rsplit_once(':') {
                // An IPv6 address without a port has colons too.
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                    let port = port
                        .parse()
                        .map_err(|_| format!("`{place}`: `{port}` is no port"))?;
                    (host, Some(port))
                }
                _ => (place.as_str(), None),
            };
            let to = texts(to).map_err(|why| format!("`{place}`: {why}"))?;
            let to = to
                .iter()
                .map(|text| {
                    address(text).ok_or_else(|| {
                        format!("`{place}`: `{text}` is no IP address, with or without a port")
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            if to.is_empty() {
                return Err(format!("`{place}`: there is no address"));
            }
            Ok(ResolveRule {
                host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
                port,
                to,
            })
        })
        .collect()
}

fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Some((address, None));
    }
    let place: SocketAddr = text.parse().ok()?;
    Some((place.ip(), Some(place.port())))
}

/// One or several addresses or networks.
fn local(value: &Dynamic) -> Result<Vec<IpAddr>, String> {
    let mut found: Vec<IpAddr> = Vec::new();
    for text in texts(value)? {
        if let Ok(address) = text.parse() {
            found.push(address);
        } else if let Ok(network) = text.parse::<IpNet>() {
            found.extend(network.hosts().take(MAX_LOCAL + 1));
        } else {
            return Err(format!(
                "`{text}` is neither an IP address nor a network such as 10.0.0.0/28"
            ));
        }
        if found.len() > MAX_LOCAL {
            return Err(format!("these are more than {MAX_LOCAL} addresses"));
        }
    }
    if found.is_empty() {
        return Err("there is no address".to_owned());
    }
    Ok(found)
}

fn version(value: &Dynamic) -> Result<HttpVersion, String> {
    match value
        .as_immutable_string_ref()
        .as_deref()
        .map(|text| text.as_str())
    {
        Ok("http1" | "1.1") => Ok(HttpVersion::Http1),
        Ok("http2" | "2") => Ok(HttpVersion::Http2),
        _ => Err(format!("it is \"http1\" or \"http2\", not {}", describe(value))),
    }
}
