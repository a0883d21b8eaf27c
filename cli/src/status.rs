//! The port for programs that watch this process, if one was asked for.
//!
//! In: where to listen, and what is watched there. Out: a server, which answers until it is closed.

use std::net::SocketAddr;

use anyhow::Context;
use katydid_web_ui::status::{StatusServer, Watched};
use tokio::net::TcpListener;

use crate::exit_code::CommandError;
use crate::problem::{Problem, Problems};

/// The port, or none.
#[derive(Debug)]
pub(crate) struct StatusPort(Option<StatusServer>);

impl StatusPort {
    /// Serves at once, whatever else there is to wait for.
    ///
    /// # Errors
    ///
    /// A place to listen that cannot be had.
    pub(crate) async fn open(listen: Option<SocketAddr>, watched: Watched) -> Result<Self, CommandError> {
        let Some(listen) = listen else {
            return Ok(Self(None));
        };
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            let problem = Problem::new(format!("cannot serve metrics on {listen}: {error}"));
            let problem =
                problem.help("another process may be there; choose another --metrics-port".to_owned());
            CommandError::from(Problems::from(problem))
        })?;
        let server = StatusServer::start(listener, watched).context("metrics cannot be served")?;
        tracing::info!("Serving metrics at http://{}/metrics", server.address());
        Ok(Self(Some(server)))
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        if let Some(server) = self.0 {
            server.close().await;
        }
    }
}
