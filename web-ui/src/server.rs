//! Serves pages and APIs on a listener.
//!
//! In: a bound listener and what routes share. Out: answers, until told to end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::peer::Peer;
use crate::routes;
use crate::tls::PageTls;
use crate::web::Web;

/// How long open connections may take to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// The page's server.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
    teller: JoinHandle<()>,
}

impl WebServer {
    /// Serves, over TLS if there is something to show; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the listener has no address.
    pub fn start(listener: TcpListener, web: Web, tls: Option<PageTls>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = match tls {
            Some(tls) => tokio::spawn(serve(tls.listen(listener), web.clone(), stopped)),
            None => tokio::spawn(serve(listener, web.clone(), stopped)),
        };
        Ok(Self {
            address,
            stop,
            task,
            teller: tokio::spawn(routes::events::tell(web)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, and waits a moment for those there are.
    pub async fn close(self) {
        drop(self.stop);
        self.teller.abort();
        let mut task = self.task;
        if tokio::time::timeout(FAREWELL, &mut task).await.is_err() {
            task.abort();
        }
    }
}

async fn serve<L>(listener: L, web: Web, stopped: oneshot::Receiver<()>) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let router = routes::router(&web).into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        // Told or dropped: both mean that it is over.
        drop(stopped.await);
    });
    serving.await
}
