//! What a process writes, collected while it runs so that it never blocks on a full pipe.
//!
//! In: one of its output streams. Out: the text so far, and all of it once the stream has ended.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// More than any test prints; the rest is read and forgotten.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// One output stream.
#[derive(Debug)]
pub(crate) struct Drain {
    kept: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drain {
    /// Reads a stream to its end in a thread of its own.
    pub(crate) fn start(stream: Option<impl Read + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let thread = stream.map(|mut stream| {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = MAX_KEPT.saturating_sub(kept.len());
                    kept.extend_from_slice(&buffer[..length.min(room)]);
                }
            })
        });
        Self { kept, thread }
    }

    /// The text so far.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All of it, once the stream has ended.
    pub(crate) fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            // A reader that panicked leaves what it has read.
            let _panicked = thread.join();
        }
        self.so_far()
    }
}
