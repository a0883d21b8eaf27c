//! An HTTP/1.1 connection, driven inside the task of the user who owns it.
//!
//! In: a request as bytes. Out: the response, and whether the connection can be used again. An idle connection holds a
//! socket and nothing else: reading goes through the thread's one buffer, within a poll.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::client::TlsStream;

use super::fault::{Fault, Stage};
use super::flight::{Flight, Phase};
use super::message::Wire;
use super::response::{Answer, ReadOptions, ResponseReader};
use super::thread::HttpThread;

/// How long a body waits for the server to ask for it; one that does not know how to gets it then.
const CONTINUE_LIMIT: Duration = Duration::from_secs(1);

/// A connection that speaks HTTP/1.1.
#[derive(Debug)]
pub(super) struct H1 {
    io: Io,
}

/// The two kinds of stream.
#[derive(Debug)]
pub(super) enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A request on its way out, and the response on its way in.
struct Roundtrip<'a> {
    io: &'a mut Io,
    wire: Wire,
    written: usize,
    sending: Sending,
    reader: ResponseReader,
    /// Whether bytes came after the response, which makes the connection useless.
    has_surplus: bool,
}

#[derive(Debug)]
enum Sending {
    Busy,
    /// The head has been sent; the body waits until the server asks for it or the time is over.
    Held(Pin<Box<Sleep>>),
    /// There was an answer before the body was sent, so it never will be.
    Withheld,
    Done,
    /// It failed; there may be a response to read nevertheless.
    Failed(io::Error),
}

// === impl H1 ===

impl H1 {
    /// Takes over a connection on which nothing has been said.
    pub(super) const fn new(io: Io) -> Self {
        Self { io }
    }

