//! One request and its answer, on a connection that is kept, new, or shared with other requests of the user.
//!
//! In: a message. Out: the answer; the connection goes back to the [`Pool`].

use std::rc::Rc;

use http::{HeaderValue, Method};
use katydid_protocol::stats::ConnectionCounts;
use katydid_scenario_lang::BodyUse;

use super::connect::Connection;
use super::fault::{Fault, Stage};
use super::flight::{Flight, Phase};
use super::link::Link;
use super::message::Message;
use super::origin::{Origin, Scheme};
use super::pool::Pool;
use super::response::{Answer, ReadOptions};
use super::traced;
use super::user_http::UserHttp;

impl UserHttp {
    /// One request and its answer; twice if a connection turns out to have been closed behind our back.
    pub(super) async fn attempt(
        &self,
        message: &Message,
        body_use: BodyUse,
        flight: &mut Flight,
    ) -> Result<Answer, Fault> {
        let origin = &message.target.profile.origin;
        let cookies = self.cookie_header(message);
        if let Some(tracer) = self.thread.tracer() {
            traced::sent(tracer, message, cookies.as_ref());
        }
        let options = ReadOptions::new(&message.method, &self.thread.settings, body_use);
        let mut used = self.pool.borrow_mut().take(origin);
        loop {
            let is_reused = used.is_some();
            let opened = flight.connections.opened;
            let mut connection = match used.take() {
                Some(connection) => connection,
                None => {
                    flight.stage = Stage::Connecting;
                    Box::pin(self.connect(origin, flight)).await?
                }
            };
            let reuses = u64::from(flight.connections.opened == opened);
            flight.connections.reused += reuses;
            flight.begin_attempt();
            let result = match &mut connection {
                Connection::H1(h1) => {
                    let wire = message.wire(cookies.as_ref(), self.thread.write_buffer());
                    h1.exchange(&self.thread, wire, options, flight).await
                }
                Connection::H2(h2) => Box::pin(h2.exchange(message, cookies.as_ref(), options, flight)).await,
            };
            match result {
                Ok((answer, reusable)) => {
                    if reusable && self.keeps() {
                        self.pool.borrow_mut().keep(origin, connection);
                    }
                    return Ok(answer);
                }
                Err(fault) if is_reused && is_safe_to_repeat(&fault, &message.method, flight) => {
                    tracing::debug!("a kept connection was closed; asking again on a new one");
                    flight.connections.reused -= reuses;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// A connection to an origin: a new one, or one that another request of a batch has just made and that takes several
    /// requests at once.
    async fn connect(&self, origin: &Rc<Origin>, flight: &mut Flight) -> Result<Connection, Fault> {
        let link = self.thread.link(&self.defaults).map_err(Fault::Request)?;
        let may_be_shared =
            self.keeps() && origin.may_speak_http2(link.as_deref().is_some_and(Link::is_http2));
        let opening = self.pool.borrow().opening(origin);
        if let Some(opening) = opening.filter(|_| may_be_shared) {
            opening.notified().await;
            flight.lap(Phase::Blocked);
            if let Some(shared) = self.pool.borrow_mut().take(origin) {
                return Ok(shared);
            }
        }
        let _opening = may_be_shared.then(|| Pool::open(&self.pool, origin));
        let connection = Connection::open(&self.thread, origin, link.as_deref(), flight).await?;
        flight.connections.merge(ConnectionCounts {
            opened: 1,
            reused: 0,
            tls_handshakes: u64::from(origin.scheme == Scheme::Https),
            http2: u64::from(matches!(connection, Connection::H2(_))),
        });
        origin.speaks(&connection);
        if let (Connection::H2(shared), true) = (&connection, self.keeps()) {
            self.pool
                .borrow_mut()
                .keep(origin, Connection::H2(shared.clone()));
        }
        Ok(connection)
    }

    /// Whether connections are kept for the next request.
    fn keeps(&self) -> bool {
        let settings = self.defaults.connection.as_ref();
        settings.is_none_or(|settings| settings.keep_alive)
    }

    fn cookie_header(&self, message: &Message) -> Option<HeaderValue> {
        let own = message.own_cookies();
        let cookies = self.cookies.borrow();
        let jar = cookies.as_ref()?;
        jar.header(&message.target.url().ok()?, own.filter(|_| !message.is_foreign))
    }
}

/// Whether a request that failed on a kept connection may be sent again: the server has not answered, and either has
/// not seen it or does not mind seeing it twice (RFC 9110, 9.2.2).
fn is_safe_to_repeat(fault: &Fault, method: &Method, flight: &mut Flight) -> bool {
    let is_broken = matches!(
        fault,
        Fault::Io { .. } | Fault::Closed { .. } | Fault::Http2 { .. }
    );
    if !is_broken || flight.stage == Stage::Receiving {
        return false;
    }
    let is_unseen = matches!(fault, Fault::Http2 { unsent: true, .. }) || !flight.has_written();
    is_unseen || method.is_idempotent()
}
