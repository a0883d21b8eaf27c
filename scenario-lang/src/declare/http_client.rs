//! `client` and `proxy` among the `http` options of a user class.
//!
//! In: what a script wrote for each. Out: an [`HttpTransport`], or what is wrong, also with the two together. Nothing of
//! a proxy's URL is repeated in messages: it may hold a password.

use rhai::Dynamic;
use url::Url;

use crate::api::option_values::{self as values, Problem};
use crate::convert::{describe, kind};
use crate::suggestion::did_you_mean;
use crate::transport::{HttpTransport, PROXY_SCHEMES, Proxy};

const CLIENTS: [&str; 2] = ["direct", "reqwest"];
const SYSTEM: &str = "system";
const PROXY_EXAMPLE: &str = "write it like `http://host:3128` or `socks5://user:password@host:1080`, or `system` for the system's settings";

/// The two options as far as they have been read.
#[derive(Debug, Default)]
pub(super) struct TransportDraft {
    /// Whether a client is named, be it well or badly.
    names_client: bool,
    /// The client it is, once that is understood.
    is_reqwest: Option<bool>,
    proxy: Option<Proxy>,
}

impl TransportDraft {
    /// Nothing read yet; `names_client` says whether `client` is among the options.
    pub(super) fn new(names_client: bool) -> Self {
        Self {
            names_client,
            ..Self::default()
        }
    }

    /// Takes `client`.
    pub(super) fn client(&mut self, value: &Dynamic) -> Result<(), Problem> {
        let text = values::text(value).map_err(|message| Problem::option("client", message))?;
        if !CLIENTS.contains(&text.as_str()) {
            let message = format!("it is \"direct\" or \"reqwest\", not {}", describe(value));
            return Err(Problem {
                guess: did_you_mean(&text, CLIENTS),
                ..Problem::option("client", message)
            });
        }
        self.is_reqwest = Some(text == "reqwest");
        Ok(())
    }

    /// Takes `proxy`.
    pub(super) fn proxy(&mut self, value: &Dynamic) -> Result<(), Problem> {
        let Ok(text) = values::text(value) else {
            let message = format!("it is a text, not {}; {PROXY_EXAMPLE}", kind(value));
            return Err(Problem::option("proxy", message));
        };
        self.proxy = Some(if text == SYSTEM {
            Proxy::System
        } else {
            check_proxy(&text)?;
            Proxy::Url(text.to_string())
        });
        Ok(())
    }

    /// What both together mean.
    pub(super) fn finish(self) -> Result<HttpTransport, Problem> {
        match (self.is_reqwest, self.proxy) {
            (Some(true), proxy) => Ok(HttpTransport::Reqwest { proxy }),
            (Some(false), Some(_)) => Err(Problem::option(
                "proxy",
                "the direct client knows no proxies: use `client: \"reqwest\"`",
            )),
            (None, Some(_)) if !self.names_client => Err(Problem::option(
                "proxy",
                "the direct client, which is the default, knows no proxies: add `client: \"reqwest\"`",
            )),
            // A client that is not understood has been reported already.
            (Some(false) | None, _) => Ok(HttpTransport::Direct),
        }
    }
}

fn check_proxy(text: &str) -> Result<(), Problem> {
    let wrong = |message: String| Problem::option("proxy", message);
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(Problem {
            guess: did_you_mean(text, [SYSTEM]),
            ..wrong(format!("it is not a URL of a proxy; {PROXY_EXAMPLE}"))
        });
    };
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_scheme(scheme) && !PROXY_SCHEMES.contains(&scheme) {
        let message = format!(
            "there are no `{scheme}:` proxies; their URLs start with {}",
            PROXY_SCHEMES.map(|scheme| format!("{scheme}://")).join(", ")
        );
        return Err(Problem {
            guess: did_you_mean(scheme, PROXY_SCHEMES),
            ..wrong(message)
        });
    }
    let is_whole = Url::parse(text).is_ok_and(|url| {
        url.host_str().is_some_and(|host| !host.is_empty())
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if is_whole {
        Ok(())
    } else {
        Err(wrong(format!("it is not a URL of a proxy; {PROXY_EXAMPLE}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(client: Option<&str>, proxy: Option<&str>) -> Result<HttpTransport, String> {
        let mut draft = TransportDraft::new(client.is_some());
        let text = |text: &str| Dynamic::from(rhai::ImmutableString::from(text));
        if let Some(client) = client {
            draft.client(&text(client)).map_err(|problem| problem.line())?;
        }
        if let Some(proxy) = proxy {
            draft.proxy(&text(proxy)).map_err(|problem| problem.line())?;
        }
        draft.finish().map_err(|problem| problem.line())
    }

    #[test]
    fn clients_and_proxies_are_understood() {
        assert_eq!(read(None, None), Ok(HttpTransport::Direct));
        assert_eq!(read(Some("direct"), None), Ok(HttpTransport::Direct));
        assert_eq!(
            read(Some("reqwest"), None),
            Ok(HttpTransport::Reqwest { proxy: None })
        );
        assert_eq!(
            read(Some("reqwest"), Some("system")),
            Ok(HttpTransport::Reqwest {
                proxy: Some(Proxy::System)
            })
        );
        for url in [
            "http://h:3128",
            "https://h/",
            "socks5://user:p%40ss@h:1080",
            "socks4a://[::1]:1",
        ] {
            assert_eq!(
                read(Some("reqwest"), Some(url)),
                Ok(HttpTransport::Reqwest {
                    proxy: Some(Proxy::Url(url.to_owned()))
                })
            );
        }
    }

    #[test]
    fn mistakes_are_explained_without_telling_secrets() {
        for (client, proxy, words) in [
            (Some("reqwst"), None, "did you mean `reqwest`?"),
            (Some("curl"), None, "it is \"direct\" or \"reqwest\", not "),
            (None, Some("http://h"), "add `client: \"reqwest\"`"),
            (Some("direct"), Some("http://h"), "use `client: \"reqwest\"`"),
            (Some("reqwest"), Some("systm"), "did you mean `system`?"),
            (
                Some("reqwest"),
                Some("h:3128"),
                "write it like `http://host:3128`",
            ),
            (Some("reqwest"), Some("sock5://h"), "did you mean `socks5`?"),
            (Some("reqwest"), Some("http://h/path"), "not a URL of a proxy"),
            (Some("reqwest"), Some("http://"), "not a URL of a proxy"),
        ] {
            let error = read(client, proxy).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        for proxy in [
            "ftp://me:hunter2@h",
            "me:hunter2@h",
            "me:hunter2@h://",
            "http://me:hunter2@ h",
        ] {
            let error = read(Some("reqwest"), Some(proxy)).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", read(Some("reqwest"), Some("http://me:hunter2@h")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn no_proxy_panics(text in ".{0,30}") {
            let _ = read(Some("reqwest"), Some(&text));
        }
    }
}
