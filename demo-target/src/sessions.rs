//! Who is logged in: tokens handed out by `/login` and recognised by `/account`.
//!
//! In: a name, later its token. Out: a random token, later the name. The oldest sessions go when there are too many.
//! Tokens are random but not cryptographically so: nothing here is worth stealing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

/// Sessions remembered at a time.
pub(crate) const MAX_SESSIONS: usize = 100_000;

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: FxHashMap<u128, Arc<str>>,
    oldest_first: VecDeque<u128>,
}

impl Sessions {
    /// Opens a session and returns its token: 32 hexadecimal digits.
    pub(crate) fn open(&self, name: &str) -> String {
        let token = fastrand::u128(..);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.oldest_first.len() >= MAX_SESSIONS
            && let Some(oldest) = known.oldest_first.pop_front()
        {
            known.names.remove(&oldest);
        }
        known.names.insert(token, name.into());
        known.oldest_first.push_back(token);
        format!("{token:032x}")
    }

    /// The name a token was handed out to.
    pub(crate) fn name_of(&self, token: &str) -> Option<Arc<str>> {
        if token.len() != 32 {
            return None;
        }
        let token = u128::from_str_radix(token, 16).ok()?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.get(&token).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_back_to_names_until_too_many_came_after() {
        let sessions = Sessions::default();
        let first = sessions.open("ann");
        let second = sessions.open("bob");
        assert_eq!(sessions.name_of(&first).as_deref(), Some("ann"));
        assert_eq!(sessions.name_of("nonsense"), None);
        for _ in 0..MAX_SESSIONS - 1 {
            sessions.open("crowd");
        }
        assert_eq!(sessions.name_of(&first), None);
        assert_eq!(sessions.name_of(&second).as_deref(), Some("bob"));
    }
}
