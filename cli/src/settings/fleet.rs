//! The settings of a master and of a worker.
//!
//! In: [`FleetArgs`], still text. Out: the [`Role`] of this process. Tokens and certificates are read here, so that a
//! missing file is said before anything runs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use katydid_master::{Token, Tokens};
use katydid_worker::{Address, ClientTls, CredentialFiles};

use super::{OnSigterm, Reader, scaler, values};
use crate::args::{FleetArgs, WorkerArgs};
use crate::server_tls::ServerTls;
use crate::watched::Files;

/// Where a master listens and workers look for it, as Locust's.
const DEFAULT_PORT: u16 = 5557;
/// How long a run goes on without any worker.
const WORKER_GRACE: Duration = Duration::from_secs(60);
/// How long workers go on without a master.
const MASTER_GRACE: Duration = Duration::from_secs(600);
/// How long a run waits for workers that somebody else starts when they are needed: machines for them may have to be
/// found first, but whoever asked for a test shall hear of it if nobody does.
const SCALED_WITHIN: Duration = Duration::from_secs(600);
/// How long workers may come with the token before: what Kubernetes mounts may reach one machine minutes after another.
const TOKEN_GRACE: Duration = Duration::from_secs(300);
/// What workers speak over TLS.
const PROTOCOLS: &[&[u8]] = &[b"h2"];
/// How long leaving may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// What this process is.
#[derive(Debug)]
pub(crate) enum Role {
    /// Master and one worker in one.
    Local,
    /// A master that waits for workers.
    Master(MasterSettings),
    /// A worker.
    Worker(WorkerRole),
}

/// How to be a master.
#[derive(Debug)]
pub(crate) struct MasterSettings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// What workers must present.
    pub(crate) tokens: Option<Tokens>,
    /// Where it is read again.
    pub(crate) token_file: Option<Files>,
    /// What workers see over TLS, and must show.
    pub(crate) tls: Option<ServerTls>,
    /// Workers to wait for.
    pub(crate) expect_workers: u32,
    /// How long to wait for them.
    pub(crate) max_wait: Option<Duration>,
    /// How long a run goes on without any worker.
    pub(crate) worker_grace: Duration,
    /// How long workers go on without the master.
    pub(crate) master_grace: Duration,
    /// Where the run is kept.
    pub(crate) journal: Option<PathBuf>,
    /// Where whoever brings workers is told how many are needed.
    pub(crate) scaler: Option<SocketAddr>,
    /// What becomes of it when this process is told to end.
    pub(crate) on_sigterm: OnSigterm,
}

/// How to be a worker.
#[derive(Debug)]
pub(crate) struct WorkerRole {
    /// Where the master is.
    pub(crate) address: Address,
    /// The worker's name.
    pub(crate) name: String,
    /// How long leaving may take.
    pub(crate) drain_timeout: Duration,
}

/// A file and what it holds.
type Content = (PathBuf, Vec<u8>);
/// A certificate chain and its key, PEM.
type Identity = (Content, Content);
/// The token, and the file it was read from if it was.
type GivenToken = (String, Option<Content>);

impl Role {
    /// Reads what this process is.
    pub(super) fn read(args: &FleetArgs, reader: &mut Reader<'_>) -> Self {
        let token = token(args, reader);
        let identity = identity(args, reader);
        let authority = file(args.fleet_tls_ca.as_ref(), "fleet_tls_ca", reader);
        match (args.master.master, args.worker.worker) {
            (true, _) => Self::Master(master(args, token, identity, authority, reader)),
            (_, true) => Self::Worker(worker(&args.worker, token, identity, authority, reader)),
            (false, false) => {
                refuse_without_role(args, reader);
                Self::Local
            }
        }
    }
}

