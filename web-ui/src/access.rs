//! Who may look at the page, and who may run tests.
//!
//! In: the accounts file, requests' cookies and tokens. Out: the [`Visitor`] a request comes from, or nobody. Passwords
//! are kept as argon2 hashes, sessions and API tokens as SHA-256 of their secrets; nothing here can be read back.

mod accounts;
mod secret;
mod sessions;
mod throttle;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use accounts::{Accounts, AccountsError, MIN_PASSWORD};
pub(crate) use secret::Secret;
use sessions::Sessions;
use throttle::Throttle;

/// Passwords checked at the same time; each takes 19 MiB and some ten milliseconds.
const CHECKS: usize = 2;
/// How long a check may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look, and download.
    Viewer,
    /// Everything.
    Operator,
}

/// Somebody who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// What the accounts file calls them.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
}

/// Why nobody was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No such user, or another password; which of them is not told.
    Wrong,
    /// Too many attempts; the next one will be heard after this time.
    TooMany(Duration),
    /// Too many people log in right now.
    Busy,
}

/// The door of the page.
#[derive(Debug)]
pub struct Access {
    accounts: Mutex<Arc<Accounts>>,
    cookie: String,
    sessions: Mutex<Sessions>,
    throttle: Arc<Mutex<Throttle>>,
    checks: Arc<Semaphore>,
}

// === impl Role ===

impl Role {
    /// Whether tests may be run and changed.
    #[must_use]
    pub fn may_operate(self) -> bool {
        self == Self::Operator
    }

    /// As the accounts file writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Access ===

impl Access {
    /// A door for these accounts. Browsers share cookies among all ports of a host: `port` keeps several Katydids apart.
    #[must_use]
    pub fn new(accounts: Accounts, port: u16) -> Self {
        Self {
            accounts: Mutex::new(Arc::new(accounts)),
            cookie: format!("katydid_session_{port}"),
            sessions: Mutex::default(),
            throttle: Arc::default(),
            checks: Arc::new(Semaphore::new(CHECKS)),
        }
    }

    /// Takes these accounts in the place of those before. Sessions end of everybody who is no longer there, or with another role or
    /// password.
    pub fn replace(&self, accounts: Accounts) {
        let accounts = Arc::new(accounts);
        let mut known = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, Arc::clone(&accounts));
        drop(known);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.keep(|visitor| accounts.has_same_user(&before, &visitor.name));
    }

