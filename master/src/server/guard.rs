//! How many connections there are, and how long one may stay silent before it has said anything.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};
use tracing::warn;

use crate::fleet::MAX_WORKERS;

/// Connections beyond those of a full fleet: workers that reconnect, and those that are being refused.
const SPARE: usize = 256;
/// Time within which a peer must have sent its first byte.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// Time between two lines of the log about too many connections.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Lets connections in while there is room.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    room: Arc<Semaphore>,
    /// When it was last said that there is no room.
    said: Arc<Mutex<Option<Instant>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(MAX_WORKERS + SPARE)),
            said: Arc::default(),
        }
    }
}

impl Gate {
    /// A connection, or nothing when there are too many or it is dead already.
    pub(super) fn let_in(&self, stream: io::Result<TcpStream>) -> Option<io::Result<Guarded>> {
        // An error here is that of one connection (or of too many open files): the next may be fine.
        let stream = stream.ok()?;
        match Arc::clone(&self.room).try_acquire_owned() {
            Ok(place) => {
                drop(stream.set_nodelay(true));
                Some(Ok(Guarded {
                    stream,
                    silence: Some(Box::pin(sleep(FIRST_WORD))),
                    _place: place,
                }))
            }
            Err(_) => {
                // Now and then, however many come.
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
                    *said = Some(Instant::now());
                    warn!("too many connections from workers: new ones are closed until some have ended");
                }
                None
            }
        }
    }
}

/// A connection that holds its place.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    /// Runs until the first byte.
    silence: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Guarded {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            self.silence = None;
        } else if let Some(silence) = &mut self.silence
            && silence.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
