//! The target from outside: bound, then served until told to stop.
//!
//! In: [`TargetSettings`]. Out: an address and a future that serves. Connections are accepted here and handed in turn
//! to threads that share nothing but counters, so the caller's own runtime stays free for other work.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use crate::clock::Clock;
use crate::counter::Counter;
use crate::error::TargetError;
use crate::flaky::Flaky;
use crate::ledger::Ledger;
use crate::routes::App;
use crate::sessions::Sessions;
use crate::settings::TargetSettings;
use crate::spawns::Spawns;
use crate::statistics::StatisticsReader;
use crate::timer::PreciseTimer;
use crate::workers::Workers;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4_096;

/// The pause after the system refused a connection, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A target that listens. Connections are accepted once it is served.
#[derive(Debug)]
pub struct Target {
    listener: TcpListener,
    address: SocketAddr,
    threads: usize,
    app: Arc<App>,
}

impl Target {
    /// Listens on the address of the settings. Needs a tokio runtime with I/O enabled.
    ///
    /// # Errors
    ///
    /// [`TargetError`] when the settings make no sense, the address cannot be used or a thread cannot be started.
    pub async fn bind(settings: TargetSettings) -> Result<Self, TargetError> {
        let rate = settings.flaky_rate;
        let threads = settings.thread_count();
        if !(0.0..=1.0).contains(&rate) {
            return Err(TargetError::FlakyRate { rate });
        }
        let counter = settings
            .redis
            .map_or(Ok(Counter::default()), |url| Counter::of_redis(&url))?;
        let listener = listen(settings.bind).map_err(|source| TargetError::Bind {
            address: settings.bind,
            source,
        })?;
        let address = listener.local_addr().map_err(|source| TargetError::Bind {
            address: settings.bind,
            source,
        })?;
        let clock = Clock::start();
        let ledger = Arc::new(Ledger::new(threads, clock));
        let spawns = Arc::new(Spawns::default());
        let app = App {
            clock,
            statistics: StatisticsReader::new(Arc::clone(&ledger), Arc::clone(&spawns)),
            ledger,
            spawns,
            counter,
            sessions: Sessions::default(),
            flaky: Flaky::new(rate),
            larder: Arc::default(),
            timer: PreciseTimer::start().map_err(|source| TargetError::Thread { source })?,
        };
        Ok(Self {
            listener,
            address,
            threads,
            app: Arc::new(app),
        })
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the counts in this process, while it serves and after.
    #[must_use]
    pub fn statistics(&self) -> StatisticsReader {
        self.app.statistics.clone()
    }

    /// Serves until `shutdown` is ready, then answers what is in flight, for a second at most.
    ///
    /// Dropping the future stops serving likewise.
    ///
    /// # Errors
    ///
    /// [`TargetError`] when a serving thread cannot be started or ends unexpectedly.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), TargetError> {
        let mut workers = Workers::start(self.threads, &self.app)?;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    self.app.ledger.connected();
                    workers.hand_over(stream).await?;
                }
                Err(error) => {
                    // The listener stays usable; the connection is gone or waits in the backlog.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        workers.stop().await
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As tokio's own `bind` does; elsewhere the option means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
