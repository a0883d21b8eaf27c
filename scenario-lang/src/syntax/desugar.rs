//! Spells three things of the language as the script engine takes them, without moving anything in the text.
//!
//! `http.get(` becomes `http_get(`: one function instead of a method of a variable that every closure would have to
//! capture, look up and clone for each request. `group(` becomes the keyword of a syntax of its own, because only such a
//! syntax can see `this`. `shared::login(` of an imported file becomes `shared__login(`, a function of the engine, and
//! `this.shared::login(` becomes `this.shared_1login(`, one that is given `this`. All keep their length, so every position
//! in a message stays right.

use super::imports::{FUNCTION, METHOD};
use super::vocabulary::HTTP;

/// The keyword that stands for `group`.
pub(crate) const GROUP: &str = "grou_";

/// The text as the script engine takes it.
pub(crate) fn desugar(text: &str) -> String {
    let own_group = text.contains("fn group");
    let mut scanner = Scanner {
        text,
        at: 0,
        out: String::with_capacity(text.len()),
        own_group,
    };
    scanner.code(Until::End);
    scanner.out
}

/// Where a stretch of code ends.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    End,
    /// The brace that closes a `${`.
    Brace,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    out: String,
    own_group: bool,
}

/// Interpolations within interpolations beyond this are left alone.
const DEEPEST: usize = 32;

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Copies some bytes, which end at a character boundary.
    fn copy(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        self.out.push_str(&self.text[self.at..end]);
        self.at = end;
    }

    fn code(&mut self, until: Until) {
        self.code_at_depth(until, 0);
    }

    fn code_at_depth(&mut self, until: Until, depth: usize) {
        let mut braces = 0_usize;
        while let Some(first) = self.rest().chars().next() {
            match first {
                '/' if self.rest().starts_with("//") => {
                    let length = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.copy(length);
                }
                '/' if self.rest().starts_with("/*") => self.block_comment(),
                '"' => self.string('"'),
                '\'' => self.character(),
                '#' if is_raw_string(self.rest()) => self.raw_string(),
                '`' => self.template(depth),
                '{' => {
                    braces += 1;
                    self.copy(1);
                }
                '}' => {
                    self.copy(1);
                    if until == Until::Brace && braces == 0 {
                        return;
                    }
                    braces = braces.saturating_sub(1);
                }
                c if c.is_alphanumeric() || c == '_' => self.word(),
                c => self.copy(c.len_utf8()),
            }
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let after_dot = self.out.trim_end().ends_with('.') && !self.out.trim_end().ends_with("..");
        match &rest[..length] {
            "http" if !after_dot && is_request(&rest[length..]) => {
                self.out.push_str("http_");
                self.at += length + 1;
            }
            "group" if !after_dot && !self.own_group && rest[length..].trim_start().starts_with('(') => {
                self.out.push_str(GROUP);
                self.at += length;
            }
            // The name of an import may be a word the engine keeps for itself, such as `shared`; it is read from the text.
            name if length > 1 && name.is_ascii() && follows_as(&self.out) => {
                let text = self.text;
                self.out.push_str(&text[self.at..self.at + length - 1]);
                self.out.push('_');
                self.at += length;
            }
            name if name != "global" && is_member(&rest[length..]) => {
                let member = member_length(&rest[length..]);
                let call = rest[length + member..].trim_start().starts_with('(');
                let between = if after_dot && call { METHOD } else { FUNCTION };
                let text = self.text;
                let at = self.at;
                self.out.push_str(&text[at..at + length]);
                self.out.push_str(between);
                self.out.push_str(&text[at + length + 2..at + length + member]);
                self.at += length + member;
            }
            _ => self.copy(length),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest().is_empty() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.copy(2);
            } else if self.rest().starts_with("*/") {
                depth = depth.saturating_sub(1);
                self.copy(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.copy_character();
            }
        }
    }

    fn copy_character(&mut self) {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        self.copy(length);
    }

    fn string(&mut self, quote: char) {
        self.copy(1);
        while let Some(c) = self.rest().chars().next() {
            self.copy(c.len_utf8());
            match c {
                '\\' => self.copy_character(),
                c if c == quote => return,
                _ => {}
            }
        }
    }

    /// A character literal ends soon, or it is a lone quote.
    fn character(&mut self) {
        let end = self.rest().char_indices().skip(1).take(12).find(|(at, c)| {
            let before = &self.rest()[..*at];
            *c == '\'' && (!before.ends_with('\\') || before.ends_with("\\\\"))
        });
        self.copy(end.map_or(1, |(at, _)| at + 1));
    }

    fn raw_string(&mut self) {
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        self.copy(hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self
            .rest()
            .find(&end)
            .map_or(self.rest().len(), |at| at + end.len());
        self.copy(length);
    }

    fn template(&mut self, depth: usize) {
        self.copy(1);
        while let Some(c) = self.rest().chars().next() {
            if self.rest().starts_with("``") {
                self.copy(2);
            } else if c == '`' {
                self.copy(1);
                return;
            } else if self.rest().starts_with("${") && depth < DEEPEST {
                self.copy(2);
                self.code_at_depth(Until::Brace, depth + 1);
            } else {
                self.copy(c.len_utf8());
            }
        }
    }
}

/// Whether a text ends in the word `as`.
fn follows_as(text: &str) -> bool {
    let before = text.trim_end().strip_suffix("as");
    before.is_some_and(|before| before.ends_with([' ', '\t', '\r', '\n', '"']))
}

/// Whether `::name` follows.
fn is_member(rest: &str) -> bool {
    rest.strip_prefix("::")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// How long the `::name` is that follows.
fn member_length(rest: &str) -> usize {
    let name = rest.get(2..).unwrap_or_default();
    2 + name
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(name.len())
}

/// Whether `.get(` or the like follows.
fn is_request(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('.') else {
        return false;
    };
    HTTP.iter().any(|function| {
        rest.strip_prefix(function.name)
            .is_some_and(|rest| rest.trim_start().starts_with('('))
    })
}

fn is_raw_string(rest: &str) -> bool {
    rest.trim_start_matches('#').starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_requests_and_groups_in_code_only() {
        for (text, expected) in [
            ("|| { http.get(\"/\"); }", "|| { http_get(\"/\"); }"),
            ("http.request (\"M\", \"/\")", "http_request (\"M\", \"/\")"),
            ("http.gett(\"/\")", "http.gett(\"/\")"),
            ("this.http.get(1)", "this.http.get(1)"),
            ("this . group(1)", "this . group(1)"),
            ("user(\"a\", #{ http: #{} })", "user(\"a\", #{ http: #{} })"),
            (
                "\"http.get(1)\" // http.get(2)\nhttp.get(3)",
                "\"http.get(1)\" // http.get(2)\nhttp_get(3)",
            ),
            (
                "/* http.get(1) /* */ http.get(2) */ http.get(3)",
                "/* http.get(1) /* */ http.get(2) */ http_get(3)",
            ),
            (
                "`http.get(1) ${http.get(2)} http.get(3)`",
                "`http.get(1) ${http_get(2)} http.get(3)`",
            ),
            (
                "`${ `${http.get(1)}` } ${#{a:1}.a}`; http.get(2)",
                "`${ `${http_get(1)}` } ${#{a:1}.a}`; http_get(2)",
            ),
            (
                "#\"http.get(1)\"# + '\"' + http.get(2)",
                "#\"http.get(1)\"# + '\"' + http_get(2)",
            ),
            (
                "'\\'' + http.get(2) + \"\\\"http.get(1)\"",
                "'\\'' + http_get(2) + \"\\\"http.get(1)\"",
            ),
            (
                "group(\"a\", || group (\"b\", f))",
                "grou_(\"a\", || grou_ (\"b\", f))",
            ),
            ("fn group(a) {} group(1)", "fn group(a) {} group(1)"),
            (
                "shared::get(1) + shared::URL + global::X + `${a::b( 1 )}` // a::b",
                "shared__get(1) + shared__URL + global::X + `${a__b( 1 )}` // a::b",
            ),
            (
                "import \"a\" as shared; was(shared)",
                "import \"a\" as share_; was(shared)",
            ),
            ("this.shared::log_in (1)", "this.shared_1log_in (1)"),
            ("shared::http.get(1)", "shared__http.get(1)"),
            ("groups(1) + a_group(2) + group", "groups(1) + a_group(2) + group"),
        ] {
            assert_eq!(desugar(text), expected);
        }
    }

    proptest::proptest! {
        /// Every character keeps its place.
        #[test]
        fn moves_nothing(text in "(http|\\.get\\(|group\\(|::| as |[\"'`#{}$/*\\\\\n a-c]|é){0,40}") {
            let spelled = desugar(&text);
            proptest::prop_assert_eq!(spelled.len(), text.len());
            for (before, after) in text.chars().zip(spelled.chars()) {
                proptest::prop_assert!(before == after || matches!(after, '_' | '1'));
            }
        }
    }
}
