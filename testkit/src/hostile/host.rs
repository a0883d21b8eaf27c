//! Runs a server's connections on a thread of its own.
//!
//! In: what to do with a connection. Out: a listening address; every connection is treated so until this is dropped.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Counters;

/// A listening thread.
#[derive(Debug)]
pub(crate) struct Host {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Listens on a free port of loopback and calls `treat` with each connection and its number, from 0.
    pub(crate) fn start<T, F>(treat: T) -> Result<Self>
    where
        T: Fn(TcpStream, u64, Arc<Counters>) -> F + Send + 'static,
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&counters);
        let thread = std::thread::Builder::new()
            .name("hostile-server".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = accept_all(listener, treat, shared) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            counters,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _panicked = thread.join();
        }
    }
}

async fn accept_all<T, F>(listener: TcpListener, treat: T, counters: Arc<Counters>)
where
    T: Fn(TcpStream, u64, Arc<Counters>) -> F,
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let nth = counters.connect();
                let treatment = treat(stream, nth, Arc::clone(&counters));
                let counters = Arc::clone(&counters);
                connections.spawn(async move {
                    // Clients may leave whenever they like.
                    let _left = treatment.await;
                    counters.disconnect();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