fn master(
    all: &FleetArgs,
    token: Option<GivenToken>,
    identity: Option<Identity>,
    authority: Option<Content>,
    reader: &mut Reader<'_>,
) -> MasterSettings {
    let args = &all.master;
    let scaler = scaler::read(&all.scaler, reader);
    let host = reader
        .value(
            "master_bind_host",
            args.master_bind_host.as_ref(),
            values::address,
        )
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = reader
        .value("master_bind_port", args.master_bind_port.as_ref(), values::port)
        .unwrap_or(DEFAULT_PORT);
    let grace = reader
        .value("token_grace", all.token.token_grace.as_ref(), values::time)
        .unwrap_or(TOKEN_GRACE);
    let (token, token_file) = token.map_or((None, None), |(token, file)| (Token::new(&token), file));
    if !host.is_loopback() && token.is_none() && !args.insecure && (identity.is_none() || authority.is_none())
    {
        reader.refuse(
            "master_bind_host",
            format!(
                "{host} can be reached by others, who could make this master's workers send requests anywhere: give \
                 master and workers the same --token (KATYDID_TOKEN, KATYDID_TOKEN_FILE), or certificates \
                 (--fleet-tls-cert, --fleet-tls-key, --fleet-tls-ca), or say --insecure where the network is trusted"
            ),
        );
    }
    if authority.is_some() && identity.is_none() {
        reader.refuse(
            "fleet_tls_ca",
            "needs this master's own --fleet-tls-cert and --fleet-tls-key".to_owned(),
        );
    }
    MasterSettings {
        listen: SocketAddr::new(host, port),
        tokens: token.map(|token| Tokens::new(token, grace)),
        token_file: token_file.map(|file| Files::new(vec![file])),
        tls: identity.and_then(|(certificate, key)| {
            let files = [Some(certificate), Some(key), authority];
            server_tls("fleet_tls_cert", files, PROTOCOLS, reader)
        }),
        expect_workers: reader
            .value("expect_workers", args.expect_workers.as_ref(), values::workers)
            .unwrap_or(1),
        max_wait: reader
            .value(
                "expect_workers_max_wait",
                args.expect_workers_max_wait.as_ref(),
                values::positive_time,
            )
            .or(scaler.map(|_| SCALED_WITHIN)),
        worker_grace: reader
            .value("worker_grace", args.worker_grace.as_ref(), values::time)
            .unwrap_or(WORKER_GRACE),
        master_grace: reader
            .value("master_grace", args.master_grace.as_ref(), values::time)
            .unwrap_or(MASTER_GRACE),
        journal: reader.path("journal", args.journal.as_ref()),
        scaler,
        on_sigterm: OnSigterm::of_master(args, reader),
    }
}

fn worker(
    args: &WorkerArgs,
    token: Option<GivenToken>,
    identity: Option<Identity>,
    authority: Option<Content>,
    reader: &mut Reader<'_>,
) -> WorkerRole {
    let text = args.master_host.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
    let (host, secure) = match text.split_once("://") {
        Some(("https", host)) => (host.to_owned(), true),
        Some(("http", host)) => (host.to_owned(), false),
        _ => (text, false),
    };
    let host = host.trim_end_matches('/').to_owned();
    let port = reader
        .value("master_port", args.master_port.as_ref(), values::port)
        .unwrap_or(DEFAULT_PORT);
    let wants_tls = secure || identity.is_some() || authority.is_some();
    let (token, token_file) = token.map_or((None, None), |(token, file)| (Some(token), file));
    let files = CredentialFiles {
        token: token_file.map(|(path, _)| path),
        authority: authority.as_ref().map(|(path, _)| path.clone()),
        identity: identity
            .as_ref()
            .map(|((certificate, _), (key, _))| (certificate.clone(), key.clone())),
    };
    WorkerRole {
        address: Address::Tcp {
            host,
            port,
            tls: wants_tls.then(|| ClientTls {
                authority: authority.map(|(_, pem)| pem),
                identity: identity.map(|((_, certificate), (_, key))| (certificate, key)),
                name: None,
            }),
            token,
            files: Box::new(files),
        },
        name: args.worker_name.clone().unwrap_or_else(host_name),
        drain_timeout: reader
            .value(
                "drain_timeout",
                args.drain_timeout.as_ref(),
                values::positive_time,
            )
            .unwrap_or(DRAIN_TIMEOUT),
    }
}

