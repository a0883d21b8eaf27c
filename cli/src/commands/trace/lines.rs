//! The lines of a trace: a head for each event, which begins with a word to search for, and details indented below it.
//!
//! In: a [`TraceEvent`]. Out: text without secrets: values of `secret()` are `***` wherever they appear, credentials and
//! cookies too, and nothing can move the cursor of a terminal.

use std::borrow::Cow;
use std::fmt::Write;
use std::str;
use std::time::Duration;

use katydid_protocol::format;
use katydid_scenario_lang::host::{GroupEnd, LogLevel, Response};
use katydid_scenario_lang::{Program, ScriptError};
use katydid_worker::TraceEvent;

/// Characters of a body that are shown.
const SHOWN_BODY: usize = 1_024;
/// Lines of details are indented by this.
const INDENT: &str = "        ";

/// How a head is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Strong,
    Good,
    Bad,
}

/// Turns events into lines.
#[derive(Debug)]
pub(super) struct Lines {
    program: Program,
    colours: bool,
}

impl Lines {
    pub(super) fn new(program: Program, colours: bool) -> Self {
        Self { program, colours }
    }

    /// An event's lines.
    pub(super) fn of(&self, event: &TraceEvent<'_>) -> String {
        match event {
            TraceEvent::User(class) => self.head(Paint::Strong, "user", class),
            TraceEvent::Begins(place) => self.head(Paint::Strong, "begin", place),
            TraceEvent::Returned(place, time) => {
                self.head(Paint::Plain, "end", &format!("{place} in {}", time_text(*time)))
            }
            TraceEvent::Ended(place, how) => self.head(Paint::Strong, "end", &format!("{place}: {how}")),
            TraceEvent::Threw(place, error) => self.threw(place, error),
            TraceEvent::Sends {
                method,
                url,
                headers,
                body,
            } => {
                let mut text = self.head(Paint::Plain, "send", &format!("{method} {url}"));
                for (name, value) in *headers {
                    self.header(&mut text, name, value);
                }
                if !body.is_empty() {
                    let kind = headers
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
                        .map(|(_, value)| value.as_str());
                    self.body(&mut text, body, kind);
                }
                text
            }
            TraceEvent::Receives { status, headers } => {
                let mut text = self.head(Paint::Plain, "receive", &format!("status {status}"));
                for (name, value) in *headers {
                    self.header(
                        &mut text,
                        name.as_str(),
                        &String::from_utf8_lossy(value.as_bytes()),
                    );
                }
                text
            }
            TraceEvent::Response {
                method,
                name,
                response,
            } => self.response(&format!("{method} {name}"), response),
            TraceEvent::Check(name, true) => self.head(Paint::Good, "check", &format!("passed: {name}")),
            TraceEvent::Check(name, false) => self.head(Paint::Bad, "check", &format!("failed: {name}")),
            TraceEvent::Fails(message) => self.head(Paint::Bad, "verdict", &format!("fail: {message}")),
            TraceEvent::Passes => self.head(Paint::Good, "verdict", "pass"),
            TraceEvent::GroupBegins(name) => self.head(Paint::Plain, "group", &format!("begins: {name}")),
            TraceEvent::GroupEnds(end) => {
                let how = match end {
                    GroupEnd::Completed => "ends",
                    GroupEnd::Failed => "ends by an error",
                    GroupEnd::CutOff => "is cut off",
                };
                self.head(Paint::Plain, "group", how)
            }
            TraceEvent::Log(level, message) => {
                let level = match level {
                    LogLevel::Debug => "debug",
                    LogLevel::Info => "info",
                    LogLevel::Warning => "warning",
                    LogLevel::Error => "error",
                };
                self.head(Paint::Plain, "log", &format!("{level}: {message}"))
            }
            TraceEvent::Sleeps(time, skipped) => {
                let skipped = if *skipped { ", skipped" } else { "" };
                self.head(Paint::Plain, "sleep", &format!("{}{skipped}", time_text(*time)))
            }
        }
    }

    /// One line, whatever is in the text.
    fn head(&self, paint: Paint, word: &str, text: &str) -> String {
        let text = self.shown(text).replace('\n', "\\n");
        let code = match paint {
            _ if !self.colours => "",
            Paint::Plain => "",
            Paint::Strong => "1",
            Paint::Good => "32",
            Paint::Bad => "31",
        };
        if code.is_empty() {
            format!("{word:<8}{text}\n")
        } else {
            format!("\x1b[{code}m{word:<8}{text}\x1b[0m\n")
        }
    }

