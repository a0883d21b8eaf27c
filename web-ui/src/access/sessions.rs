//! Who is logged in.
//!
//! In: secrets given out and shown again. Out: whose they are. Kept in memory: a process started again asks everybody
//! to log in again. Bounded in number and in time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Visitor;
use super::secret::{Fingerprint, Secret, fingerprint};

/// Sessions at most; the one unused for longest makes room.
const MAX_SESSIONS: usize = 1_000;
/// A session ends when it was not used for this long,
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// and in any case after this time.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By fingerprint: how long a look-up takes tells nothing about a secret.
    open: HashMap<Fingerprint, Session>,
}

#[derive(Debug)]
struct Session {
    visitor: Visitor,
    began: Instant,
    used: Instant,
}

impl Sessions {
    /// Begins a session.
    pub(super) fn open(&mut self, secret: &Secret, visitor: Visitor, now: Instant) {
        self.open.retain(|_, session| session.lasts(now));
        if self.open.len() >= MAX_SESSIONS {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.open.remove(&oldest);
            }
        }
        let session = Session {
            visitor,
            began: now,
            used: now,
        };
        self.open.insert(fingerprint(secret.text()), session);
    }

    /// Whose session it is; using it keeps it open.
    pub(super) fn visitor(&mut self, secret: &str, now: Instant) -> Option<Visitor> {
        let session = self.open.get_mut(&fingerprint(secret))?;
        if !session.lasts(now) {
            return None;
        }
        session.used = now;
        Some(session.visitor.clone())
    }

    /// Ends the sessions of everybody else.
    pub(super) fn keep(&mut self, stays: impl Fn(&Visitor) -> bool) {
        self.open.retain(|_, session| stays(&session.visitor));
    }

    /// Ends a session, if there is one.
    pub(super) fn close(&mut self, secret: &str) {
        self.open.remove(&fingerprint(secret));
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.began) < LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn ada() -> Visitor {
        Visitor {
            name: "ada".into(),
            role: Role::Viewer,
        }
    }

    #[test]
    fn a_session_lasts_while_it_is_used_and_not_for_ever() {
        let (mut sessions, start) = (Sessions::default(), Instant::now());
        let (used, idle) = (Secret::random().unwrap(), Secret::random().unwrap());
        sessions.open(&used, ada(), start);
        sessions.open(&idle, ada(), start);
        let mut now = start;
        while now.duration_since(start) < LONGEST - IDLE / 2 {
            assert_eq!(sessions.visitor(used.text(), now), Some(ada()));
            now += IDLE / 2;
        }
        assert_eq!(sessions.visitor(idle.text(), now), None);
        assert_eq!(sessions.visitor(used.text(), start + LONGEST), None);
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let secrets: Vec<Secret> = (0..=MAX_SESSIONS).map(|_| Secret::random().unwrap()).collect();
        for (second, secret) in (0..).zip(&secrets) {
            sessions.open(secret, ada(), now + Duration::from_secs(second));
        }
        assert_eq!(sessions.open.len(), MAX_SESSIONS);
        assert_eq!(sessions.visitor(secrets[0].text(), now), None, "the oldest went");
    }
}
