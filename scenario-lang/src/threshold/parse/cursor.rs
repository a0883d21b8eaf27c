//! A place in the text of a rule.
//!
//! In: characters. Out: words and quoted texts, one after the other.

use std::ops::Range;

use crate::threshold::ThresholdError;

/// Walks over a text.
#[derive(Debug)]
pub(super) struct Cursor {
    chars: Vec<char>,
    at: usize,
}

impl Cursor {
    pub(super) fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
        }
    }

    /// How many characters have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads from an earlier place again.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at.min(self.at);
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    pub(super) fn is_quote(&self) -> bool {
        matches!(self.peek(), Some('"' | '\''))
    }

    /// A text in quotes, and whether it has stars that stand for anything. A backslash takes the next character as it is.
    pub(super) fn quoted(&mut self) -> Result<(String, bool), ThresholdError> {
        let start = self.at;
        let sign = self.next();
        let (mut text, mut stars, mut plain_stars) = (String::new(), false, false);
        while let Some(c) = self.next() {
            match c {
                c if Some(c) == sign => {
                    if stars && plain_stars {
                        let message =
                            "a star that is a star cannot stand beside one that stands for anything";
                        return Err(self.error(start..self.at, message, None));
                    }
                    return Ok((text, stars));
                }
                '\\' => match self.next() {
                    Some(c) => {
                        plain_stars |= c == '*';
                        text.push(c);
                    }
                    None => break,
                },
                c => {
                    stars |= c == '*';
                    text.push(c);
                }
            }
        }
        Err(self.error(start..start + 1, "this quote is never closed", None))
    }

    /// Something is wrong here.
    pub(super) fn error(&self, place: Range<usize>, message: &str, help: Option<String>) -> ThresholdError {
        ThresholdError {
            at: place.start.min(self.chars.len()),
            length: place.len().max(1),
            message: message.to_owned(),
            help,
        }
    }
}
