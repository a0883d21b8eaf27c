//! Slows down whoever guesses passwords.
//!
//! In: attempts that failed, by name and address. Out: how long the next one has to wait. A few attempts are free, then
//! waiting doubles; one address that tries many names waits too. Bounded: of too many attackers the oldest are
//! forgotten first.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Failed attempts before one has to wait.
pub(super) const FREE_ATTEMPTS: u32 = 5;
/// Failed attempts of an address, whatever the names.
const FREE_OF_ADDRESS: u32 = 30;
/// The first wait; each further failure doubles it,
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Failures are forgotten after this time without another.
const FORGET: Duration = Duration::from_secs(900);
/// Remembered at most.
const MAX_ENTRIES: usize = 4_096;
/// Names are remembered up to this length; nobody is called longer.
const MAX_NAME: usize = 64;

/// Failed attempts, lately.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    entries: HashMap<Key, Entry>,
}

/// An address, and the name it tried; no name stands for all of them.
type Key = (IpAddr, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Instant,
}

impl Throttle {
    /// How long this attempt has to wait, if it does.
    pub(super) fn wait(&self, name: &str, from: IpAddr, now: Instant) -> Option<Duration> {
        let [named, whole] = keys(name, from);
        [(named, FREE_ATTEMPTS), (whole, FREE_OF_ADDRESS)]
            .into_iter()
            .filter_map(|(key, free)| self.entries.get(&key)?.wait(free, now))
            .max()
    }

    /// Another attempt failed.
    pub(super) fn failed(&mut self, name: &str, from: IpAddr, now: Instant) {
        for key in keys(name, from) {
            if !self.entries.contains_key(&key) {
                self.make_room(now);
            }
            let entry = self.entries.entry(key).or_insert(Entry {
                failures: 0,
                last: now,
            });
            if now.duration_since(entry.last) >= FORGET {
                entry.failures = 0;
            }
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now;
        }
    }

    /// Whoever it was knows the password. The address keeps its failures with other names.
    pub(super) fn succeeded(&mut self, name: &str, from: IpAddr) {
        let [named, _] = keys(name, from);
        self.entries.remove(&named);
    }

    fn make_room(&mut self, now: Instant) {
        if self.entries.len() < MAX_ENTRIES {
            return;
        }
        self.entries
            .retain(|_, entry| now.duration_since(entry.last) < FORGET);
        if self.entries.len() >= MAX_ENTRIES {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.entries.remove(&oldest);
            }
        }
    }
}

impl Entry {
    fn wait(&self, free: u32, now: Instant) -> Option<Duration> {
        let doublings = self.failures.checked_sub(free)?;
        let wait = FIRST_WAIT
            .saturating_mul(1 << doublings.min(16))
            .min(LONGEST_WAIT);
        (self.last + wait)
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}

/// The name from there, and all of there. Who has one IPv6 address has 2^64 of them.
fn keys(name: &str, from: IpAddr) -> [Key; 2] {
    let address = match from.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    };
    let name = name.chars().take(MAX_NAME).collect();
    [(address, Some(name)), (address, None)]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn waiting_doubles_and_is_forgotten() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..FREE_ATTEMPTS + 3 {
            let wait = throttle.wait("ada", address(1), now).unwrap_or_default();
            now += wait;
            assert_eq!(throttle.wait("ada", address(1), now), None, "the wait is over");
            throttle.failed("ada", address(1), now);
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 8]);
        assert_eq!(
            throttle.wait("ada", address(2), now),
            None,
            "others are not held up"
        );
        assert_eq!(throttle.wait("ada", address(1), now + FORGET), None);
        throttle.failed("ada", address(1), now + FORGET);
        assert_eq!(throttle.wait("ada", address(1), now + FORGET), None);
    }

    #[test]
    fn an_address_that_tries_many_names_waits() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..FREE_OF_ADDRESS {
            let name = format!("user{number}");
            assert_eq!(throttle.wait(&name, address(1), now), None);
            throttle.failed(&name, address(1), now);
        }
        assert_eq!(throttle.wait("another", address(1), now), Some(FIRST_WAIT));
        throttle.succeeded("another", address(1));
        assert_eq!(throttle.wait("another", address(1), now), Some(FIRST_WAIT));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..3 * MAX_ENTRIES as u32 {
            throttle.failed("ada", address(number), now);
        }
        assert!(throttle.entries.len() <= MAX_ENTRIES);
    }
}
