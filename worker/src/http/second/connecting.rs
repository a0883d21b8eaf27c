//! Looks over reqwest's shoulder while it resolves names and connects.
//!
//! In: the calls reqwest makes anyway. Out: the same answers, and notes in a [`Gauge`].

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::Connection;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::gauge::Gauge;

/// The system's resolver, timed.
#[derive(Debug)]
pub(super) struct TimedResolver {
    pub(super) gauge: Arc<Gauge>,
}

/// A name has no address.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) host: String,
    pub(super) source: io::Error,
}

/// Times whatever connector is below.
#[derive(Debug, Clone)]
pub(super) struct Timed<S> {
    inner: S,
    gauge: Arc<Gauge>,
}

/// Puts [`Timed`] around a connector.
#[derive(Debug, Clone)]
pub(super) struct TimedLayer {
    pub(super) gauge: Arc<Gauge>,
}

impl Resolve for TimedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let gauge = Arc::clone(&self.gauge);
        Box::pin(async move {
            let host = name.as_str();
            let exchange = gauge.resolve(host);
            let began = Instant::now();
            let found = lookup_host((host, 0)).await;
            gauge.resolved(exchange, began.elapsed());
            let found: Result<Vec<SocketAddr>, io::Error> = found.map(Iterator::collect);
            let why = match found {
                Ok(addresses) if !addresses.is_empty() => {
                    let addresses: Addrs = Box::new(addresses.into_iter());
                    return Ok(addresses);
                }
                Ok(_) => io::Error::from(io::ErrorKind::NotFound),
                Err(error) => error,
            };
            let host = host.to_owned();
            Err(Unresolved { host, source: why }.into())
        })
    }
}

impl<S> Layer<S> for TimedLayer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        let gauge = Arc::clone(&self.gauge);
        Timed { inner, gauge }
    }
}

impl<S, R> Service<R> for Timed<S>
where
    S: Service<R>,
    S::Response: Connection,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let gauge = Arc::clone(&self.gauge);
        let connected = self.inner.call(request);
        Box::pin(async move {
            let until_dropped = Gauge::connect(&gauge);
            let connection = connected.await?;
            until_dropped.opened(connection.connected().is_negotiated_h2());
            Ok(connection)
        })
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not resolve `{}`", self.host)
    }
}

impl Error for Unresolved {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
