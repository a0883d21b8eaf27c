//! Takes finished lines and writes them on a thread of its own.
//!
//! In: lines, from load threads too, which must never wait. Out: the same lines in order on terminal or file; what
//! comes faster than it can be written is dropped and counted.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use crate::terminal::Terminal;

/// Lines that may wait; more are dropped and counted.
const LINES_WAITING: usize = 4_096;
/// How long flushing may take before the process goes on without.
const FLUSH_TIME: Duration = Duration::from_millis(500);

/// Where lines end up.
#[derive(Debug)]
pub(super) enum Destination {
    /// Stderr, above the progress line.
    Terminal(Arc<Terminal>),
    /// A file, appended to.
    File(File),
}

/// Where lines go in.
#[derive(Debug, Clone)]
pub(super) struct LogSink {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// Takes the bytes of one line.
#[derive(Debug)]
pub(super) struct LineWriter<'a> {
    sink: &'a LogSink,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl LogSink {
    /// Starts the writing thread. It lives as long as the process: nobody can tell the last line from the others.
    pub(super) fn start(destination: Destination) -> io::Result<Self> {
        let (messages, receiver) = sync_channel(LINES_WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("katydid-log".to_owned())
            .spawn(move || write_all(&receiver, destination, &counter))?;
        Ok(Self { messages, dropped })
    }

    /// Waits until what has been logged so far is written, for half a second at most.
    pub(super) fn flush(&self) {
        let (done, written) = sync_channel(1);
        // A full channel means a writer that does not write; there is no use in waiting for it.
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIME);
        }
    }
}

fn write_all(messages: &Receiver<Message>, mut destination: Destination, dropped: &AtomicU64) {
    for message in messages {
        match message {
            Message::Line(line) => destination.write(&line),
            Message::Flush(done) => drop(done.try_send(())),
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            destination
                .write(format!("({lost} log lines came faster than they could be written)\n").as_bytes());
        }
    }
}

impl Destination {
    /// Writes what can be written; a log that cannot be written is no reason to stop.
    fn write(&mut self, line: &[u8]) {
        match self {
            Self::Terminal(terminal) => terminal.note(&String::from_utf8_lossy(line)),
            Self::File(file) => drop(file.write_all(line)),
        }
    }
}

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { sink: self }
    }
}

impl Write for LineWriter<'_> {
    /// Called once per line: the layer formats an event as a whole before it writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sink.messages.try_send(Message::Line(line.to_vec())) {
            self.sink.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = LogSink::start(Destination::File(File::create(&path).unwrap())).unwrap();
        for line in 0..100 {
            sink.make_writer()
                .write_all(format!("{line}\n").as_bytes())
                .unwrap();
        }
        sink.flush();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text, (0..100).map(|line| format!("{line}\n")).collect::<String>());
    }

    #[test]
    fn lines_that_come_too_fast_are_counted() {
        // Nobody reads: the channel fills up, and writing still returns at once.
        let (messages, _receiver) = sync_channel(2);
        let sink = LogSink {
            messages,
            dropped: Arc::default(),
        };
        for _ in 0..5 {
            sink.make_writer().write_all(b"x\n").unwrap();
        }
        assert_eq!(sink.dropped.load(Ordering::Relaxed), 3);
    }
}
