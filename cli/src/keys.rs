//! The keys w, W, s and S: more and fewer users, while a run is on a terminal.
//!
//! In: key presses. Out: changes of the number of users. The terminal is put into a mode without line editing and
//! put back on every way out, panics included; Ctrl-C stays a signal.

use std::io::{self, IsTerminal, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Users started or stopped per second by keys, as in Locust.
pub(crate) const SPAWN_RATE: f64 = 100.0;
/// Presses that may wait; more are forgotten.
const PRESSES_WAITING: usize = 64;
/// How often the reading thread looks whether it is still wanted, in tenths of a second (the terminal's own timer).
const READ_TENTHS: u8 = 2;
/// Empty reads faster than the timer, one after another, that mean the terminal is gone.
const EMPTY_READS: u32 = 5;

/// The terminal's mode from before, while it is changed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Reads keys until it is dropped.
#[derive(Debug)]
pub(crate) struct Keys {
    presses: mpsc::Receiver<i64>,
    wanted: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Starts reading keys; `None` when stdin is no terminal or belongs to another process.
    pub(crate) fn listen() -> Option<Self> {
        let stdin = io::stdin();
        // A process in the background would be stopped by the system for touching the terminal.
        if !stdin.is_terminal() || tcgetpgrp(&stdin).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut mode = before.clone();
        mode.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        mode.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        mode.control_chars[SpecialCharacterIndices::VTIME as usize] = READ_TENTHS;
        restore_on_panic();
        *before_mode() = Some(before);
        if tcsetattr(&stdin, SetArg::TCSANOW, &mode).is_err() {
            restore();
            return None;
        }
        let (sender, presses) = mpsc::channel(PRESSES_WAITING);
        let wanted = Arc::new(AtomicBool::new(true));
        let still_wanted = Arc::clone(&wanted);
        let thread = std::thread::Builder::new()
            .name("katydid-keys".to_owned())
            .spawn(move || read(&still_wanted, &sender))
            .inspect_err(|_| restore())
            .ok()?;
        Some(Self {
            presses,
            wanted,
            thread: Some(thread),
        })
    }

    /// The next change of the number of users; `None` when no more will come. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<i64> {
        self.presses.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        // At most one turn of the terminal's timer; a key read after the mode is back would be lost to the shell.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::debug!("the keys' thread panicked");
        }
        restore();
    }
}

/// What a key asks for.
fn change(key: u8) -> Option<i64> {
    match key {
        b'w' => Some(1),
        b'W' => Some(10),
        b's' => Some(-1),
        b'S' => Some(-10),
        _ => None,
    }
}

fn read(wanted: &AtomicBool, presses: &mpsc::Sender<i64>) {
    let mut stdin = io::stdin().lock();
    let mut empty = 0;
    while wanted.load(Ordering::Relaxed) && empty < EMPTY_READS {
        let started = Instant::now();
        let mut key = [0];
        match stdin.read(&mut key) {
            Ok(0) => {
                let early = started.elapsed() < Duration::from_millis(u64::from(READ_TENTHS) * 50);
                empty = if early { empty + 1 } else { 0 };
            }
            Ok(_) => {
                empty = 0;
                if let Some(change) = change(key[0]) {
                    let _ = presses.try_send(change);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Puts the terminal back as it was; does nothing when it is.
fn restore() {
    if let Some(mode) = before_mode().take() {
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &mode);
    }
}

fn before_mode() -> std::sync::MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes panics put the terminal back before they are reported.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_locusts() {
        assert_eq!(
            [b'w', b'W', b's', b'S', b'x'].map(change),
            [Some(1), Some(10), Some(-1), Some(-10), None]
        );
    }
}
