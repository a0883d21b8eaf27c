//! The settings of the page.
//!
//! In: [`RunArgs`], still text. Out: [`PageSettings`], or none for a headless run and for workers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use katydid_web_ui::PageTls;
use katydid_web_ui::access::Accounts;

use super::fleet::{pem_pair, server_tls};
use super::{Reader, values};
use crate::args::{RunArgs, WebArgs};
use crate::server_tls::ServerTls;
use crate::watched::Files;

/// Where the page is, as Locust's.
const DEFAULT_PORT: u16 = 8089;

/// How the page is served, and what happens without anybody on it.
#[derive(Debug, Clone)]
pub(crate) struct PageSettings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Prefix of all URLs; empty, or with a slash in front and none behind.
    pub(crate) base: String,
    /// Start the test at once.
    pub(crate) autostart: bool,
    /// End the process so long after the test.
    pub(crate) autoquit: Option<Duration>,
    /// People choose user classes.
    pub(crate) class_picker: bool,
    /// The scenario may be edited.
    pub(crate) allow_edit: bool,
    /// Who may come in; `None` for everybody who can reach it.
    pub(crate) accounts: Option<Accounts>,
    /// Where they were read from.
    pub(crate) login_file: Option<Files>,
    /// What the page over TLS shows of itself.
    pub(crate) tls: Option<ServerTls>,
    /// By which names a page that is not for everybody may be called; `None` for any.
    pub(crate) hosts: Option<Vec<String>>,
}

impl PageSettings {
    /// The page of the demo, which starts at once.
    pub(crate) fn demo(somebody_watches: bool) -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            base: String::new(),
            autostart: true,
            autoquit: (!somebody_watches).then_some(Duration::ZERO),
            class_picker: false,
            allow_edit: true,
            accounts: None,
            login_file: None,
            tls: None,
            hosts: Some(Vec::new()),
        }
    }

    /// Reads them.
    pub(super) fn read(args: &RunArgs, reader: &mut Reader<'_>) -> Option<Self> {
        let web = &args.web;
        let host = reader
            .value("web_host", web.web_host.as_ref(), values::address)
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = reader
            .value("web_port", web.web_port.as_ref(), values::port)
            .unwrap_or(DEFAULT_PORT);
        let base = reader
            .value("web_base_path", web.web_base_path.as_ref(), base_path)
            .unwrap_or_default();
        let autoquit = reader.value("autoquit", web.autoquit.as_ref(), values::time);
        let (accounts, login_file) = accounts(web, reader).unzip();
        let tls = tls(web, reader);
        let screen = &args.report.screen;
        if args.fleet.worker.worker || screen.headless || screen.only_summary || screen.json {
            for (id, is_set) in [("autostart", web.autostart), ("autoquit", autoquit.is_some())] {
                if is_set && !args.fleet.worker.worker {
                    reader.refuse(
                        id,
                        "a run without a page starts at once and ends with its test anyway; leave it out, or leave out \
                         --headless"
                            .to_owned(),
                    );
                }
            }
            return None;
        }
        if !host.is_loopback() && web.web_login.is_none() && !args.fleet.master.insecure {
            reader.refuse(
                "web_host",
                format!(
                    "{host} can be reached by others, who could send load anywhere from here: ask who is there with \
                     --web-login FILE (`katydid help passwd`), or keep the page on this machine and reach it through a \
                     tunnel, or say --insecure where the network is trusted"
                ),
            );
        }
        // Names are for those who come through a proxy; without a login everybody may who reaches it.
        let is_behind_proxy = !web.web_allowed_host.is_empty() && web.web_login.is_none();
        Some(Self {
            listen: SocketAddr::new(host, port),
            base,
            autostart: web.autostart,
            autoquit,
            class_picker: web.class_picker,
            allow_edit: web.allow_edit || (host.is_loopback() && !is_behind_proxy),
            // With a login, a cookie is what tells; on other addresses than loopback any name may be right.
            login_file,
            hosts: (host.is_loopback() && accounts.is_none()).then(|| web.web_allowed_host.clone()),
            accounts,
            tls,
        })
    }
}

/// Who may come in. A file that holds nobody would lock everybody out.
fn accounts(web: &WebArgs, reader: &mut Reader<'_>) -> Option<(Accounts, Files)> {
    let path = web.web_login.as_ref()?;
    let advice = format!("make it with `katydid passwd {} NAME`", path.display());
    let accounts = match std::fs::read(path) {
        Ok(content) => read_accounts(&content)
            .map(|accounts| (accounts, Files::new(vec![(path.clone(), content)])))
            .map_err(|why| format!("{}: {why}; {advice}", path.display())),
        Err(error) => Err(format!("cannot read {}: {error}; {advice}", path.display())),
    };
    match accounts {
        Ok(accounts) => Some(accounts),
        Err(message) => {
            reader.refuse("web_login", message);
            None
        }
    }
}

/// What a file of accounts holds, which must be somebody.
pub(crate) fn read_accounts(content: &[u8]) -> Result<Accounts, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no text".to_owned())?;
    let accounts = Accounts::read(text).map_err(|error| error.to_string())?;
    if accounts.is_empty() {
        return Err("it holds nobody".to_owned());
    }
    Ok(accounts)
}

fn tls(web: &WebArgs, reader: &mut Reader<'_>) -> Option<ServerTls> {
    let (certificate, key) = pem_pair(
        [
            ("tls_cert", "--tls-cert", web.tls_cert.as_ref()),
            ("tls_key", "--tls-key", web.tls_key.as_ref()),
        ],
        reader,
    )?;
    let files = [Some(certificate), Some(key), None];
    server_tls("tls_cert", files, PageTls::PROTOCOLS, reader)
}

/// A prefix of URLs, with one slash in front and none behind; `/` alone is none.
fn base_path(text: &str) -> Result<String, String> {
    let inner = text.trim_matches('/');
    if inner.is_empty() {
        return Ok(String::new());
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.~/".contains(letter);
    let parts_fit = inner
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    if inner.chars().all(fits) && parts_fit {
        Ok(format!("/{inner}"))
    } else {
        Err(format!(
            "`{text}` is no prefix of URLs: use letters, digits and `-_.~/`, such as /load"
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::layers::Origins;

    fn allows_editing(words: &[&str]) -> bool {
        let cli = Cli::parse_from([&["katydid"][..], words].concat());
        let origins = Origins::default();
        let mut reader = Reader::new(&origins);
        PageSettings::read(&cli.run, &mut reader).unwrap().allow_edit
    }

    #[test]
    fn editing_is_for_those_on_this_machine_unless_allowed() {
        let allowed = ["--web-allowed-host", "load.example"];
        assert!(allows_editing(&[]));
        assert!(!allows_editing(&allowed), "others come through a proxy");
        assert!(allows_editing(&[&allowed[..], &["--allow-edit"]].concat()));
        assert!(
            allows_editing(&[&allowed[..], &["--web-login", "/dev/null"]].concat()),
            "operators"
        );
        assert!(!allows_editing(&["--web-host", "0.0.0.0", "--insecure"]));
        assert!(allows_editing(&[
            "--web-host",
            "0.0.0.0",
            "--insecure",
            "--allow-edit"
        ]));
    }

    #[test]
    fn prefixes_have_one_form() {
        for (text, base) in [
            ("", ""),
            ("/", ""),
            ("load", "/load"),
            ("/load/", "/load"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(base_path(text).as_deref(), Ok(base), "{text}");
        }
        for text in ["/a b", "/{x}", "/a//b", "/../etc", "/ä"] {
            assert!(base_path(text).is_err(), "{text}");
        }
    }
}
