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
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use katydid_scenario_lang::LeanHeaders;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{AbortHandle, spawn_local, yield_now};

use super::body::BodySink;
use super::fault::{Fault, Stage};
use super::flight::{Flight, Phase};
use super::h1::Io;
use super::message::Message;
use super::meter::Meter;
use super::pieces::Pieces;
use super::response::{Answer, ReadOptions};

/// Header list accepted, in bytes.
const MAX_HEADER_LIST: u32 = 256 * 1024;

/// A connection that speaks HTTP/2, for any number of requests at once. Dropping the last copy closes it.
#[derive(Debug, Clone)]
pub(super) struct H2(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: SendRequest<Pieces>,
    meter: Rc<Meter>,
    tasks: LocalExecutor,
    /// Whether an exchange on it has failed or was given up: it may be dead, so no other one begins on it.
    is_doubtful: Cell<bool>,
}

/// An exchange under way; unless it ends well, its connection is not used again.
struct Trial<'a>(Option<&'a Inner>);

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
        Ok(Self(Rc::new(Inner {
            sender,
            meter,
            tasks,
            is_doubtful: Cell::new(false),
        })))
    }

    /// Whether an idle connection is still fit for a request, as far as we can know.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_doubtful.get() && !self.0.sender.is_closed()
    }

    /// Whether this is the same connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Sends a request and reads the response. Says whether the connection can be used again.
    ///
    /// # Errors
    ///
    /// What broke.
    pub(super) async fn exchange(
        &self,
        message: &Message,
        cookies: Option<&http::HeaderValue>,
        options: ReadOptions,
        flight: &mut Flight,
    ) -> Result<(Answer, bool), Fault> {
        let mut request = message.http2(cookies).map_err(|error| {
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
        let mut sender = self.0.sender.clone();
        let trial = Trial(Some(&self.0));
        sender
            .ready()
            .await
            .map_err(|error| failed(error, Stage::Sending, true))?;
        flight.lap(Phase::Blocked);
        flight.watch(&self.0.meter, request.body_mut().taken());
        flight.stage = Stage::Waiting;
        let response = sender.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message().is_some();
            failed(error.into_error(), Stage::Waiting, unsent)
        })?;
        if let Some(sent) = flight.sent() {
            flight.lap_at(Phase::Send, sent);
        }
        flight.lap(Phase::Wait);
        flight.stage = Stage::Receiving;
        let (head, mut incoming) = response.into_parts();
        let mut sink = BodySink::new(options.keep_body).hashing(options.hash_body);
        sink.begin(&head.headers);
        let mut trailers = LeanHeaders::default();
        while let Some(frame) = next_frame(&mut incoming).await {
            let frame = frame.map_err(|error| failed(error, Stage::Receiving, false))?;
            match frame.into_data() {
                Ok(data) => sink.push(&data),
                Err(frame) if options.keep_headers => {
                    trailers = frame.into_trailers().unwrap_or_default().into();
                }
                Err(_) => {}
            }
            flight.bytes_in = sink.received();
            if sink.is_busy() {
                yield_now().await;
            }
        }
        flight.lap(Phase::Receive);
        flight.settle();
        trial.passed();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers.into(),
            trailers,
            body: sink.take(),
        };
        Ok((answer, self.is_open()))
    }
}

impl Trial<'_> {
    /// It has ended well.
    fn passed(mut self) {
        self.0 = None;
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.is_doubtful.set(true);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in self.tasks.running.take() {
            task.abort();
        }
    }
}

/// The next of a body: data, or the trailers.
async fn next_frame(incoming: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
    poll_fn(|context| Pin::new(&mut *incoming).poll_frame(context)).await
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
