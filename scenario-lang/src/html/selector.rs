//! CSS selectors: parsed once, matched often, explained when they are wrong.
//!
//! In: a text. Out: a [`Selector`], or for a person what is wrong with the text and at which character. Matching recurses
//! with the length and the nesting of a selector, so both are bounded.

use cssparser::{BasicParseErrorKind, ParseErrorKind, Parser};
use scraper::ElementRef;
use scraper::selector::Simple;
use selectors::Element;
use selectors::matching::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode, SelectorCaches,
    matches_selector_list,
};
use selectors::parser::{self, ParseRelative, SelectorList, SelectorParseErrorKind};

use crate::suggestion::did_you_mean;

/// Longer selectors were made by mistake.
const LONGEST: usize = 500;
/// How deeply `:not(...)` and its like may nest.
const DEEPEST: usize = 8;

/// The pseudo-classes there are.
const PSEUDO_CLASSES: &[&str] = &[
    "empty",
    "first-child",
    "first-of-type",
    "has",
    "is",
    "last-child",
    "last-of-type",
    "not",
    "nth-child",
    "nth-last-child",
    "nth-last-of-type",
    "nth-of-type",
    "only-child",
    "only-of-type",
    "root",
    "scope",
    "where",
];

/// One or more selectors, separated by commas.
#[derive(Debug)]
pub(crate) struct Selector(SelectorList<Simple>);

/// Which parts of CSS there are.
#[derive(Debug, Clone, Copy)]
struct Grammar;

impl<'i> parser::Parser<'i> for Grammar {
    type Impl = Simple;
    type Error = SelectorParseErrorKind;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }
}

impl Selector {
    /// Parses it.
    ///
    /// # Errors
    ///
    /// What is wrong, without the selector itself.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has {} bytes and the limit is {LONGEST}", text.len()));
        }
        if nesting(text) > DEEPEST {
            return Err(format!("its parentheses nest more than {DEEPEST} deep"));
        }
        let mut parser = Parser::new(text);
        SelectorList::parse(&Grammar, &mut parser, ParseRelative::No)
            .map(Self)
            .map_err(|error| explain(text, &error.kind, parser.position().byte_index()))
    }

    /// Whether an element matches; `scope` is what `:scope` means.
    pub(super) fn matches(
        &self,
        element: &ElementRef<'_>,
        scope: Option<&ElementRef<'_>>,
        caches: &mut SelectorCaches,
    ) -> bool {
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        context.scope_element = scope.map(Element::opaque);
        matches_selector_list(&self.0, element, &mut context)
    }
}

/// How deeply parentheses and brackets nest; those in quotes count too, which is rare and does no harm.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// What is wrong with a text; the parser has stopped near that byte.
fn explain(text: &str, kind: &ParseErrorKind<SelectorParseErrorKind>, stopped: usize) -> String {
    if let Some((name, at)) = unknown_pseudo_class(text) {
        return format!("there is no `:{name}`, at character {}{}", at + 1, instead(name));
    }
    let words = match kind {
        ParseErrorKind::Basic(BasicParseErrorKind::EndOfInput) => return "it ends too early".to_owned(),
        ParseErrorKind::Basic(BasicParseErrorKind::UnexpectedToken) => "something does not belong there",
        ParseErrorKind::Basic(_) => "it looks like a rule of a style sheet",
        ParseErrorKind::Custom(kind) => custom(kind),
    };
    let read = text.get(..stopped).unwrap_or(text);
    if read.trim().is_empty() {
        return words.to_owned();
    }
    format!("{words}, near character {}", read.chars().count())
}

fn custom(kind: &SelectorParseErrorKind) -> &'static str {
    use SelectorParseErrorKind as K;
    match kind {
        K::EmptySelector => "a selector is missing",
        K::DanglingCombinator => "an element is missing after the last sign",
        K::ExpectedNamespace => "there are no namespaces",
        K::NoQualifiedNameInAttributeSelector
        | K::UnexpectedTokenInAttributeSelector
        | K::ExpectedBarInAttr
        | K::InvalidQualNameInAttr => "an attribute is written like [name] or [name='value']",
        K::BadValueInAttr => "the value of an attribute belongs in quotes, as in [name='a[1]']",
        K::ClassNeedsIdent => "after a dot comes the name of a class",
        K::NoIdentForPseudo | K::PseudoElementExpectedColon | K::PseudoElementExpectedIdent => {
            "after a colon comes the name of a pseudo-class"
        }
        _ => "something does not belong there",
    }
}

/// The first `:name` outside of quotes that is none of ours, and its place in characters.
fn unknown_pseudo_class(text: &str) -> Option<(&str, usize)> {
    let mut quote = None;
    for (index, (at, c)) in text.char_indices().enumerate() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ':') => {
                let rest = text[at..].trim_start_matches(':');
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '-')
                    .unwrap_or(rest.len());
                let name = &rest[..end];
                let known = PSEUDO_CLASSES
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(name));
                if !name.is_empty() && (!known || text[at..].starts_with("::")) {
                    return Some((name, index));
                }
            }
            _ => {}
        }
    }
    None
}

/// What to write instead of a `:name` that is none of ours.
fn instead(name: &str) -> String {
    match name {
        "contains" => "; go through the elements and look at their `text`".to_owned(),
        "checked" | "disabled" | "selected" | "required" => format!("; write `[{name}]`"),
        _ => did_you_mean(name, PSEUDO_CLASSES.iter().copied())
            .map(|guess| format!("; {guess}"))
            .unwrap_or_default(),
    }
}
