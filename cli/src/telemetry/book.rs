//! Lines of the log for the page.
//!
//! In: events. Out: the same, in the [`LogBook`] the page reads; those of workers under their names.

use std::sync::Arc;
use std::time::SystemTime;

use katydid_web_ui::{BookLine, LineLevel, LogBook};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::relay::Text;

/// The target under which a master logs what its workers say, each line beginning with the worker's name.
const WORKER: &str = "worker";

/// Writes into the book.
#[derive(Debug)]
pub(super) struct Book(pub(super) Arc<LogBook>);

impl<S: Subscriber> Layer<S> for Book {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let text = Text::of(event);
        let (source, text) = match text.split_once(": ") {
            Some((worker, said)) if metadata.target() == WORKER => (worker.to_owned(), said.to_owned()),
            _ => (String::new(), text),
        };
        self.0.add(BookLine {
            at: SystemTime::now(),
            level: match *metadata.level() {
                Level::ERROR => LineLevel::Error,
                Level::WARN => LineLevel::Warn,
                Level::INFO => LineLevel::Info,
                Level::DEBUG | Level::TRACE => LineLevel::Debug,
            },
            source,
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn workers_lines_are_their_own() {
        let book = Arc::new(LogBook::default());
        let layer = Book(Arc::clone(&book));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(target: "worker", "w1: script: hello");
            tracing::info!("Ramping: up");
        });
        let (lines, _) = book.read();
        assert_eq!(
            (lines[0].source.as_str(), lines[0].text.as_str()),
            ("w1", "script: hello")
        );
        assert_eq!(
            (lines[1].source.as_str(), lines[1].text.as_str()),
            ("", "Ramping: up")
        );
        assert_eq!(book.severe(), 1);
    }
}
