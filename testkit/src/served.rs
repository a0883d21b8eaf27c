//! What a server that is not ours logged: the second opinion on what was sent.
//!
//! In: a log with `METHOD PATH STATUS PROTOCOL CONNECTION` in each line. Out: counts.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

/// What a server logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests by (method, path, status).
    pub counts: BTreeMap<(String, String, u16), u64>,
    /// Requests by protocol, such as `HTTP/2.0`.
    pub protocols: BTreeMap<String, u64>,
    /// The connections they came on, by the server's own numbers, and how many on each.
    pub connections: BTreeMap<u64, u64>,
}

impl Served {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Requests for a path.
    #[must_use]
    pub fn requests(&self, path: &str) -> u64 {
        self.sum(|(_, logged, _)| logged == path)
    }

    /// Requests for a path answered with a status.
    #[must_use]
    pub fn responses(&self, path: &str, status: u16) -> u64 {
        self.sum(|(_, logged, logged_status)| logged == path && *logged_status == status)
    }

    fn sum(&self, which: impl Fn(&(String, String, u16)) -> bool) -> u64 {
        self.counts
            .iter()
            .filter(|(key, _)| which(key))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn parse(log: &str) -> Result<Self> {
        let mut served = Self::default();
        for line in log.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [method, path, status, protocol, connection] = fields[..] else {
                bail!("the server logged `{line}`")
            };
            let key = (method.to_owned(), path.to_owned(), status.parse()?);
            *served.counts.entry(key).or_default() += 1;
            *served.protocols.entry(protocol.to_owned()).or_default() += 1;
            *served.connections.entry(connection.parse()?).or_default() += 1;
        }
        Ok(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_log_is_counted_per_method_path_and_status() {
        let log =
            "GET / 200 HTTP/1.1 1\nPOST / 200 HTTP/1.1 1\nGET / 200 HTTP/2.0 2\nGET /x 404 HTTP/1.1 1\n";
        let served = Served::parse(log).unwrap();
        assert_eq!(
            (served.total(), served.requests("/"), served.responses("/x", 404)),
            (4, 3, 1)
        );
        assert_eq!(served.protocols["HTTP/1.1"], 3);
        assert_eq!(served.connections, BTreeMap::from([(1, 3), (2, 1)]));
        assert!(Served::parse("nonsense").is_err());
    }
}