/// What the others call this machine; a pod's is the pod's name.
fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "worker".to_owned())
}

fn token(args: &FleetArgs, reader: &mut Reader<'_>) -> Option<GivenToken> {
    let args = &args.token;
    if let Some(token) = &args.token {
        if token.trim().is_empty() {
            reader.refuse("token", "is empty".to_owned());
        }
        return Some((token.clone(), None));
    }
    let (path, bytes) = file(args.token_file.as_ref(), "token_file", reader)?;
    match read_token(&bytes) {
        Ok(token) => Some((token.to_owned(), Some((path, bytes)))),
        Err(why) => {
            reader.refuse("token_file", why);
            None
        }
    }
}

/// The token a file holds.
pub(crate) fn read_token(content: &[u8]) -> Result<&str, String> {
    match std::str::from_utf8(content) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim()),
        _ => Err("the file holds no token".to_owned()),
    }
}

/// What chain, key and maybe authorities make; what is wrong is said of `id`.
pub(super) fn server_tls(
    id: &str,
    files: [Option<Content>; 3],
    protocols: &'static [&'static [u8]],
    reader: &mut Reader<'_>,
) -> Option<ServerTls> {
    let files = Files::new(files.into_iter().flatten().collect());
    ServerTls::new(files, protocols)
        .map_err(|message| reader.refuse(id, message))
        .ok()
}

fn identity(args: &FleetArgs, reader: &mut Reader<'_>) -> Option<Identity> {
    pem_pair(
        [
            ("fleet_tls_cert", "--fleet-tls-cert", args.fleet_tls_cert.as_ref()),
            ("fleet_tls_key", "--fleet-tls-key", args.fleet_tls_key.as_ref()),
        ],
        reader,
    )
}

/// A certificate chain and its key, by the names of their arguments and flags; one needs the other.
pub(super) fn pem_pair(
    files: [(&'static str, &str, Option<&PathBuf>); 2],
    reader: &mut Reader<'_>,
) -> Option<Identity> {
    let [certificate, key] = files.map(|(id, _, path)| file(path, id, reader));
    match files {
        [(id, _, Some(_)), (_, other, None)] | [(_, other, None), (id, _, Some(_))] => {
            reader.refuse(id, format!("needs {other} too"));
        }
        _ => {}
    }
    Some((certificate?, key?))
}

fn file(path: Option<&PathBuf>, name: &'static str, reader: &mut Reader<'_>) -> Option<Content> {
    let path = path?;
    match std::fs::read(path) {
        Ok(bytes) => Some((path.clone(), bytes)),
        Err(error) => {
            reader.refuse(name, format!("cannot read {}: {error}", path.display()));
            None
        }
    }
}

/// Flags of a fleet without one are a slip.
fn refuse_without_role(args: &FleetArgs, reader: &mut Reader<'_>) {
    let master = [
        ("expect_workers", args.master.expect_workers.is_some()),
        (
            "expect_workers_max_wait",
            args.master.expect_workers_max_wait.is_some(),
        ),
        ("journal", args.master.journal.is_some()),
        ("token_grace", args.token.token_grace.is_some()),
        ("scaler_bind_port", args.scaler.scaler_bind_port.is_some()),
        ("scaler_bind_host", args.scaler.scaler_bind_host.is_some()),
        ("on_sigterm", args.master.sigterm.on_sigterm.is_some()),
    ];
    for (name, _) in master.into_iter().filter(|(_, is_given)| *is_given) {
        reader.refuse(name, "needs --master: without it nobody connects".to_owned());
    }
}
