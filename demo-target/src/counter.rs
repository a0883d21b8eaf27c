//! Who counts for `/count/:id`: this target by itself, or a Redis that several targets share.
//!
//! In: an id. Out: how many visits it has had. A Redis that does not answer is a 503 with the reason, and is tried again
//! with the next visit.

use std::fmt;
use std::time::Duration;

use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::answer::Refusal;
use crate::error::TargetError;
use crate::visits::{ID_BYTES, Visit, Visits};

/// What every key begins with.
const PREFIX: &str = "katydid:count:";
/// How long a Redis may take to be connected to, and to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest pause between two attempts to connect: a Redis that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Whoever counts.
pub(crate) enum Counter {
    /// This target.
    Own(Box<Visits>),
    /// A Redis, over one connection for all requests, as its pipelines are meant to be used.
    Redis(ConnectionManager),
}

impl Default for Counter {
    fn default() -> Self {
        Self::Own(Box::default())
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(_) => f.write_str("Own"),
            Self::Redis(_) => f.write_str("Redis"),
        }
    }
}

impl Counter {
    /// The Redis at an URL; it need not be there yet.
    pub(crate) fn of_redis(url: &str) -> Result<Self, TargetError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1)
            .set_max_delay(LONGEST_PAUSE);
        Client::open(url)
            .and_then(|client| ConnectionManager::new_lazy_with_config(client, config))
            .map(Self::Redis)
            .map_err(|error| TargetError::Redis {
                url: url.to_owned(),
                why: error.to_string(),
            })
    }

    /// Counts one visit.
    pub(crate) async fn visit(&self, id: &str) -> Result<Visit, Refusal> {
        let redis = match self {
            Self::Own(visits) => return Ok(visits.visit(id)),
            Self::Redis(redis) => redis,
        };
        let shared = id.len() > ID_BYTES;
        let key = format!("{PREFIX}{}", if shared { "(other)" } else { id });
        let visits = redis::cmd("INCR").arg(key).query_async(&mut redis.clone()).await;
        visits.map(|visits| Visit { visits, shared }).map_err(|error| {
            Refusal::unavailable(format!("the Redis that counts does not answer: {error}\n"))
        })
    }
}
