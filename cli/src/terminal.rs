//! The only printing: results to stdout, everything else to stderr, with at most one line that changes in place.
//!
//! In: finished text. Out: text on the terminal, log lines and tables never torn apart by the progress line. A reader
//! that goes away (a closed pipe) ends the printing, not the run.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Widest name column, used too when nobody looks.
const WIDEST_NAME: usize = 80;
/// Narrowest name column: below it the numbers of even short names would leave their columns.
const NARROWEST_NAME: usize = 20;
/// What the table's other columns take.
const OTHER_COLUMNS: usize = 80;
/// Back to the line's beginning and erase it.
const ERASE_LINE: &[u8] = b"\r\x1b[2K";

/// Stdout and stderr.
pub(crate) struct Terminal {
    streams: Mutex<Streams>,
    /// Whether lines on stderr can change in place.
    interactive: bool,
}

struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// What the last line of stderr shows.
    progress: Option<String>,
}

impl Terminal {
    /// The process's own streams.
    pub(crate) fn new() -> Self {
        // A terminal that cannot move its cursor is no better than a file.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::with(
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            io::stderr().is_terminal() && !dumb,
        )
    }

    /// Streams that nobody reads.
    #[cfg(test)]
    pub(crate) fn unread() -> Self {
        Self::with(Box::new(io::sink()), Box::new(io::sink()), false)
    }

    fn with(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, interactive: bool) -> Self {
        Self {
            streams: Mutex::new(Streams {
                out,
                err,
                progress: None,
            }),
            interactive,
        }
    }

    /// Whether a progress line can be shown.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Columns of the terminal; `None` when stderr is none.
    pub(crate) fn columns(&self) -> Option<usize> {
        let size = self
            .interactive
            .then(|| terminal_size::terminal_size_of(io::stderr()))?;
        size.map(|(width, _)| usize::from(width.0))
    }

    /// Width of the tables' name column for the terminal as it is now.
    pub(crate) fn name_width(&self) -> usize {
        let fitting = |columns: usize| {
            columns
                .saturating_sub(OTHER_COLUMNS)
                .clamp(NARROWEST_NAME, WIDEST_NAME)
        };
        self.columns().map_or(WIDEST_NAME, fitting)
    }

    /// Prints a result to stdout, ending in a new line.
    ///
    /// # Errors
    ///
    /// Stdout cannot be written to; nobody reading any more is no error.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut streams = self.lock();
        let streams = &mut *streams;
        // Both streams usually end up on the same screen.
        erase(&mut streams.err, streams.progress.as_deref());
        let written = streams
            .out
            .write_all(&with_new_line(text))
            .and_then(|()| streams.out.flush());
        draw(&mut streams.err, streams.progress.as_deref());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Prints to stderr, ending in a new line, above the progress line.
    pub(crate) fn note(&self, text: &str) {
        let mut streams = self.lock();
        let streams = &mut *streams;
        erase(&mut streams.err, streams.progress.as_deref());
        // There is nowhere left to complain to.
        drop(streams.err.write_all(&with_new_line(text)));
        draw(&mut streams.err, streams.progress.as_deref());
    }

    /// Shows a line that the next one replaces; `None` takes it away. Without a terminal nothing is shown.
    pub(crate) fn progress(&self, line: Option<&str>) {
        if !self.interactive {
            return;
        }
        let mut streams = self.lock();
        let streams = &mut *streams;
        erase(&mut streams.err, streams.progress.as_deref());
        // The last column stays free: a full line would wrap and could not be erased.
        let columns = self.columns().unwrap_or(WIDEST_NAME).saturating_sub(1);
        streams.progress = line.map(|line| line.chars().take(columns).collect());
        draw(&mut streams.err, streams.progress.as_deref());
    }

    /// Prints what the command line's parser has to say: help and version to stdout, errors to stderr.
    pub(crate) fn usage(&self, message: &clap::Error) {
        let streams = self.lock();
        // The parser knows its own colours; a closed pipe is nothing to complain about.
        drop(message.print());
        drop(streams);
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("interactive", &self.interactive)
            .finish_non_exhaustive()
    }
}

/// One write per block, so that other processes' lines do not come in between.
fn with_new_line(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if !text.ends_with('\n') {
        bytes.push(b'\n');
    }
    bytes
}

fn erase(err: &mut dyn Write, progress: Option<&str>) {
    if progress.is_some() {
        drop(err.write_all(ERASE_LINE));
    }
}

fn draw(err: &mut dyn Write, progress: Option<&str>) {
    if let Some(line) = progress {
        drop(err.write_all(line.as_bytes()).and_then(|()| err.flush()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn notes_appear_above_the_progress_line() {
        let err = Paper::default();
        let terminal = Terminal::with(Box::new(Paper::default()), Box::new(err.clone()), true);
        terminal.progress(Some("10 users"));
        terminal.note("hello");
        terminal.progress(None);
        terminal.note("bye\n");
        assert_eq!(err.text(), "10 users\r\x1b[2Khello\n10 users\r\x1b[2Kbye\n");
    }

    #[test]
    fn without_a_terminal_there_is_no_progress_line() {
        let (out, err) = (Paper::default(), Paper::default());
        let terminal = Terminal::with(Box::new(out.clone()), Box::new(err.clone()), false);
        terminal.progress(Some("10 users"));
        terminal.print("result").unwrap();
        assert_eq!((out.text().as_str(), err.text().as_str()), ("result\n", ""));
        assert_eq!(terminal.name_width(), 80);
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        let print = |kind| Terminal::with(Box::new(Broken(kind)), Box::new(Broken(kind)), true).print("x");
        assert!(print(ErrorKind::BrokenPipe).is_ok());
        assert!(print(ErrorKind::StorageFull).is_err());
    }
}
