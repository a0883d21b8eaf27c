//! How many users are wanted, told to whoever brings workers.
//!
//! In: pictures of a test with a page, or snapshots of a run without one. Out: the [`Demand`] of the moment at the
//! scaler's port, from before the first run to after the last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use katydid_master::ScalerServer;
use katydid_protocol::scaler::Demand;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::crew::listen;
use crate::exit_code::CommandError;
use crate::problem::{Problem, Problems};

/// How long connections may take to end after the last word.
const FAREWELL: Duration = Duration::from_secs(1);

/// The scaler's port.
#[derive(Debug)]
pub(super) struct Scaler {
    server: ScalerServer,
    demand: watch::Sender<Demand>,
}

/// The scaler's port, with somebody behind it who knows what is wanted.
#[derive(Debug)]
pub(super) struct Informed {
    server: ScalerServer,
    telling: JoinHandle<()>,
}

impl Scaler {
    /// Opens it, if there shall be one; `first` is what is wanted already.
    pub(super) fn open(address: Option<SocketAddr>, first: Demand) -> Result<Option<Self>, CommandError> {
        let Some(address) = address else {
            return Ok(None);
        };
        let (demand, wanted) = watch::channel(first);
        let server = listen(address)
            .and_then(|listener| ScalerServer::listen(listener, wanted))
            .map_err(|error| {
                let problem = Problem::new(format!("cannot wait for KEDA on {address}: {error}"));
                let help = "another master may be running; choose another --scaler-bind-port";
                CommandError::from(Problems::from(problem.help(help.to_owned())))
            })?;
        tracing::info!("Telling KEDA how many users are wanted on {}", server.address());
        Ok(Some(Self { server, demand }))
    }

    /// Tells what `source` says, whenever that changes, until it ends.
    pub(super) fn follow<T>(
        self,
        mut source: watch::Receiver<Arc<T>>,
        read: impl Fn(&T) -> Demand + Send + 'static,
    ) -> Informed
    where
        T: Send + Sync + 'static,
    {
        let Self { server, demand } = self;
        let telling = tokio::spawn(async move {
            loop {
                let wanted = read(&source.borrow_and_update());
                demand.send_if_modified(|told| std::mem::replace(told, wanted) != wanted);
                if source.changed().await.is_err() {
                    return;
                }
            }
        });
        Informed { server, telling }
    }
}

impl Informed {
    /// Nothing more will be wanted.
    pub(super) async fn close(self) {
        // What it told is dropped with it, which ends the streams.
        self.telling.abort();
        self.server.close(FAREWELL).await;
    }
}
