//! How many connections there are, how long one may stay before it belongs to a worker that was let in, and their end
//! when the peer does not end them.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Extensions;
use tonic::transport::server::{Connected, TcpConnectInfo, TlsConnectInfo};
use tracing::warn;

use crate::fleet::MAX_WORKERS;

/// Connections beyond those of a full fleet: workers that reconnect, and those that are being refused.
const SPARE: usize = 256;
/// Connections of workers there may be.
pub(super) const PLACES: usize = MAX_WORKERS + SPARE;
/// Time within which a peer must have been let in. Whoever only talks keeps no place: reconnecting workers need it.
const ADMITTED_WITHIN: Duration = Duration::from_secs(15);
/// Time between two lines of the log about too many connections.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Lets connections in while there is room.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// Who comes through, for people.
    who: &'static str,
    room: Arc<Semaphore>,
    /// When it was last said that there is no room.
    said: Arc<Mutex<Option<Instant>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(PLACES, "workers")
    }
}

impl Gate {
    /// One with room for so many connections.
    pub(super) fn new(places: usize, who: &'static str) -> Self {
        Self {
            who,
            room: Arc::new(Semaphore::new(places)),
            said: Arc::default(),
        }
    }

    /// A connection, or nothing when there are too many or it is dead already.
    pub(super) fn let_in(&self, stream: io::Result<TcpStream>) -> Option<io::Result<Guarded>> {
        // An error here is that of one connection (or of too many open files): the next may be fine.
        let stream = stream.ok()?;
        match Arc::clone(&self.room).try_acquire_owned() {
            Ok(place) => {
                drop(stream.set_nodelay(true));
                let peer = Peer {
                    tcp: stream.connect_info(),
                    cut: CancellationToken::new(),
                    admitted: Arc::default(),
                };
                Some(Ok(Guarded {
                    stream,
                    is_cut: Box::pin(peer.cut.clone().cancelled_owned()),
                    peer,
                    patience: Some(Box::pin(sleep(ADMITTED_WITHIN))),
                    _place: place,
                }))
            }
            Err(_) => {
                // Now and then, however many come.
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
                    *said = Some(Instant::now());
                    warn!(
                        "too many connections from {}: new ones are closed until some have ended",
                        self.who
                    );
                }
                None
            }
        }
    }
}

/// Who is at the other end of a connection; known to the requests that come over it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    tcp: TcpConnectInfo,
    cut: CancellationToken,
    admitted: Arc<AtomicBool>,
}

impl Peer {
    /// The peer a request came from; `None` within this process.
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Self>().or_else(|| {
            let tls = extensions.get::<TlsConnectInfo<Self>>()?;
            Some(tls.get_ref())
        })
    }

    /// Its address, as text; empty when the system does not tell.
    pub(super) fn address(&self) -> String {
        self.tcp
            .remote_addr()
            .map_or_else(String::new, |address| address.to_string())
    }

    /// It may stay.
    pub(super) fn admit(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }

    /// Whether it was let in.
    pub(super) fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Ends the connection, whatever is still on its way: one that takes nothing would never see a polite end.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }
}

/// A connection that holds its place.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    peer: Peer,
    is_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Runs until the peer is let in.
    patience: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    /// Whether the connection is over, because it was cut or nobody let it in; whoever waits for it to be ready for
    /// anything is woken when it is.
    fn poll_over(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.is_cut.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if let Some(patience) = &mut self.patience {
            if self.peer.is_admitted() {
                self.patience = None;
            } else if patience.as_mut().poll(context).is_ready() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl Connected for Guarded {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_over(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_over(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// A connection and its other end.
    async fn pair() -> (Guarded, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        (Gate::default().let_in(Ok(ours)).unwrap().unwrap(), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_talks_without_being_let_in_is_closed() {
        let (mut ours, mut theirs) = pair().await;
        let began = Instant::now();
        let mut byte = [0; 1];
        let why = loop {
            theirs.write_all(b"P").await.unwrap();
            if let Err(why) = ours.read_exact(&mut byte).await {
                break why;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(began.elapsed() < 2 * ADMITTED_WITHIN, "it holds its place");
        };
        assert_eq!(why.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_let_in_may_be_silent() {
        let (mut ours, _theirs) = pair().await;
        ours.peer.admit();
        let mut byte = [0; 1];
        let silent = timeout(10 * ADMITTED_WITHIN, ours.read_exact(&mut byte)).await;
        assert!(silent.is_err(), "{silent:?}");
    }
}
