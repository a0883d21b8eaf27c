//! People who look at a page: they listen to its events and fetch the table of statistics with each tick.
//!
//! In: a page's port. Out: the bytes they receive.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flate2::bufread::MultiGzDecoder;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// How many look.
pub(super) const VIEWERS: u32 = 10;
/// A viewer that hears nothing for so long looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_secs(2);

/// People who look.
#[derive(Debug)]
pub(super) struct Viewers {
    wanted: Arc<AtomicBool>,
    events: Arc<AtomicU64>,
    fragments: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<Result<()>>>,
}

impl Viewers {
    /// Ten people open the page, whose browsers have nothing but a core of the server's: what they do is not what is measured.
    pub(super) fn open(page: u16, core: usize) -> Self {
        let wanted = Arc::new(AtomicBool::new(true));
        let (events, fragments) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let view = || {
            let (wanted, events, fragments) =
                (Arc::clone(&wanted), Arc::clone(&events), Arc::clone(&fragments));
            thread::spawn(move || {
                let mut cores = CpuSet::new();
                cores.set(core)?;
                sched_setaffinity(Pid::from_raw(0), &cores)?;
                look(page, &wanted, &events, &fragments)
            })
        };
        let threads = (0..VIEWERS).map(|_| view()).collect();
        Self {
            wanted,
            events,
            fragments,
            threads,
        }
    }

    /// Bytes of events, and of tables, they have received.
    pub(super) fn received(&self) -> (u64, u64) {
        (
            self.events.load(Ordering::Relaxed),
            self.fragments.load(Ordering::Relaxed),
        )
    }

    /// They leave.
    ///
    /// # Errors
    /// When the page did not serve one of them.
    pub(super) fn close(self) -> Result<()> {
        self.wanted.store(false, Ordering::Relaxed);
        for thread in self.threads {
            match thread.join() {
                Ok(looked) => looked?,
                Err(_) => bail!("a viewer panicked"),
            }
        }
        Ok(())
    }
}

/// Listens, and fetches the table with each tick.
fn look(page: u16, wanted: &AtomicBool, events: &AtomicU64, fragments: &AtomicU64) -> Result<()> {
    let mut stream = BufReader::new(listen(page, events)?);
    let mut table = BufReader::new(connect(page)?);
    let mut line = Vec::new();
    while wanted.load(Ordering::Relaxed) {
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => bail!("the page has ended its events"),
            Ok(_) => {
                if line.starts_with(b"event: tick") {
                    fragments.fetch_add(fetch(&mut table)?, Ordering::Relaxed);
                }
                line.clear();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the page's events"),
        }
    }
    Ok(())
}

/// Fetches the table of statistics on a connection that stays; says how many bytes came.
fn fetch(table: &mut BufReader<TcpStream>) -> Result<u64> {
    let request = "GET /ui/statistics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
    table.get_mut().write_all(request.as_bytes())?;
    let (mut received, mut chunked, mut length) = (0, false, 0u64);
    let mut line = String::new();
    loop {
        line.clear();
        received += table.read_line(&mut line)? as u64;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        chunked |= header == "transfer-encoding: chunked";
        if let Some(text) = header.strip_prefix("content-length: ") {
            length = text.parse()?;
        }
    }
    if !chunked {
        return Ok(received + skip(table, length)?);
    }
    loop {
        line.clear();
        received += table.read_line(&mut line)? as u64;
        let size =
            u64::from_str_radix(line.trim(), 16).with_context(|| format!("a chunk of `{line}` bytes"))?;
        received += skip(table, size + 2)?;
        if size == 0 {
            return Ok(received);
        }
    }
}

fn skip(from: &mut impl Read, count: u64) -> Result<u64> {
    let skipped = std::io::copy(&mut from.take(count), &mut std::io::sink())?;
    if skipped < count {
        bail!("the page has sent {skipped} of {count} bytes");
    }
    Ok(skipped)
}

fn connect(page: u16) -> Result<TcpStream> {
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, page));
    let stream = TcpStream::connect_timeout(&place, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The page's events, unpacked; what is received is counted as it comes.
fn listen<'a>(page: u16, received: &'a AtomicU64) -> Result<MultiGzDecoder<BufReader<Counted<'a>>>> {
    let mut stream = connect(page)?;
    // HTTP/1.0: no chunks, so that what follows the head is the events alone.
    let request = "GET /ui/events HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    let mut events = BufReader::new(Counted { stream, received });
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if events.read_line(&mut head)? == 0 {
            bail!("the page has no events:\n{head}");
        }
    }
    Ok(MultiGzDecoder::new(events))
}

/// Counts what it reads.
struct Counted<'a> {
    stream: TcpStream,
    received: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.received.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