    fn detail(&self, text: &mut String, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{INDENT}{}", self.shown(line));
    }

    fn header(&self, text: &mut String, name: &str, value: &str) {
        self.detail(text, &format!("{name}: {}", without_credentials(name, value)));
    }

    fn response(&self, request: &str, response: &Response) -> String {
        let (paint, verdict) = match &response.error {
            None => (Paint::Good, format!("ok: status {}", response.status)),
            Some(error) => (Paint::Bad, format!("failed: {error}")),
        };
        let times = times(response);
        let mut text = self.head(paint, "result", &format!("{request} {verdict} in {times}"));
        if let Some(url) = &response.url {
            self.detail(&mut text, &format!("answered by {url}"));
        }
        if let Some(id) = &response.trace_id {
            self.detail(&mut text, &format!("trace {id}"));
        }
        let kind = response
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        if let Some(why) = &response.body.incomplete {
            let size = format::count(response.body.received);
            self.detail(&mut text, &format!("{size} bytes: {why}"));
        } else if !response.body.bytes.is_empty() {
            self.body(&mut text, &response.body.bytes, kind);
        }
        text
    }

    fn body(&self, text: &mut String, bytes: &[u8], kind: Option<&str>) {
        let size = format::count(bytes.len() as u64);
        let kind = kind.map(|kind| format!(" of {kind}")).unwrap_or_default();
        let Some(body) = printable(bytes) else {
            self.detail(text, &format!("{size} bytes{kind}"));
            return;
        };
        // Hidden first and shortened then: half a secret would not be recognised.
        let body = self.program.data.mask(body);
        let end = body.char_indices().nth(SHOWN_BODY).map(|(at, _)| at);
        let shown = end.and_then(|end| body.get(..end)).unwrap_or(&body);
        let more = if end.is_some() { ", the beginning" } else { "" };
        self.detail(text, &format!("{size} bytes{kind}{more}:"));
        for line in shown.lines() {
            self.detail(text, &format!("  {line}"));
        }
    }

    fn threw(&self, place: &str, error: &ScriptError) -> String {
        let mut lines = error.message.lines();
        let first = lines.next().unwrap_or_default();
        let mut text = self.head(Paint::Bad, "threw", &format!("{place}: {first}"));
        for line in lines {
            self.detail(&mut text, line);
        }
        for frame in error.traceback.lines() {
            self.detail(&mut text, &format!("at {frame}"));
        }
        if let Some(excerpt) = error
            .traceback
            .lines()
            .next()
            .and_then(|frame| self.excerpt(frame))
        {
            for line in excerpt {
                self.detail(&mut text, &line);
            }
        }
        text
    }

    /// The line of a place such as `shop.rhai:12:5 in buy`, and a caret below it.
    fn excerpt(&self, frame: &str) -> Option<[String; 2]> {
        let (place, _) = frame.split_once(" in ").unwrap_or((frame, ""));
        let mut parts = place.rsplitn(3, ':');
        let column: usize = parts.next()?.parse().ok()?;
        let number: usize = parts.next()?.parse().ok()?;
        let name = parts.next()?;
        let file = self.program.files.iter().find(|file| file.name == name)?;
        let line = file.text.lines().nth(number.checked_sub(1)?)?;
        // Tabs stay tabs, so that the caret stands where it should.
        let before: String = line
            .chars()
            .take(column.checked_sub(1)?)
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        let number = number.to_string();
        let room = " ".repeat(number.len());
        Some([format!("{number} | {line}"), format!("{room} | {before}^")])
    }

    /// Without secrets, and without anything a terminal would obey.
    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = self.program.data.mask(text);
        if !text.chars().any(is_control) {
            return text;
        }
        let plain = text.chars().map(|letter| {
            if is_control(letter) {
                letter.escape_default().to_string()
            } else {
                letter.to_string()
            }
        });
        Cow::Owned(plain.collect())
    }
}

fn is_control(letter: char) -> bool {
    letter.is_control() && letter != '\n' && letter != '\t'
}

/// A body as text, if it is one.
fn printable(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// A header's value with what lets others in taken out: a scheme and names of cookies stay.
fn without_credentials<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let hidden = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    };
    match name.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" | "x-amz-security-token" => {
            Cow::Owned(match value.split_once(' ') {
                Some((scheme, _)) => format!("{scheme} ***"),
                None => "***".to_owned(),
            })
        }
        "cookie" => Cow::Owned(value.split("; ").map(hidden).collect::<Vec<_>>().join("; ")),
        "set-cookie" => {
            let (cookie, attributes) = value.split_once(';').unwrap_or((value, ""));
            let rest = if attributes.is_empty() { "" } else { ";" };
            Cow::Owned(format!("{}{rest}{attributes}", hidden(cookie)))
        }
        _ => Cow::Borrowed(value),
    }
}

