//! The only printing of the tasks: plain lines, so that a log of CI reads like a terminal.

/// One line of progress or result on stdout.
#[expect(clippy::print_stdout, reason = "the one place that prints")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// What a person should know although nothing failed; on stderr.
#[expect(clippy::print_stderr, reason = "the one place that prints")]
pub(crate) fn warn(line: &str) {
    eprintln!("warning: {line}");
}

/// Why the task failed; on stderr.
#[expect(clippy::print_stderr, reason = "the one place that prints")]
pub(crate) fn error(message: &str) {
    eprintln!("error: {message}");
}
