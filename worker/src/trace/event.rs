//! What a trace tells: each thing a user does, when it does it.
//!
//! In: what the engine knows at that moment. Out: a value to be shown. Nothing is hidden or shortened here; whoever
//! shows it does that.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method};
use katydid_scenario_lang::ScriptError;
use katydid_scenario_lang::host::{GroupEnd, LogLevel, Response};

/// Something that happened. Places are named as in exceptions: `Class.task`.
#[derive(Debug)]
pub enum TraceEvent<'a> {
    /// A user of a class begins its life.
    User(&'a str),
    /// A function of the script begins.
    Begins(&'a str),
    /// It has returned, after so long.
    Returned(&'a str, Duration),
    /// It threw.
    Threw(&'a str, &'a ScriptError),
    /// It ended the user, the test, or was ended; the text says which.
    Ended(&'a str, &'a str),
    /// A request is sent: the first one, and each that a redirect leads to.
    Sends {
        /// Its method.
        method: &'a Method,
        /// Where it goes, without credentials.
        url: &'a str,
        /// All its headers, as HTTP/1.1 writes them.
        headers: &'a [(String, String)],
        /// Its body.
        body: &'a [u8],
    },
    /// The head of an answer, a redirect's too.
    Receives {
        /// The status.
        status: u16,
        /// All headers.
        headers: &'a HeaderMap,
    },
    /// The exchange has ended.
    Response {
        /// The request's method.
        method: &'a Method,
        /// What the request is called in the statistics.
        name: &'a str,
        /// What the script gets to see.
        response: &'a Response,
    },
    /// A check, and whether it holds.
    Check(&'a str, bool),
    /// `r.fail(message)`.
    Fails(&'a str),
    /// `r.pass()`.
    Passes,
    /// A group begins.
    GroupBegins(&'a str),
    /// The innermost group ends.
    GroupEnds(GroupEnd),
    /// A line of the log.
    Log(LogLevel, &'a str),
    /// `sleep(time)`; whether it is skipped.
    Sleeps(Duration, bool),
}

/// Where a trace goes.
pub trait TraceSink: fmt::Debug {
    /// Shows an event; called while the user waits for it.
    fn event(&self, event: &TraceEvent<'_>);
}
