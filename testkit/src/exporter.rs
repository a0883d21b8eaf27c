//! A server with a page of numbers for Prometheus, in place of exporters that only clusters have.
//!
//! In: what the page says at the n-th visit. Out: a URL, served until dropped.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;

/// The exporter.
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Serves what `page` says at each visit, which are counted from 0.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(page: impl Fn(u64) -> String + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name("exporter".to_owned())
            .spawn(move || {
                let mut visits = 0;
                for visit in listener.incoming() {
                    if told.load(Ordering::Acquire) {
                        return;
                    }
                    // Who leaves in the middle comes again.
                    if let Ok(stream) = visit
                        && serve(stream, &page(visits)).is_ok()
                    {
                        visits += 1;
                    }
                }
            })?;
        Ok(Self {
            address,
            ended,
            thread: Some(thread),
        })
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes it up.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
