//! What a connection is made with: the token, certificates, authorities, and the files they may have come from.
//!
//! In: what the files held at the start, and where they are. Out: for each attempt to connect the newest way that makes
//! sense. Files are read before each attempt, so that a secret that was replaced needs no restart; one that makes no
//! sense is said once, and what was there before goes on counting.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tracing::{info, warn};

/// A file that is longer is no secret.
const LONGEST: u64 = 1024 * 1024;

/// How the master's certificate is judged, and this worker's own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Authorities, PEM; `None` for the system's.
    pub authority: Option<Vec<u8>>,
    /// Certificate chain and key of this worker, PEM, for masters that ask for them.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name the master's certificate is for, when it is not the host's.
    pub name: Option<String>,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls(..)")
    }
}

/// Where credentials were read from, and are read again; `None` for those that stay as they are.
#[derive(Debug, Clone, Default)]
pub struct CredentialFiles {
    /// The token.
    pub token: Option<PathBuf>,
    /// Authorities.
    pub authority: Option<PathBuf>,
    /// This worker's certificate chain and key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What is presented, and what is asked of the master.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    pub(super) tls: Option<ClientTls>,
}

impl Credentials {
    /// The way they make to an address.
    fn way(&self, base: &Endpoint) -> Result<Way, String> {
        let endpoint = match self.tls.clone() {
            Some(tls) => base
                .clone()
                .tls_config(config(tls))
                .map_err(|error| format!("the TLS settings cannot be used: {error}"))?,
            None => base.clone(),
        };
        let token = self
            .token
            .as_ref()
            .map(|token| format!("Bearer {}", token.trim()).parse())
            .transpose()
            .map_err(|_| "the token has characters that cannot be sent; use letters and digits".to_owned())?;
        Ok(Way { endpoint, token })
    }
}

/// How a connection is made.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) endpoint: Endpoint,
    pub(super) token: Option<MetadataValue<Ascii>>,
}

/// The newest way there is; clones are the same.
#[derive(Clone)]
pub(super) struct Ways {
    base: Endpoint,
    files: CredentialFiles,
    state: Arc<Mutex<State>>,
}

/// What was read last, and what came of it.
struct State {
    seen: Credentials,
    way: Way,
    /// What was said of files that cannot be read.
    complaint: Option<String>,
}

impl std::fmt::Debug for Ways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ways").field("files", &self.files).finish()
    }
}

impl Ways {
    /// # Errors
    ///
    /// When the credentials make no sense, for a person.
    pub(super) fn new(base: Endpoint, first: Credentials, files: CredentialFiles) -> Result<Self, String> {
        let way = first.way(&base)?;
        let state = State {
            seen: first,
            way,
            complaint: None,
        };
        Ok(Self {
            base,
            files,
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Where the token is read from, if it is read again.
    pub(super) fn token_file(&self) -> Option<&Path> {
        self.files.token.as_deref()
    }

    /// Looks at the files, and says how to connect now.
    pub(super) async fn newest(&self) -> Way {
        if self.files.is_empty() {
            return self.lock(|state| state.way.clone());
        }
        let before = self.lock(|state| state.seen.clone());
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || files.read(before)).await;
        let read = read.unwrap_or_else(|error| Err(error.to_string()));
        self.lock(|state| self.take(state, read))
    }

    fn take(&self, state: &mut State, read: Result<Credentials, String>) -> Way {
        match read {
            Ok(now) => {
                state.complaint = None;
                if now != state.seen {
                    match now.way(&self.base) {
                        Ok(way) => {
                            state.way = way;
                            info!("{}: new content counts from now on", self.files.names());
                        }
                        Err(why) => warn!(
                            "{}: the new content cannot be used: {why}; what was there before still counts",
                            self.files.names()
                        ),
                    }
                    state.seen = now;
                }
            }
            Err(why) if state.complaint.as_ref() != Some(&why) => {
                warn!("{why}; what was there before still counts");
                state.complaint = Some(why);
            }
            Err(_) => {}
        }
        state.way.clone()
    }

    fn lock<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CredentialFiles {
    /// What they hold; what has no file stays as it was.
    fn read(&self, mut now: Credentials) -> Result<Credentials, String> {
        if let Some(path) = &self.token {
            let text = String::from_utf8(content(path)?).unwrap_or_default();
            if text.trim().is_empty() {
                return Err(format!("{} holds no token", path.display()));
            }
            now.token = Some(text.trim().to_owned());
        }
        if let Some(tls) = &mut now.tls {
            if let Some(path) = &self.authority {
                tls.authority = Some(content(path)?);
            }
            if let Some((certificate, key)) = &self.identity {
                tls.identity = Some((content(certificate)?, content(key)?));
            }
        }
        Ok(now)
    }

    fn is_empty(&self) -> bool {
        self.token.is_none() && self.authority.is_none() && self.identity.is_none()
    }

    /// Their names, for people.
    fn names(&self) -> String {
        let identity = self
            .identity
            .as_ref()
            .map(|(certificate, key)| [certificate, key]);
        let all = [self.token.as_ref(), self.authority.as_ref()];
        let all = all.into_iter().flatten().chain(identity.into_iter().flatten());
        all.map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(LONGEST).read_to_end(&mut content)?;
        Ok(content)
    };
    read().map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn config(tls: ClientTls) -> ClientTlsConfig {
    let mut config = ClientTlsConfig::new();
    config = match tls.authority {
        Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
        None => config.with_native_roots(),
    };
    if let Some((certificate, key)) = tls.identity {
        config = config.identity(Identity::from_pem(certificate, key));
    }
    if let Some(name) = tls.name {
        config = config.domain_name(name);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(way: &Way) -> String {
        let token = way.token.as_ref().and_then(|token| token.to_str().ok());
        token.unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn each_attempt_has_what_the_files_hold_and_bad_files_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (token, certificate, key) = (
            folder.path().join("token"),
            folder.path().join("tls.crt"),
            folder.path().join("tls.key"),
        );
        let pair = rcgen::generate_simple_self_signed(["worker".to_owned()]).unwrap();
        let (chain, secret) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        std::fs::write(&token, "one\n").unwrap();
        std::fs::write(&certificate, &chain).unwrap();
        std::fs::write(&key, &secret).unwrap();
        let first = Credentials {
            token: Some("one".to_owned()),
            tls: Some(ClientTls {
                authority: Some(chain.clone().into_bytes()),
                identity: Some((chain.clone().into_bytes(), secret.into_bytes())),
                name: None,
            }),
        };
        let files = CredentialFiles {
            token: Some(token.clone()),
            authority: None,
            identity: Some((certificate, key.clone())),
        };
        let base = Endpoint::from_static("https://localhost:1");
        let ways = Ways::new(base, first, files).unwrap();
        assert_eq!(presented(&ways.newest().await), "Bearer one");
        std::fs::write(&token, "two\n").unwrap();
        assert_eq!(presented(&ways.newest().await), "Bearer two");
        for bad in ["", "not\u{1}sendable"] {
            std::fs::write(&token, bad).unwrap();
            assert_eq!(presented(&ways.newest().await), "Bearer two");
        }
        std::fs::remove_file(&token).unwrap();
        assert_eq!(presented(&ways.newest().await), "Bearer two");
        std::fs::write(&token, "three\n").unwrap();
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        std::fs::write(&key, other).unwrap();
        // A key of another certificate: neither it nor what came with it is taken.
        assert_eq!(presented(&ways.newest().await), "Bearer two");
    }
}
