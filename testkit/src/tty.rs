//! A terminal for the program under test: what is typed, and what is on the screen.
//!
//! In: keys. Out: everything the program has written. The program is its terminal's foreground process, as in a shell, so
//! that Ctrl-C is a signal.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result};
use nix::pty::{OpenptyResult, Winsize, openpty};

use crate::binary::katydid_bin;
use crate::drain::Drain;
use crate::katydid::Katydid;

/// Interrupt, as a terminal takes it from its keyboard.
pub const CTRL_C: &str = "\x03";

/// A terminal of 160 columns.
#[derive(Debug)]
pub struct Tty {
    keyboard: File,
    screen: Drain,
}

impl Tty {
    /// A terminal, and the program under test on it, without arguments yet.
    ///
    /// # Errors
    ///
    /// When the program has not been built, or the system has no terminals left.
    pub fn with_katydid() -> Result<(Self, Katydid)> {
        let size = Winsize {
            ws_row: 40,
            ws_col: 160,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).context("no terminal")?;
        let keyboard = File::from(master);
        let screen = keyboard.try_clone()?;
        // Makes the terminal its own, then becomes the program: same process id, so that signals reach it.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(katydid_bin()?);
        let katydid = Katydid::on(command, &File::from(slave))?;
        let tty = Self {
            keyboard,
            screen: Drain::start(Some(screen)),
        };
        Ok((tty, katydid))
    }

    /// Types.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(())
    }

    /// Everything written so far, what has been overwritten on the screen since included.
    #[must_use]
    pub fn screen(&self) -> String {
        self.screen.so_far()
    }
}