/// `1.2 ms (connect 0.3, wait 0.8)`: the phases that took any time.
fn times(response: &Response) -> String {
    let times = &response.timings;
    let phases = [
        ("blocked", times.blocked_us),
        ("dns", times.dns_us),
        ("connect", times.connect_us),
        ("tls", times.tls_us),
        ("send", times.send_us),
        ("wait", times.wait_us),
        ("receive", times.receive_us),
    ];
    let phases: Vec<String> = phases
        .iter()
        .filter(|(_, time)| *time > 0)
        .map(|(name, time)| format!("{name} {}", ms(u64::from(*time))))
        .collect();
    let total = ms(times.total_us);
    if phases.is_empty() {
        format!("{total} ms")
    } else {
        format!("{total} ms ({})", phases.join(", "))
    }
}

fn time_text(time: Duration) -> String {
    format!("{} ms", ms(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
}

/// Milliseconds with all the digits there are: a trace is for looking closely.
fn ms(time_us: u64) -> String {
    let (whole, part) = (time_us / 1_000, time_us % 1_000);
    if part == 0 {
        format::count(whole)
    } else {
        format!(
            "{}.{}",
            format::count(whole),
            format!("{part:03}").trim_end_matches('0')
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use katydid_scenario_lang::SourceFile;

    use super::*;

    fn lines(source: &str) -> Lines {
        let file = SourceFile {
            name: "a:b.rhai".to_owned(),
            text: source.to_owned(),
            folder: PathBuf::from("."),
        };
        Lines::new(
            Program::new(vec![file], katydid_scenario_lang::LoadSettings::default()),
            false,
        )
    }

    #[test]
    fn exceptions_have_their_line_and_a_caret() {
        let error = ScriptError {
            message: "no more\nof this".to_owned(),
            traceback: "a:b.rhai:2:3 in buy\na:b.rhai:1:1 in closure".to_owned(),
        };
        insta::assert_snapshot!(lines("fn buy() {\n  throw 1;\n}").of(&TraceEvent::Threw("Shopper.buy", &error)), @r"
        threw   Shopper.buy: no more
                of this
                at a:b.rhai:2:3 in buy
                at a:b.rhai:1:1 in closure
                2 |   throw 1;
                  |   ^
        ");
    }

    #[test]
    fn credentials_are_taken_out_of_headers() {
        let hidden = |name, value| without_credentials(name, value).into_owned();
        assert_eq!(hidden("Authorization", "Bearer abc def"), "Bearer ***");
        assert_eq!(hidden("proxy-authorization", "abc"), "***");
        assert_eq!(hidden("cookie", "a=1; b=2=3; c"), "a=***; b=***; ***");
        assert_eq!(
            hidden("set-cookie", "a=1; Path=/; HttpOnly"),
            "a=***; Path=/; HttpOnly"
        );
        assert_eq!(hidden("set-cookie", "a=1"), "a=***");
        assert_eq!(hidden("accept", "a=1"), "a=1");
    }

    #[test]
    fn nothing_moves_the_cursor_or_adds_a_head() {
        let lines = lines("");
        let text = lines.of(&TraceEvent::Log(LogLevel::Info, "a\x1b[2Jb\nc\rd"));
        assert_eq!(text, "log     info: a\\u{1b}[2Jb\\nc\\rd\n");
    }

    #[test]
    fn bodies_are_shortened_and_what_is_no_text_is_only_counted() {
        let body = |bytes: &[u8], kind| {
            let mut text = String::new();
            lines("").body(&mut text, bytes, kind);
            text
        };
        assert_eq!(
            body(&[0xff; 1_234], Some("image/png")),
            "        1,234 bytes of image/png\n"
        );
        let long = body("é".repeat(2_000).as_bytes(), None);
        assert!(
            long.starts_with("        4,000 bytes, the beginning:\n"),
            "{long}"
        );
        assert_eq!(long.matches('é').count(), SHOWN_BODY);
    }

    #[test]
    fn times_have_the_digits_they_need() {
        assert_eq!(
            (ms(0), ms(1_234_500), ms(7)),
            ("0".to_owned(), "1,234.5".to_owned(), "0.007".to_owned())
        );
    }
}
