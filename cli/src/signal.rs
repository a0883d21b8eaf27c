//! Ctrl-C and SIGTERM.
//!
//! In: signals of the system. Out: one [`Interrupt`] after another; what the first and the second mean is decided by
//! whoever listens.

use std::io;

use katydid_protocol::command::RunCommand;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::settings::OnSigterm;

/// Somebody wants the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// SIGINT: Ctrl-C.
    CtrlC,
    /// SIGTERM: the system, a container runtime, `kill`.
    Terminate,
}

/// Listens from its creation on; before that the signals end the process at once.
#[derive(Debug)]
pub(crate) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Starts listening. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one. Cancel safe.
    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.ctrl_c.recv() => Interrupt::CtrlC,
            _ = self.terminate.recv() => Interrupt::Terminate,
        }
    }
}

impl Interrupt {
    /// Why the run ends, for the report.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::CtrlC => "Interrupted by Ctrl-C",
            Self::Terminate => "Got SIGTERM",
        }
    }

    /// What it asks of a run under way.
    pub(crate) fn command(self, on_sigterm: OnSigterm) -> RunCommand {
        let reason = self.reason().to_owned();
        match (self, on_sigterm) {
            (Self::CtrlC, _) | (Self::Terminate, OnSigterm::End) => RunCommand::Stop { reason },
            (Self::Terminate, OnSigterm::Stop) => RunCommand::CutShort {
                reason: format!("{reason} before the run was over"),
            },
            (Self::Terminate, OnSigterm::HandOver) => RunCommand::HandOver { reason },
        }
    }
}

/// Held while a test of this process listens for signals, so that none is raised by another meanwhile.
#[cfg(test)]
pub(crate) static SIGNALS: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal as Number, raise};

    use super::*;

    #[tokio::test]
    async fn both_signals_are_heard() {
        let _alone = SIGNALS.write().await;
        let mut interrupts = Interrupts::listen().unwrap();
        raise(Number::SIGTERM).unwrap();
        assert_eq!(interrupts.next().await, Interrupt::Terminate);
        raise(Number::SIGINT).unwrap();
        assert_eq!(interrupts.next().await, Interrupt::CtrlC);
    }
}