    fn accounts(&self) -> Arc<Accounts> {
        Arc::clone(&self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The name of the cookie that holds a session.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Lets somebody in who knows their password; the secret is for their cookie.
    pub(crate) async fn log_in(&self, name: &str, password: String, from: IpAddr) -> Result<Secret, Denied> {
        self.heard(name, from)?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.checks).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Denied::Busy);
        };
        // Others may have failed meanwhile: whoever guesses many at a time is heard no more often.
        self.heard(name, from)?;
        let asked = self.accounts();
        let (accounts, user) = (Arc::clone(&asked), name.to_owned());
        let throttle = Arc::clone(&self.throttle);
        let check = tokio::task::spawn_blocking(move || {
            let visitor = accounts.check(&user, &password);
            let mut throttle = throttle.lock().unwrap_or_else(PoisonError::into_inner);
            match &visitor {
                Some(_) => throttle.succeeded(&user, from),
                None => throttle.failed(&user, from, Instant::now()),
            }
            // Only whoever sees that may have the turn next, and nobody can hang up before it is so.
            drop(throttle);
            drop(turn);
            visitor
        });
        let visitor = check.await.ok().flatten().ok_or(Denied::Wrong)?;
        let secret = Secret::random().ok_or(Denied::Busy)?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Accounts that were replaced meanwhile have ended the sessions there were, not this one.
        if !self.accounts().has_same_user(&asked, name) {
            return Err(Denied::Wrong);
        }
        sessions.open(&secret, visitor, Instant::now());
        Ok(secret)
    }

    /// Ends a session.
    pub(crate) fn log_out(&self, secret: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.close(secret);
    }

    /// Who holds this session's secret.
    pub(crate) fn of_session(&self, secret: &str) -> Option<Visitor> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.visitor(secret, Instant::now())
    }

    /// Who holds this API token.
    pub(crate) fn of_token(&self, token: &str) -> Option<Visitor> {
        self.accounts().of_token(token)
    }

    /// Whether this attempt is heard, or has to wait.
    fn heard(&self, name: &str, from: IpAddr) -> Result<(), Denied> {
        let throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        match throttle.wait(name, from, Instant::now()) {
            Some(wait) => Err(Denied::TooMany(wait)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn access() -> Access {
        let mut accounts = Accounts::default();
        accounts
            .set_password("ada", "correct horse", Role::Operator)
            .unwrap();
        Access::new(accounts, 8089)
    }

    #[tokio::test]
    async fn whoever_knows_the_password_is_let_in_until_they_leave() {
        let access = access();
        let secret = access
            .log_in("ada", "correct horse".to_owned(), HERE)
            .await
            .unwrap();
        let visitor = access.of_session(secret.text()).unwrap();
        assert_eq!((&*visitor.name, visitor.role), ("ada", Role::Operator));
        assert_eq!(access.of_session("made up"), None);
        access.log_out(secret.text());
        assert_eq!(access.of_session(secret.text()), None);
    }

    #[tokio::test]
    async fn other_accounts_end_the_sessions_of_those_who_changed() {
        let with = |users: &[(&str, &str, Role)]| {
            let mut accounts = Accounts::default();
            for (name, password, role) in users {
                accounts.set_password(name, password, *role).unwrap();
            }
            accounts
        };
        let first = with(&[
            ("ada", "correct horse", Role::Operator),
            ("bob", "battery staple", Role::Operator),
            ("eve", "long enough", Role::Operator),
        ]);
        let mut second = first.clone();
        second.set_password("bob", "another one", Role::Operator).unwrap();
        second.remove("eve", false);
        let access = Access::new(first, 8089);
        let mut secrets = Vec::new();
        for (name, password) in [
            ("ada", "correct horse"),
            ("bob", "battery staple"),
            ("eve", "long enough"),
        ] {
            secrets.push(access.log_in(name, password.to_owned(), HERE).await.unwrap());
        }
        access.replace(second);
        let still = secrets
            .iter()
            .map(|secret| access.of_session(secret.text()).is_some());
        assert_eq!(still.collect::<Vec<_>>(), [true, false, false]);
        let denied = access.log_in("eve", "long enough".to_owned(), HERE).await;
        assert_eq!(denied.map(drop), Err(Denied::Wrong));
        assert!(access.log_in("bob", "another one".to_owned(), HERE).await.is_ok());
    }

    #[tokio::test]
    async fn many_guesses_at_a_time_are_slowed_down_as_well() {
        let access = Arc::new(access());
        let mut guesses = tokio::task::JoinSet::new();
        for number in 0..40 {
            let access = Arc::clone(&access);
            guesses.spawn(async move { access.log_in("ada", format!("guess {number}"), HERE).await });
        }
        let denied: Vec<Denied> = guesses
            .join_all()
            .await
            .into_iter()
            .map(Result::unwrap_err)
            .collect();
        let heard = denied.iter().filter(|denied| **denied == Denied::Wrong).count();
        // Those that are checked at the same moment do not know of each other.
        let most = throttle::FREE_ATTEMPTS as usize + CHECKS - 1;
        assert!(heard <= most, "{heard} guesses were heard: {denied:?}");
        assert!(
            denied.iter().any(|denied| matches!(denied, Denied::TooMany(_))),
            "{denied:?}"
        );
    }

    #[tokio::test]
    async fn guessing_is_slowed_down_for_the_guessed_name_only() {
        let access = access();
        for _ in 0..throttle::FREE_ATTEMPTS {
            let denied = access.log_in("ada", "guess".to_owned(), HERE).await.unwrap_err();
            assert_eq!(denied, Denied::Wrong);
        }
        let denied = access
            .log_in("ada", "correct horse".to_owned(), HERE)
            .await
            .unwrap_err();
        assert!(matches!(denied, Denied::TooMany(_)), "{denied:?}");
        let denied = access.log_in("bob", "guess".to_owned(), HERE).await.unwrap_err();
        assert_eq!(denied, Denied::Wrong);
    }
}
