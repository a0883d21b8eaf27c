//! How the users of a class connect, where that is not the usual way, made ready for use.
//!
//! In: [`ConnectionSettings`]. Out: a TLS configuration, addresses to go to and to come from. One for all users of a
//! class on a thread, so that TLS sessions are resumed between them.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use katydid_scenario_lang::{ConnectionSettings, HttpVersion};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};

use super::origin::Origin;
use super::tls::custom_config;

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    settings: Arc<ConnectionSettings>,
    /// `None` when the usual one will do.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) server_name: Option<ServerName<'static>>,
    /// Whose turn it is: of the addresses to go to, and of those to come from.
    turn: Cell<usize>,
}

impl Link {
    /// Makes it ready.
    ///
    /// # Errors
    ///
    /// What is wrong with certificates, keys or names, for people.
    pub(crate) fn new(settings: &Arc<ConnectionSettings>) -> Result<Self, String> {
        let is_usual = !settings.insecure
            && settings.authorities.is_none()
            && settings.certificate.is_none()
            && settings.version.is_none();
        let tls = if is_usual {
            None
        } else {
            Some(custom_config(settings)?)
        };
        let server_name = settings
            .server_name
            .as_ref()
            .map(|name| {
                ServerName::try_from(name.clone())
                    .map_err(|_| format!("server_name: `{name}` cannot be in a certificate"))
            })
            .transpose()?;
        Ok(Self {
            settings: Arc::clone(settings),
            tls,
            server_name,
            turn: Cell::new(fastrand::usize(..1 << 16)),
        })
    }

    /// Whether it is for these settings.
    pub(super) fn is_for(&self, settings: &Arc<ConnectionSettings>) -> bool {
        Arc::ptr_eq(&self.settings, settings)
    }

    /// Limit for resolving, connecting and the TLS handshake together, if it is not the usual one.
    pub(super) fn connect_timeout(&self) -> Option<Duration> {
        self.settings.connect_timeout
    }

    /// Whether HTTP/2 is spoken without asking where there is no TLS to ask by.
    pub(super) fn is_http2(&self) -> bool {
        self.settings.version == Some(HttpVersion::Http2)
    }

    /// Where an origin is, if the scenario says so; the address to try first in front.
    pub(super) fn resolve(&self, origin: &Origin) -> Option<Vec<SocketAddr>> {
        let host = origin.host_text();
        let host = host.trim_matches(['[', ']']);
        let rules = self.settings.resolve.iter();
        // A rule for the port wins over one for all.
        let rule = rules
            .filter(|rule| rule.host == host && rule.port.is_none_or(|port| port == origin.port))
            .max_by_key(|rule| rule.port.is_some())?;
        let turn = self.next_turn();
        let places = rule.to.iter().cycle().skip(turn % rule.to.len());
        Some(
            places
                .take(rule.to.len())
                .map(|(address, port)| SocketAddr::new(*address, port.unwrap_or(origin.port)))
                .collect(),
        )
    }

    /// Connects to an address, from the next of our own.
    pub(super) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let fitting = self
            .settings
            .local_addresses
            .iter()
            .filter(|own| own.is_ipv4() == to.is_ipv4());
        let count = fitting.clone().count();
        if self.settings.local_addresses.is_empty() {
            return TcpStream::connect(to).await;
        }
        let Some(own) = fitting.cycle().nth(self.next_turn() % count.max(1)) else {
            let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("no local_address is an {family} address, as the target is"),
            ));
        };
        connect_from(*own, to).await
    }

    fn next_turn(&self) -> usize {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn
    }
}

async fn connect_from(own: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Otherwise a port would be taken from all destinations when only one needs it.
    #[cfg(target_os = "linux")]
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind(SocketAddr::new(own, 0)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{own} cannot be sent from ({error}): is it an address of this machine?"),
        )
    })?;
    socket.connect(to).await
}
