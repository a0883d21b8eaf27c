//! Making a connection: resolve, connect, shake hands, each measured.
//!
//! In: an origin. Out: a connection of the protocol the server chose. All of it together has one time limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use katydid_protocol::format;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::flight::{Flight, Phase};
use super::h1::{H1, Io};
use super::h2::H2;
use super::link::Link;
use super::origin::{HostName, Origin, Scheme};
use super::thread::HttpThread;

/// Shortest time given to one of several addresses.
const SHORTEST_TRY: Duration = Duration::from_millis(250);

/// A connection to an origin.
#[derive(Debug)]
pub(super) enum Connection {
    H1(H1),
    H2(H2),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Why it did not work, or not in time.
    pub(super) async fn open(
        thread: &HttpThread,
        origin: &Origin,
        link: Option<&Link>,
        flight: &mut Flight,
    ) -> Result<Self, Fault> {
        let limit = link
            .and_then(Link::connect_timeout)
            .unwrap_or(thread.settings.connect_timeout);
        let deadline = Instant::now() + limit;
        let resolved = timeout_at(deadline, Self::resolve(thread, origin, link, flight)).await;
        let addresses = match resolved {
            Ok(addresses) => addresses?,
            Err(_) => {
                flight.lap(Phase::Dns);
                return Err(no_answer(origin.host_text(), limit));
            }
        };
        let established = Self::establish(thread, (origin, link), &addresses, deadline, flight);
        match timeout_at(deadline, established).await {
            Ok(result) => result,
            Err(_) => Err(Fault::ConnectTimeout {
                to: place(origin),
                limit,
            }),
        }
    }

    /// Whether an idle connection is still fit for a request, as far as we can know.
    pub(super) fn is_open(&mut self) -> bool {
        match self {
            Self::H1(connection) => connection.is_open(),
            Self::H2(connection) => connection.is_open(),
        }
    }

    async fn resolve(
        thread: &HttpThread,
        origin: &Origin,
        link: Option<&Link>,
        flight: &mut Flight,
    ) -> Result<Vec<SocketAddr>, Fault> {
        if let Some(known) = link.and_then(|link| link.resolve(origin)) {
            return Ok(known);
        }
        match &origin.host {
            HostName::Address(address) => Ok(vec![SocketAddr::new(*address, origin.port)]),
            HostName::Name(name) => {
                let found = thread.resolver.resolve(name, origin.port).await;
                flight.lap(Phase::Dns);
                found.map_err(|source| Fault::Resolve {
                    host: name.clone(),
                    source,
                })
            }
        }
    }

    async fn establish(
        thread: &HttpThread,
        (origin, link): (&Origin, Option<&Link>),
        addresses: &[SocketAddr],
        deadline: Instant,
        flight: &mut Flight,
    ) -> Result<Self, Fault> {
        let stream = connect_any(addresses, link, deadline).await;
        flight.lap(Phase::Connect);
        let stream = stream.map_err(|source| Fault::Connect {
            to: place(origin),
            source,
        })?;
        if origin.scheme == Scheme::Http {
            return if link.is_some_and(Link::is_http2) {
                Self::http2(Io::Plain(stream), flight).await
            } else {
                Ok(Self::H1(H1::new(Io::Plain(stream))))
            };
        }
        let failed = |source| Fault::Tls {
            host: origin.host_text(),
            source,
        };
        let config = link.and_then(|link| link.tls.as_ref()).unwrap_or(&thread.tls);
        let connector = TlsConnector::from(std::sync::Arc::clone(config));
        let name = match link.and_then(|link| link.server_name.clone()) {
            Some(name) => name,
            None => server_name(origin).map_err(failed)?,
        };
        let handshake = connector.connect(name, stream).await;
        flight.lap(Phase::Tls);
        let stream = Box::new(handshake.map_err(failed)?);
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Ok(Self::H1(H1::new(Io::Tls(stream))));
        }
        Self::http2(Io::Tls(stream), flight).await
    }

    async fn http2(stream: Io, flight: &Flight) -> Result<Self, Fault> {
        let connection = H2::handshake(stream).await.map_err(|source| Fault::Http2 {
            source,
            stage: flight.stage,
            unsent: true,
        })?;
        Ok(Self::H2(connection))
    }
}

/// Tries addresses one after the other; each gets its share of the time that is left, the last one all of it.
async fn connect_any(
    addresses: &[SocketAddr],
    link: Option<&Link>,
    deadline: Instant,
) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::from(io::ErrorKind::NotFound));
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = async {
            match link {
                Some(link) => link.connect(*address).await,
                None => TcpStream::connect(address).await,
            }
        };
        result = match u32::try_from(addresses.len() - index) {
            Ok(1) => attempt.await,
            others => timeout((left / others.unwrap_or(u32::MAX)).max(SHORTEST_TRY), attempt)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        };
        if let Ok(stream) = &result {
            // A request is one write; waiting for more to send would only delay it.
            stream.set_nodelay(true)?;
            break;
        }
    }
    result
}

fn server_name(origin: &Origin) -> io::Result<ServerName<'static>> {
    match &origin.host {
        HostName::Address(address) => Ok(ServerName::from(*address)),
        HostName::Name(name) => ServerName::try_from(name.clone())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the name cannot be in a certificate")),
    }
}

/// The name servers took longer than there was time to connect.
pub(super) fn no_answer(host: String, limit: Duration) -> Fault {
    let words = format!("no answer within {}", format::duration(limit));
    Fault::Resolve {
        host,
        source: io::Error::new(io::ErrorKind::TimedOut, words),
    }
}

/// Where we connect to, as messages say it: always with the port.
pub(super) fn place(origin: &Origin) -> String {
    match &origin.host {
        HostName::Address(address) => SocketAddr::new(*address, origin.port).to_string(),
        HostName::Name(name) => format!("{name}:{}", origin.port),
    }
}
