//! Sets up logging: level, form and destination.
//!
//! In: [`LogSettings`]. Out: a [`Log`] that lines go to until the process ends. Whoever logs never waits for a slow
//! terminal or disk.

mod book;
mod line_format;
mod log_sink;
mod relay;

use std::fs::File;
use std::sync::Arc;

use katydid_protocol::fleet::LogLine;
use katydid_web_ui::LogBook;
use tokio::sync::mpsc;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use self::book::Book;
use self::line_format::LineFormat;
use self::log_sink::{Destination, LogSink};
use self::relay::Relay;
use crate::exit_code::CommandError;
use crate::problem::{Problem, Problems};
use crate::settings::{LogFormat, LogSettings};
use crate::terminal::Terminal;

/// Libraries whose details interest only those who ask for TRACE.
const LIBRARIES: [&str; 8] = [
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "tokio",
    "mio",
    "axum",
    "tower",
];

/// The log as the rest of the process sees it.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    sink: LogSink,
}

/// Starts logging.
///
/// # Errors
///
/// The log file cannot be opened.
pub(crate) fn start(settings: &LogSettings, terminal: &Arc<Terminal>) -> Result<Log, CommandError> {
    start_with(settings, terminal, None, None)
}

/// Starts logging, with a book of the last lines for the page.
///
/// # Errors
///
/// The log file cannot be opened.
pub(crate) fn start_with_book(
    settings: &LogSettings,
    terminal: &Arc<Terminal>,
    book: &Arc<LogBook>,
) -> Result<Log, CommandError> {
    start_with(settings, terminal, None, Some(Book(Arc::clone(book))))
}

/// Starts logging as a worker does, whose lines its master sees too.
///
/// # Errors
///
/// The log file cannot be opened.
pub(crate) fn start_relayed(
    settings: &LogSettings,
    terminal: &Arc<Terminal>,
) -> Result<(Log, mpsc::Receiver<LogLine>), CommandError> {
    let (relay, lines) = Relay::new();
    Ok((start_with(settings, terminal, Some(relay), None)?, lines))
}

fn start_with(
    settings: &LogSettings,
    terminal: &Arc<Terminal>,
    relay: Option<Relay>,
    book: Option<Book>,
) -> Result<Log, CommandError> {
    let destination = match &settings.file {
        None => Destination::Terminal(Arc::clone(terminal)),
        Some(path) => Destination::File(File::options().create(true).append(true).open(path).map_err(
            |error| {
                let problem = Problem::new(format!("cannot open the log file {}: {error}", path.display()));
                CommandError::Usage(Problems::from(problem))
            },
        )?),
    };
    let sink = LogSink::start(destination).map_err(anyhow::Error::from)?;
    let layer = fmt::layer().with_ansi(false).with_writer(sink.clone());
    let layer = match settings.format {
        LogFormat::Text => layer.event_format(LineFormat::new()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    // Fails only when something else has set up logging before, as tests in one process do.
    drop(
        tracing_subscriber::registry()
            .with(layer.with_filter(filter(settings.level)))
            .with(book.with_filter(filter(settings.level.min(LevelFilter::DEBUG))))
            .with(relay.with_filter(filter(settings.level.min(LevelFilter::INFO))))
            .try_init(),
    );
    Ok(Log { sink })
}

impl Log {
    /// Waits a moment for everything logged so far to be written.
    pub(crate) fn flush(&self) {
        self.sink.flush();
    }
}

fn filter(level: LevelFilter) -> Targets {
    let targets = Targets::new().with_default(level);
    if level < LevelFilter::INFO || level == LevelFilter::TRACE {
        return targets;
    }
    targets.with_targets(LIBRARIES.map(|library| (library, LevelFilter::WARN)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_quiet_unless_everything_is_asked_for() {
        assert!(filter(LevelFilter::DEBUG).would_enable("katydid_worker::agent", &Level::DEBUG));
        assert!(!filter(LevelFilter::DEBUG).would_enable("hyper::proto", &Level::INFO));
        assert!(filter(LevelFilter::DEBUG).would_enable("hyper::proto", &Level::WARN));
        assert!(filter(LevelFilter::TRACE).would_enable("hyper::proto", &Level::TRACE));
        assert!(!filter(LevelFilter::ERROR).would_enable("hyper::proto", &Level::WARN));
        assert!(!filter(LevelFilter::OFF).would_enable("katydid", &Level::ERROR));
    }
}
