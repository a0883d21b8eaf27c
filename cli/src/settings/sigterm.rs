//! What SIGTERM means to a run under way.
//!
//! In: the role of this process, and what a master was told. Out: [`OnSigterm`].

use super::{MasterSettings, Reader};
use crate::args::MasterArgs;

/// What becomes of a run when this process is told to end by the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnSigterm {
    /// It ends, as by Ctrl-C: whoever runs users in this process is at hand.
    End,
    /// It ends, and counts as cut short: nobody was there to decide it.
    Stop,
    /// It goes on without this process, until another master goes on with it.
    HandOver,
}

impl OnSigterm {
    /// That of a master, or of a process that is all by itself.
    pub(crate) fn of(master: Option<&MasterSettings>) -> Self {
        master.map_or(Self::End, |master| master.on_sigterm)
    }

    /// As a master was told.
    pub(super) fn of_master(args: &MasterArgs, reader: &mut Reader<'_>) -> Self {
        let said = args.sigterm.on_sigterm.as_ref();
        let on_sigterm = reader.value("on_sigterm", said, parse).unwrap_or(Self::Stop);
        if on_sigterm == Self::HandOver && args.journal.is_none() {
            reader.refuse(
                "on_sigterm",
                "hand-over needs --journal FILE, from which the next master goes on with the run".to_owned(),
            );
        }
        on_sigterm
    }
}

fn parse(text: &str) -> Result<OnSigterm, String> {
    match text {
        "stop" => Ok(OnSigterm::Stop),
        "hand-over" => Ok(OnSigterm::HandOver),
        _ => Err(format!("`{text}` is neither stop nor hand-over")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_mean_something() {
        assert_eq!(parse("stop"), Ok(OnSigterm::Stop));
        assert_eq!(parse("hand-over"), Ok(OnSigterm::HandOver));
        assert!(parse("handover").is_err() && parse("").is_err());
    }
}
