//! Names to addresses, remembered for a while.
//!
//! One look-up per name and thread at a time, whoever needs it waits for the same one. Addresses are handed out in
//! rotation, so that a name that stands for many servers loads all of them.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::net::lookup_host;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long an answer is used.
const TIME_TO_LIVE: Duration = Duration::from_secs(30);
/// Names remembered.
const MAX_NAMES: usize = 1024;

/// The names a thread has resolved.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    names: RefCell<FxHashMap<String, Rc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    addresses: OnceCell<Vec<IpAddr>>,
    since: Instant,
    /// Where the next connection starts.
    turn: Cell<usize>,
}

// === impl Resolver ===

impl Resolver {
    /// The addresses of a name, the one to try first in front.
    ///
    /// # Errors
    ///
    /// The system resolver's. Failures are not remembered.
    pub(super) async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let entry = self.entry(name);
        let addresses = entry
            .addresses
            .get_or_try_init(|| async {
                let found: Vec<IpAddr> = lookup_host((name, port))
                    .await?
                    .map(|address| address.ip())
                    .collect();
                if found.is_empty() {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
                Ok(interleaved(&found))
            })
            .await?;
        let turn = entry.turn.get();
        entry.turn.set(turn.wrapping_add(1));
        Ok(rotated(addresses, turn)
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    fn entry(&self, name: &str) -> Rc<Entry> {
        let now = Instant::now();
        let mut names = self.names.borrow_mut();
        if let Some(entry) = names.get(name)
            && now.saturating_duration_since(entry.since) < TIME_TO_LIVE
        {
            return Rc::clone(entry);
        }
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        let entry = Rc::new(Entry {
            addresses: OnceCell::new(),
            since: now,
            turn: Cell::new(0),
        });
        names.insert(name.to_owned(), Rc::clone(&entry));
        entry
    }
}

/// Alternates between address families, starting with the family the system put first; no address twice.
fn interleaved(found: &[IpAddr]) -> Vec<IpAddr> {
    let mut unique: Vec<IpAddr> = Vec::with_capacity(found.len());
    for address in found {
        if !unique.contains(address) {
            unique.push(*address);
        }
    }
    let Some(first_is_v6) = unique.first().map(IpAddr::is_ipv6) else {
        return unique;
    };
    let (first, second): (Vec<_>, Vec<_>) = unique
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    let mut second = second.into_iter();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

/// The addresses, starting with the `turn`th of the preferred family.
fn rotated(addresses: &[IpAddr], turn: usize) -> impl Iterator<Item = IpAddr> {
    let preferred = |address: &IpAddr| address.is_ipv6() == addresses[0].is_ipv6();
    let starts: Vec<usize> = (0..addresses.len())
        .filter(|index| preferred(&addresses[*index]))
        .collect();
    let start = starts.get(turn % starts.len().max(1)).copied().unwrap_or(0);
    (0..addresses.len()).map(move |step| addresses[(start + step) % addresses.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_and_addresses_rotate() {
        let mixed = interleaved(&ips("10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.3 ::1"));
        assert_eq!(mixed, ips("10.0.0.1 ::1 10.0.0.2 10.0.0.3"));
        assert_eq!(rotated(&mixed, 0).collect::<Vec<_>>(), mixed);
        assert_eq!(
            rotated(&mixed, 1).collect::<Vec<_>>(),
            ips("10.0.0.2 10.0.0.3 10.0.0.1 ::1")
        );
        assert_eq!(rotated(&mixed, 2).next(), Some("10.0.0.3".parse().unwrap()));
        assert_eq!(rotated(&mixed, 3).next(), Some("10.0.0.1".parse().unwrap()));
        assert!(interleaved(&[]).is_empty());
    }

    #[tokio::test]
    async fn localhost_resolves_and_nonsense_does_not() {
        let resolver = Resolver::default();
        let found = resolver.resolve("localhost", 80).await.unwrap();
        assert!(
            found
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 80)
        );
        assert!(resolver.resolve("no-such-name.invalid", 80).await.is_err());
        assert!(resolver.resolve("no-such-name.invalid", 80).await.is_err());
    }
}
