//! The ways in which a server can misbehave.
//!
//! In: a connection and its number. Out: the misbehaviour, the same on every run: what varies between connections
//! varies by their number, not by chance.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Counters;
use super::head::{read_head, read_request};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";

const CHUNK: &[u8] = &[b'h'; 64 * 1024];

/// Endless heads end after this many lines; by then every client should have given up.
const MAX_HEADER_LINES: usize = 100_000;

/// How a server treats its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Answers properly.
    Kind,
    /// Accepts and closes without a word.
    CloseAtOnce,
    /// Announces 1,000 bytes, sends 10, resets the connection.
    ResetMidBody,
    /// Answers one to five requests per connection, then closes without having said so: at once, a moment later, or
    /// when the next request has arrived.
    CloseUnannounced,
    /// Reads the request and never answers.
    NeverAnswers,
    /// Sends a proper answer byte by byte.
    Drip {
        /// The pause before each byte.
        every: Duration,
    },
    /// Sends a body of this length, as fast as it is read.
    HugeBody {
        /// The body's length in bytes.
        bytes: u64,
    },
    /// Answers with something that is no HTTP.
    Malformed(Malformed),
    /// Redirects every request to itself.
    RedirectLoop,
    /// Sends half a head and closes.
    HalfHead,
    /// Announces 1,000 bytes, sends 10, closes.
    ShortBody,
    /// Sends a body in chunks whose third is nonsense.
    BrokenChunks,
    /// Sends a body in chunks and closes before the last.
    UnfinishedChunks,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No status line at all.
    Garbage,
    /// A status that is no number.
    BadStatus,
    /// A header name with a space in it.
    BadHeaderName,
    /// A NUL in a header's value.
    BadHeaderValue,
    /// A body length below zero.
    NegativeLength,
    /// Two body lengths that differ.
    TwoLengths,
    /// Five thousand headers.
    ManyHeaders,
    /// Headers without end.
    EndlessHeaders,
}

impl Malformed {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Garbage,
        Self::BadStatus,
        Self::BadHeaderName,
        Self::BadHeaderValue,
        Self::NegativeLength,
        Self::TwoLengths,
        Self::ManyHeaders,
        Self::EndlessHeaders,
    ];
}

/// Treats one connection.
pub(super) async fn behave(
    manners: Manners,
    mut stream: TcpStream,
    nth: u64,
    counters: Arc<Counters>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match manners {
        Manners::CloseAtOnce => return Ok(()),
        Manners::CloseUnannounced => return close_unannounced(stream, nth, &counters).await,
        Manners::Kind => return answer_all(&mut stream, &counters).await,
        _ => {}
    }
    let mut buffer = BytesMut::new();
    while read_request(&mut stream, &mut buffer).await?.is_some() {
        counters.request();
        match manners {
            Manners::Kind | Manners::CloseAtOnce | Manners::CloseUnannounced => {}
            Manners::ResetMidBody => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0123456789")
                    .await?;
                // The client gets to read what was sent before it meets the reset.
                tokio::time::sleep(Duration::from_millis(5)).await;
                return stream.set_zero_linger();
            }
            Manners::NeverAnswers => return until_closed(&mut stream).await,
            Manners::Drip { every } => {
                for byte in OK {
                    tokio::time::sleep(every).await;
                    stream.write_all(std::slice::from_ref(byte)).await?;
                }
                counters.answer();
            }
            Manners::HugeBody { bytes } => {
                send_huge(&mut stream, bytes).await?;
                counters.answer();
            }
            Manners::Malformed(kind) => return send_malformed(&mut stream, kind).await,
            Manners::RedirectLoop => {
                let head = b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(head).await?;
                counters.answer();
            }
            Manners::HalfHead => return finish(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-le").await,
            Manners::ShortBody => {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0123456789";
                return finish(&mut stream, answer).await;
            }
            Manners::BrokenChunks => {
                let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                               3\r\nabc\r\n3\r\ndef\r\nzz\r\nghi\r\n0\r\n\r\n";
                return finish(&mut stream, answer).await;
            }
            Manners::UnfinishedChunks => {
                let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n";
                return finish(&mut stream, answer).await;
            }
        }
    }
    Ok(())
}

/// Answers every request properly.
pub(crate) async fn answer_all<S>(stream: &mut S, counters: &Counters) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    while read_request(stream, &mut buffer).await?.is_some() {
        counters.request();
        stream.write_all(OK).await?;
        stream.flush().await?;
        counters.answer();
    }
    Ok(())
}

async fn close_unannounced(mut stream: TcpStream, nth: u64, counters: &Counters) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    for _ in 0..nth % 5 + 1 {
        if read_request(&mut stream, &mut buffer).await?.is_none() {
            return Ok(());
        }
        counters.request();
        stream.write_all(OK).await?;
        counters.answer();
    }
    match nth % 3 {
        0 => Ok(()),
        1 => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        }
        _ => {
            if read_head(&mut stream, &mut buffer).await?.is_some() {
                counters.request();
            }
            Ok(())
        }
    }
}

async fn send_huge(stream: &mut TcpStream, bytes: u64) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).map_or(CHUNK.len(), |left| left.min(CHUNK.len()));
        stream.write_all(&CHUNK[..length]).await?;
        left -= length as u64;
    }
    Ok(())
}

async fn send_malformed(stream: &mut TcpStream, kind: Malformed) -> io::Result<()> {
    let fixed: &[u8] = match kind {
        Malformed::Garbage => b"220 mail.example ESMTP ready\r\n\r\n",
        Malformed::BadStatus => b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n",
        Malformed::BadHeaderName => b"HTTP/1.1 200 OK\r\nbad name: x\r\ncontent-length: 0\r\n\r\n",
        Malformed::BadHeaderValue => b"HTTP/1.1 200 OK\r\nx-bad: a\0b\r\ncontent-length: 0\r\n\r\n",
        Malformed::NegativeLength => b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        Malformed::TwoLengths => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 3\r\n\r\nhello",
        Malformed::ManyHeaders | Malformed::EndlessHeaders => b"HTTP/1.1 200 OK\r\n",
    };
    let lines = match kind {
        Malformed::ManyHeaders => 5_000,
        Malformed::EndlessHeaders => MAX_HEADER_LINES,
        _ => return finish(stream, fixed).await,
    };
    stream.write_all(fixed).await?;
    for line in 0..lines {
        stream
            .write_all(format!("x-header-{line}: {line}\r\n").as_bytes())
            .await?;
    }
    finish(stream, b"content-length: 0\r\n\r\n").await
}

/// Sends the last bytes and closes in an orderly way: what was sent arrives.
async fn finish(stream: &mut TcpStream, last: &[u8]) -> io::Result<()> {
    stream.write_all(last).await?;
    stream.shutdown().await?;
    until_closed(stream).await
}

/// Reads on until the client closes.
async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
