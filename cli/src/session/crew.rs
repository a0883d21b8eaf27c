//! Who runs the users: the worker in this process, or those that connect.
//!
//! In: what the run needs. Out: the door workers come through, and what has to be seen off at the end.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Context;
use katydid_master::{Access, Arrival, Assets, Expectations, FleetServer, Token, Tokens};
use katydid_worker::{Address, Departure, FleetWorker, FleetWorkerSettings, UplinkError};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::exit_code::CommandError;
use crate::problem::{Problem, Problems};
use crate::server_tls::ServerTls;
use crate::settings::{MasterSettings, read_token};
use crate::watched::Files;

/// What scripts see as `me.worker` when there is only one.
const WORKER_NAME: &str = "local";
/// Bytes under way between master and worker of one process.
const PIPE: usize = 256 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4_096;
/// How long connections may take to end after the last word.
const FAREWELL: Duration = Duration::from_secs(2);
/// A worker in this process is there at once, and when it is gone it does not come back.
const NO_GRACE: Duration = Duration::ZERO;

/// The workers' door.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) expectations: Expectations,
    server: FleetServer,
    local: Option<Local>,
}

/// The worker in this process.
#[derive(Debug)]
struct Local {
    life: JoinHandle<Result<Departure, UplinkError>>,
    /// Dropped, it wants nothing any more.
    _leave: watch::Sender<bool>,
}

impl Crew {
    /// One worker, in this process, spoken to as any other.
    pub(super) fn local(
        threads: Option<NonZeroUsize>,
        open_files: Option<u64>,
        assets: Assets,
    ) -> Result<Self, CommandError> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (server, arrivals) = FleetServer::within(ours, assets).context("the worker could not start")?;
        let (leave, drain) = watch::channel(false);
        let worker = FleetWorker::new(FleetWorkerSettings {
            address: Address::Pipe(theirs),
            name: WORKER_NAME.to_owned(),
            threads,
            open_files: open_files.unwrap_or(u64::MAX),
            drain,
            drain_timeout: FAREWELL,
            log: None,
            vitals: None,
        })
        .map_err(anyhow::Error::from)?;
        Ok(Self {
            arrivals,
            expectations: Expectations {
                workers: 1,
                max_wait: None,
                worker_grace: NO_GRACE,
                master_grace: NO_GRACE,
            },
            server,
            local: Some(Local {
                life: tokio::spawn(worker.run()),
                _leave: leave,
            }),
        })
    }

    /// Workers that connect.
    pub(super) async fn fleet(settings: MasterSettings, assets: Assets) -> Result<Self, CommandError> {
        let listener = listen(settings.listen).map_err(|error| {
            let problem = Problem::new(format!("cannot wait for workers on {}: {error}", settings.listen));
            let problem =
                problem.help("another master may be running; choose another --master-bind-port".to_owned());
            CommandError::from(Problems::from(problem))
        })?;
        let access = access(settings.tokens, settings.token_file, settings.tls);
        let (server, arrivals) =
            FleetServer::listen(listener, access, assets).context("workers cannot be waited for")?;
        if let Some(address) = server.address() {
            tracing::info!("Waiting for workers on {address}");
        }
        Ok(Self {
            arrivals,
            expectations: Expectations {
                workers: settings.expect_workers,
                max_wait: settings.max_wait,
                worker_grace: settings.worker_grace,
                master_grace: settings.master_grace,
            },
            server,
            local: None,
        })
    }
}

/// Who may join; what is read from files is looked after from now on.
fn access(tokens: Option<Tokens>, token_file: Option<Files>, tls: Option<ServerTls>) -> Access {
    if let (Some(tokens), Some(file)) = (tokens.clone(), token_file) {
        tokio::spawn(file.follow(move |contents| {
            let text = read_token(contents.first().map_or(&[], Vec::as_slice))?;
            tokens.replace(Token::new(text).ok_or("it is empty")?);
            Ok(())
        }));
    }
    let tls = tls.map(|tls| {
        let current = tls.current();
        tls.follow();
        current
    });
    Access { tokens, tls }
}

/// A listener with room for a fleet that comes all at once.
pub(super) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A master that is restarted needs the port its predecessor had a moment ago.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What is left of a crew while its run goes on.
#[derive(Debug)]
pub(super) struct Door {
    server: FleetServer,
    local: Option<Local>,
}

impl Crew {
    /// Parts the news, which go to the run, from the door they come through.
    pub(super) fn part(self) -> (mpsc::Receiver<Arrival>, Expectations, Door) {
        let door = Door {
            server: self.server,
            local: self.local,
        };
        (self.arrivals, self.expectations, door)
    }
}

impl Door {
    /// Waits a moment for everybody to have gone.
    pub(super) async fn close(self) {
        if let Some(local) = self.local {
            // It leaves when the run says goodbye; if it does not, the process ends all the same.
            drop(tokio::time::timeout(FAREWELL, local.life).await);
        }
        self.server.close(FAREWELL).await;
    }
}
