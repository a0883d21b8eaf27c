//! The secrets that let workers in: the one that counts, and for a while those it took the place of.
//!
//! In: a token, new ones when it was changed, what workers present. Out: whether that lets them in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::time::Instant;

/// Former tokens that are remembered; more changes than these within the grace are no rotation.
const FORMER: usize = 8;

/// What workers must present; never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token; `None` for an empty one, which would let everybody in.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Whether `presented` is it; takes as long for any text of the same length.
    #[must_use]
    fn is(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What a token that was presented is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The one that counts.
    Current,
    /// One that counted until a moment ago.
    Former,
    /// None of them.
    Wrong,
}

/// The tokens that let workers in; clones are the same.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    current: Token,
    /// Former ones and until when each counts, the oldest first.
    former: Vec<(Token, Instant)>,
    grace: Duration,
    /// How many there have been.
    generation: u64,
}

impl Tokens {
    /// One, which goes on counting for `grace` after it was replaced.
    #[must_use]
    pub fn new(token: Token, grace: Duration) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            current: token,
            former: Vec::new(),
            grace,
            generation: 1,
        })))
    }

    /// Puts another one in its place. Who came with the one before stays; who comes with it is let in during the grace.
    pub fn replace(&self, token: Token) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if kept.current.is(&token.0) {
            return;
        }
        let until = now + kept.grace;
        kept.former
            .retain(|(old, until)| *until > now && !old.is(&token.0));
        if kept.former.len() == FORMER {
            kept.former.remove(0);
        }
        let former = std::mem::replace(&mut kept.current, token);
        kept.former.push((former, until));
        kept.generation += 1;
    }

    /// What `presented` is, and of how many tokens the one that counts is the last.
    pub(super) fn judge(&self, presented: &str) -> (Judgement, u64) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_former = kept.former.iter().fold(false, |is, (token, until)| {
            is | (token.is(presented) & (*until > now))
        });
        let judgement = match (kept.current.is(presented), is_former) {
            (true, _) => Judgement::Current,
            (false, true) => Judgement::Former,
            (false, false) => Judgement::Wrong,
        };
        (judgement, kept.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_let_in_and_nothing_shows_it() {
        let token = Token::new(" s3cret\n").unwrap();
        assert!(token.is("s3cret"));
        assert!(!token.is("s3cre") && !token.is("s3cretx") && !token.is(""));
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert!(Token::new(" \n").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_counts_for_a_while_after_it_was_replaced() {
        let grace = Duration::from_secs(300);
        let token = |text: &str| Token::new(text).unwrap();
        let tokens = Tokens::new(token("a"), grace);
        let judged = |text: &str| tokens.judge(text).0;
        assert_eq!((judged("a"), judged("b")), (Judgement::Current, Judgement::Wrong));
        tokens.replace(token("a"));
        assert_eq!(tokens.judge("a"), (Judgement::Current, 1), "nothing has changed");
        tokens.replace(token("b"));
        assert_eq!(
            (judged("a"), judged("b")),
            (Judgement::Former, Judgement::Current)
        );
        tokio::time::advance(grace / 2).await;
        tokens.replace(token("c"));
        tokio::time::advance(grace / 2).await;
        assert_eq!((judged("a"), judged("b")), (Judgement::Wrong, Judgement::Former));
        // Back to one before: it counts, and not for a while only.
        tokens.replace(token("b"));
        tokio::time::advance(grace).await;
        assert_eq!((judged("b"), judged("c")), (Judgement::Current, Judgement::Wrong));

        let strict = Tokens::new(token("a"), Duration::ZERO);
        strict.replace(token("b"));
        assert_eq!(strict.judge("a").0, Judgement::Wrong);
        for number in 0..1_000 {
            tokens.replace(token(&number.to_string()));
        }
        assert!(tokens.0.lock().unwrap().former.len() <= FORMER);
    }
}
