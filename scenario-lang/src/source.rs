//! The text of one scenario file, with the look-ups diagnostics need.
//!
//! In: a file's name and text. Out: its lines, how wide the thing at a position is, and where an option of a call is
//! written, so that a caret can point at what is wrong rather than at the statement around it.

/// One file's name and text.
#[derive(Debug)]
pub(crate) struct SourceText {
    /// As shown in diagnostics.
    pub(crate) name: String,
    /// Every line's characters, without line ends.
    lines: Vec<Vec<char>>,
}

/// A place in a file: line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// The place of a position of the script engine; `None` when it has none.
    pub(crate) fn of(position: rhai::Position) -> Option<Self> {
        let line = position.line()?;
        Some(Self {
            line,
            column: position.position().unwrap_or(1).max(1),
        })
    }
}

impl SourceText {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line).chars().collect())
            .collect();
        Self {
            name: name.to_owned(),
            lines,
        }
    }

    /// A line's text, empty when there is no such line.
    pub(crate) fn line(&self, line: usize) -> String {
        self.lines
            .get(line.saturating_sub(1))
            .map(|chars| chars.iter().collect())
            .unwrap_or_default()
    }

    /// How many lines there are.
    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// How many characters the word, string or sign at a place has; at least 1.
    pub(crate) fn token_length(&self, place: Place) -> usize {
        let Some(rest) = self.rest_of_line(place) else {
            return 1;
        };
        match rest.first() {
            Some(quote @ ('"' | '`')) => string_length(rest, *quote),
            Some(c) if is_word(*c) => match self.qualified(place) {
                Some((head, tail)) => head.chars().count() + 2 + tail.chars().count(),
                None => rest.iter().take_while(|c| is_word(**c)).count(),
            },
            _ => 1,
        }
    }

    /// The word at a place together with `.method` when it is called on it, as in `http.get(`.
    pub(crate) fn dotted_call(&self, place: Place) -> Option<String> {
        let rest = self.rest_of_line(place)?;
        let head = rest.iter().take_while(|c| is_word(**c)).count();
        if head == 0 || rest.get(head) != Some(&'.') {
            return None;
        }
        let method = rest[head + 1..].iter().take_while(|c| is_word(**c)).count();
        (method > 0 && rest.get(head + 1 + method) == Some(&'('))
            .then(|| rest[..head + 1 + method].iter().collect())
    }

    /// The word at a place.
    pub(crate) fn word(&self, place: Place) -> Option<String> {
        let rest = self.rest_of_line(place)?;
        let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
        (!word.is_empty()).then_some(word)
    }

    /// The two words at a place when it has the form `shared::login`.
    pub(crate) fn qualified(&self, place: Place) -> Option<(String, String)> {
        let rest = self.rest_of_line(place)?;
        let head = rest.iter().take_while(|c| is_word(**c)).count();
        let after = rest.get(head..)?.strip_prefix(&[':', ':'])?;
        let tail = after.iter().take_while(|c| is_word(**c)).count();
        (head > 0 && tail > 0).then(|| (rest[..head].iter().collect(), after[..tail].iter().collect()))
    }

    /// Where `key:` is written among the arguments of the call at a place.
    pub(crate) fn option_key(&self, call: Place, key: &str) -> Option<Place> {
        Scan {
            source: self,
            line: call.line,
            column: call.column,
            depth: 0,
            opened: false,
        }
        .find_key(key)
    }

    /// Where the character `at` of the text is written that the call at a place takes first; `None` unless it stands there
    /// as one literal on one line.
    pub(crate) fn in_text(&self, call: Place, text: &str, at: usize) -> Option<Place> {
        let mut here = call;
        here.column += self.rest_of_line(call)?.iter().position(|c| *c == '(')? + 1;
        let rest = loop {
            let rest = self.rest_of_line(here)?;
            match rest.iter().position(|c| !c.is_whitespace()) {
                Some(spaces) => {
                    here.column += spaces;
                    break &rest[spaces..];
                }
                None => {
                    here = Place {
                        line: here.line + 1,
                        column: 1,
                    }
                }
            }
        };
        let quote = *rest.first().filter(|c| matches!(c, '"' | '`'))?;
        let mut written = 1;
        for (index, wanted) in text.chars().enumerate() {
            if index == at {
                here.column += written;
                return Some(here);
            }
            let is_escaped = quote == '"' && rest.get(written) == Some(&'\\');
            written += usize::from(is_escaped);
            if rest.get(written) != Some(&wanted) {
                return None;
            }
            written += 1;
        }
        here.column += written;
        (rest.get(written) == Some(&quote)).then_some(here)
    }

    fn rest_of_line(&self, place: Place) -> Option<&[char]> {
        self.lines
            .get(place.line.checked_sub(1)?)?
            .get(place.column.checked_sub(1)?..)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the string literal `text` starts with, up to the end of its line.
fn string_length(text: &[char], quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.iter().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if *c == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// A walk over the text from a call to the parenthesis that ends it.
struct Scan<'a> {
    source: &'a SourceText,
    line: usize,
    column: usize,
    depth: usize,
    opened: bool,
}

impl Scan<'_> {
    fn find_key(mut self, key: &str) -> Option<Place> {
        let wanted: Vec<char> = key.chars().collect();
        while self.line <= self.source.line_count() {
            let here = Place {
                line: self.line,
                column: self.column,
            };
            let Some(rest) = self.source.rest_of_line(here).filter(|rest| !rest.is_empty()) else {
                self.line += 1;
                self.column = 1;
                continue;
            };
            let step = match rest[0] {
                '(' | '[' | '{' => {
                    self.depth += 1;
                    self.opened = true;
                    1
                }
                ')' | ']' | '}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.opened && self.depth == 0 {
                        return None;
                    }
                    1
                }
                '/' if rest.get(1) == Some(&'/') => rest.len(),
                quote @ ('"' | '`') => {
                    let length = string_length(rest, quote);
                    let inner = &rest[1..length.saturating_sub(1).max(1)];
                    if quote == '"' && inner == wanted && followed_by_colon(&rest[length..]) {
                        return Some(here);
                    }
                    length
                }
                c if is_word(c) => {
                    let length = rest.iter().take_while(|c| is_word(**c)).count();
                    if rest[..length] == wanted && followed_by_colon(&rest[length..]) {
                        return Some(here);
                    }
                    length
                }
                _ => 1,
            };
            self.column += step;
        }
        None
    }
}

fn followed_by_colon(rest: &[char]) -> bool {
    let mut signs = rest.iter().skip_while(|c| c.is_whitespace());
    signs.next() == Some(&':') && signs.next() != Some(&':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_key_of_the_right_call() {
        let source = SourceText::new(
            "a",
            "user(\"wait: 1\", #{ // wait: 2\n  wait: -1 });\nplan(#{ wait: 3 });",
        );
        let call = Place { line: 1, column: 1 };
        assert_eq!(
            source.option_key(call, "wait"),
            Some(Place { line: 2, column: 3 })
        );
        assert_eq!(source.option_key(call, "weight"), None);
        assert_eq!(
            source.option_key(Place { line: 3, column: 1 }, "wait"),
            Some(Place { line: 3, column: 9 })
        );
    }

    #[test]
    fn measures_words_strings_and_signs() {
        let source = SourceText::new("a", "abc_1(\"x\\\"y\") + 1");
        assert_eq!(source.token_length(Place { line: 1, column: 1 }), 5);
        assert_eq!(source.token_length(Place { line: 1, column: 7 }), 6);
        assert_eq!(source.token_length(Place { line: 1, column: 15 }), 1);
        assert_eq!(source.token_length(Place { line: 9, column: 1 }), 1);
    }
}