    /// Whether an idle connection is still fit for a request, as far as we can know.
    pub(super) fn is_open(&mut self) -> bool {
        match &mut self.io {
            // Costs no system call unless something has happened.
            Io::Plain(stream) => {
                matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Io::Tls(stream) => {
                let mut context = Context::from_waker(Waker::noop());
                let mut byte = [0];
                Pin::new(stream.as_mut())
                    .poll_read(&mut context, &mut ReadBuf::new(&mut byte))
                    .is_pending()
            }
        }
    }

    /// Sends a request and reads the response. Says whether the connection can be used again.
    ///
    /// # Errors
    ///
    /// What broke; then the connection cannot.
    pub(super) async fn exchange(
        &mut self,
        thread: &HttpThread,
        wire: Wire,
        options: ReadOptions,
        flight: &mut Flight,
    ) -> Result<(Answer, bool), Fault> {
        let mut roundtrip = Roundtrip {
            io: &mut self.io,
            wire,
            written: 0,
            sending: Sending::Busy,
            reader: ResponseReader::new(options),
            has_surplus: false,
        };
        poll_fn(|context| roundtrip.poll(context, thread, flight)).await?;
        let is_sent = matches!(roundtrip.sending, Sending::Done);
        let reusable =
            is_sent && !roundtrip.wire.closes && !roundtrip.has_surplus && roundtrip.reader.keep_alive();
        Ok((roundtrip.reader.answer(), reusable))
    }
}

// === impl Roundtrip ===

impl Roundtrip<'_> {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        thread: &HttpThread,
        flight: &mut Flight,
    ) -> Poll<Result<(), Fault>> {
        self.send(context, thread, flight);
        // Reading goes on while a large request is being sent: the server may answer before it has all of it.
        loop {
            let mut buffer = thread.read_buffer();
            let mut read = ReadBuf::new(&mut buffer);
            match self.io.poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    let done = self.take(read.filled(), flight);
                    if !matches!(done, Ok(false)) {
                        return Poll::Ready(done.map(drop).map_err(Fault::Malformed));
                    }
                    if self.reader.is_busy() {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    if matches!(self.sending, Sending::Busy) && self.reader.is_continued() {
                        self.send(context, thread, flight);
                    }
                }
                Poll::Ready(end) => return Poll::Ready(self.end(end, flight)),
                Poll::Pending => match self.send_error() {
                    Some(fault) => return Poll::Ready(Err(fault)),
                    None => return Poll::Pending,
                },
            }
        }
    }

    /// Sends as much as can be sent now.
    fn send(&mut self, context: &mut Context<'_>, thread: &HttpThread, flight: &mut Flight) {
        loop {
            match &mut self.sending {
                Sending::Held(limit) => {
                    if limit.as_mut().poll(context).is_pending() {
                        return;
                    }
                    self.sending = Sending::Busy;
                }
                Sending::Busy => match self.poll_write(context, flight) {
                    Poll::Ready(Ok(())) if std::mem::take(&mut self.wire.is_held) => {
                        flight.lap(Phase::Send);
                        self.sending = Sending::Held(Box::pin(sleep(CONTINUE_LIMIT)));
                    }
                    Poll::Ready(Ok(())) => {
                        self.sending = Sending::Done;
                        thread.give_back(std::mem::take(&mut self.wire.head));
                        // Unless the response has begun already.
                        if flight.stage == Stage::Sending {
                            flight.lap(Phase::Send);
                            flight.stage = Stage::Waiting;
                        }
                        return;
                    }
                    Poll::Ready(Err(error)) => {
                        self.sending = Sending::Failed(error);
                        return;
                    }
                    Poll::Pending => return,
                },
                Sending::Withheld | Sending::Done | Sending::Failed(_) => return,
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, flight: &mut Flight) -> Poll<io::Result<()>> {
        let head = self.wire.head.len();
        loop {
            let rest = match self.wire.head.get(self.written..) {
                Some(rest) if !rest.is_empty() => rest,
                _ if self.wire.is_held => break,
                _ => &self.wire.body[self.written - head..],
            };
            if rest.is_empty() {
                let Some(next) = self.wire.more.pop() else {
                    break;
                };
                self.wire.body = next;
                self.written = head;
                continue;
            }
            let count = ready!(self.io.poll_write(context, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            flight.bytes_out += count as u64;
        }
        self.io.poll_flush(context)
    }

    /// Takes what was read. Says whether the response is complete.
    fn take(&mut self, bytes: &[u8], flight: &mut Flight) -> Result<bool, &'static str> {
        if matches!(self.sending, Sending::Held(_)) {
            return self.take_early(bytes, flight);
        }
        let is_first = flight.stage != Stage::Receiving;
        if is_first {
            flight.lap(if flight.stage == Stage::Sending {
                Phase::Send
            } else {
                Phase::Wait
            });
            flight.stage = Stage::Receiving;
        }
        let consumed = self.reader.feed(bytes)?;
        flight.bytes_in = self.reader.received();
        if !self.reader.is_done() {
            return Ok(false);
        }
        self.has_surplus = consumed < bytes.len();
        // A response that comes in one piece is received when it begins; that saves a look at the clock.
        if !is_first {
            flight.lap(Phase::Receive);
        }
        Ok(true)
    }

    /// Takes what was read while the body is held back: word that it may come, or an answer that does without it.
    fn take_early(&mut self, bytes: &[u8], flight: &mut Flight) -> Result<bool, &'static str> {
        let consumed = self.reader.feed(bytes)?;
        flight.bytes_in = self.reader.received();
        if self.reader.is_answered() {
            flight.lap(Phase::Wait);
            flight.stage = Stage::Receiving;
            self.sending = Sending::Withheld;
        } else if self.reader.is_continued() {
            self.sending = Sending::Busy;
        }
        self.has_surplus = consumed < bytes.len();
        Ok(self.reader.is_done())
    }

    /// Nothing more will come.
    fn end(&mut self, result: io::Result<()>, flight: &mut Flight) -> Result<(), Fault> {
        let result = match result {
            // TLS without its farewell is an end all the same; whether the response is complete, HTTP says.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            other => other,
        };
        match result {
            Ok(()) if self.reader.end() => {
                flight.lap(Phase::Receive);
                Ok(())
            }
            _ if !self.reader.has_begun() && matches!(self.sending, Sending::Failed(_)) => {
                Err(self.send_error().unwrap_or(Fault::Closed { stage: flight.stage }))
            }
            Ok(()) => Err(Fault::Closed { stage: flight.stage }),
            Err(source) => Err(Fault::Io {
                source,
                stage: flight.stage,
            }),
        }
    }

    fn send_error(&mut self) -> Option<Fault> {
        match std::mem::replace(&mut self.sending, Sending::Busy) {
            Sending::Failed(source) => Some(Fault::Io {
                source,
                stage: Stage::Sending,
            }),
            other => {
                self.sending = other;
                None
            }
        }
    }
}

// === impl Io ===

impl Io {
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }

    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, slices),
        }
    }

    pub(super) fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }
}
