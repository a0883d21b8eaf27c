//! An HTTP/2 connection: hyper's, with its own task on the load thread.
//!
//! In: a request. Out: the response. A [`Meter`] below hyper counts what is written and notes when, since hyper does
//! not say.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use super::body::BodySink;
use super::fault::{Fault, Stage};
use super::flight::{Flight, Phase};
use super::h1::Io;
use super::message::Message;
use super::pieces::Pieces;
use super::response::{Answer, ReadOptions};

/// Header list accepted, in bytes.
const MAX_HEADER_LIST: u32 = 256 * 1024;

/// A connection that speaks HTTP/2. Dropping it closes it.
#[derive(Debug)]
pub(super) struct H2 {
    sender: SendRequest<Pieces>,
    meter: Rc<Meter>,
    tasks: LocalExecutor,
}

/// What has been written to a connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    written: Cell<u64>,
    last_write: Cell<Option<Instant>>,
}

/// A stream with a meter.
#[derive(Debug)]
struct Metered {
    stream: Io,
    meter: Rc<Meter>,
}

/// Runs a connection's tasks on the load thread, and ends them with it.
#[derive(Debug, Clone, Default)]
struct LocalExecutor {
    running: Rc<RefCell<Vec<AbortHandle>>>,
}

// === impl H2 ===

impl H2 {
    /// Takes over a connection on which nothing has been said.
    ///
    /// # Errors
    ///
    /// When the server does not speak HTTP/2 after all.
    pub(super) async fn handshake(stream: Io) -> Result<Self, hyper::Error> {
        let meter = Rc::new(Meter::default());
        let metered = Metered {
            stream,
            meter: Rc::clone(&meter),
        };
        let tasks = LocalExecutor::default();
        let (sender, connection) = Builder::new(tasks.clone())
            .max_header_list_size(MAX_HEADER_LIST)
            .handshake(TokioIo::new(metered))
            .await?;
        tasks.execute(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Self { sender, meter, tasks })
    }

    /// Whether an idle connection is still fit for a request, as far as we can know.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the response. Says whether the connection can be used again.
    ///
    /// # Errors
    ///
    /// What broke.
    pub(super) async fn exchange(
        &mut self,
        message: &Message,
        cookies: Option<&http::HeaderValue>,
        options: ReadOptions,
        flight: &mut Flight,
    ) -> Result<(Answer, bool), Fault> {
        let request = message.http2(cookies).map_err(|error| {
            Fault::Request(format!(
                "`{}` cannot be sent over HTTP/2: {error}",
                message.target.path
            ))
        })?;
        let failed = |source, stage, unsent| Fault::Http2 {
            source,
            stage,
            unsent,
        };
        self.sender
            .ready()
            .await
            .map_err(|error| failed(error, Stage::Sending, true))?;
        flight.lap(Phase::Blocked);
        flight.watch(&self.meter);
        flight.stage = Stage::Waiting;
        let response = self.sender.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message().is_some();
            failed(error.into_error(), Stage::Waiting, unsent)
        })?;
        if let Some(sent) = self.meter.last_write.get() {
            flight.lap_at(Phase::Send, sent);
        }
        flight.lap(Phase::Wait);
        flight.stage = Stage::Receiving;
        let (head, mut incoming) = response.into_parts();
        let mut sink = BodySink::new(options.keep_body);
        loop {
            match next_data(&mut incoming).await {
                None => break,
                Some(Ok(data)) => sink.push(&data),
                Some(Err(error)) => return Err(failed(error, Stage::Receiving, false)),
            }
            flight.bytes_in = sink.received();
        }
        flight.lap(Phase::Receive);
        flight.settle();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers.into(),
            body: sink.take(),
        };
        Ok((answer, self.is_open()))
    }
}

impl Drop for H2 {
    fn drop(&mut self) {
        for task in self.tasks.running.take() {
            task.abort();
        }
    }
}

/// The next data of a body; trailers are dropped.
async fn next_data(incoming: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *incoming).poll_frame(context)).await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

// === impl Meter ===

impl Meter {
    /// Bytes written so far.
    pub(super) const fn written(&self) -> u64 {
        self.written.get()
    }

    fn note(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = result {
            self.written.set(self.written.get() + *count as u64);
            self.last_write.set(Some(Instant::now()));
        }
    }
}

// === impl Metered ===

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.poll_read(context, buffer)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = self.stream.poll_write(context, bytes);
        self.meter.note(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.stream.poll_write_vectored(context, slices);
        self.meter.note(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(context)
    }
}

// === impl LocalExecutor ===

impl<F> Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let mut running = self.running.borrow_mut();
        running.retain(|task| !task.is_finished());
        running.push(spawn_local(future).abort_handle());
    }
}
