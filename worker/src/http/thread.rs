//! What all users of a load thread share: settings, TLS, resolved names, parsed targets, buffers.
//!
//! Nothing here is locked or counted atomically; no borrow outlives a call, let alone an `await`.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use katydid_scenario_lang::{BodyUse, HttpDefaults};
use rustc_hash::FxHashMap;
use url::Url;

use super::base::Base;
use super::dns::Resolver;
use super::grouping::GroupedNames;
use super::link::Link;
use super::origin::{Origin, Profile};
use super::target::TargetCache;
use crate::trace::Tracer;

/// Bytes read from a connection at once. One buffer serves all connections of the thread.
const READ_BUFFER: usize = 64 * 1024;
/// A request buffer that has grown beyond this is not kept.
const MAX_KEPT_BUFFER: usize = 64 * 1024;
/// Profiles kept; more origins than that and they are made anew.
const MAX_PROFILES: usize = 256;

/// How requests are made when neither the class nor the request says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// Limit for resolving, connecting and the TLS handshake together.
    pub(crate) connect_timeout: Duration,
    /// Limit for a whole exchange, redirects included.
    pub(crate) timeout: Duration,
    /// Redirects followed.
    pub(crate) max_redirects: u32,
    /// The `user-agent` header.
    pub(crate) user_agent: String,
    /// Whether anybody reads bodies; if not they are counted and discarded.
    pub(crate) keep_bodies: bool,
    /// Whether anybody reads response headers; if not, most are not even looked at.
    pub(crate) keep_headers: bool,
    /// Bytes of a body kept, on the wire and decoded; what goes beyond is counted and discarded.
    pub(crate) max_body: usize,
    /// Who is told of everything; nobody under load.
    pub(crate) tracer: Option<Rc<Tracer>>,
}

/// What the users of a load thread share.
#[derive(Debug)]
pub(crate) struct HttpThread {
    pub(super) settings: HttpSettings,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) resolver: Resolver,
    pub(super) targets: TargetCache,
    /// Names of requests of classes with `group_ids`.
    pub(super) grouped: GroupedNames,
    user_agent: HeaderValue,
    profiles: RefCell<Vec<Rc<Profile>>>,
    links: RefCell<Vec<Rc<Link>>>,
    read_buffer: RefCell<Vec<u8>>,
    write_buffer: RefCell<Vec<u8>>,
    status_texts: RefCell<FxHashMap<u16, Rc<str>>>,
    /// What a script is told that reads a body nobody kept.
    pub(super) not_kept: Rc<str>,
    /// The same, where `response_body` is why.
    pub(super) discarded: Rc<str>,
    pub(super) hashed: Rc<str>,
}

// === impl HttpSettings ===

impl HttpSettings {
    /// The usual settings; `keep_bodies` and `keep_headers` say whether any script reads those of a response.
    pub(crate) fn new(keep_bodies: bool, keep_headers: bool) -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            max_redirects: 30,
            user_agent: concat!("katydid/", env!("CARGO_PKG_VERSION")).to_owned(),
            keep_bodies,
            keep_headers,
            max_body: 8 * 1024 * 1024,
            tracer: None,
        }
    }

    /// Bytes of a body that are kept.
    pub(super) fn kept_body(&self, body_use: BodyUse) -> usize {
        if self.keep_bodies && body_use == BodyUse::Keep {
            self.max_body
        } else {
            0
        }
    }
}

// === impl HttpThread ===

impl HttpThread {
    /// Sets up a thread. The TLS configuration is shared by the process, for its session cache above all.
    pub(crate) fn new(settings: HttpSettings, tls: Arc<rustls::ClientConfig>) -> Rc<Self> {
        let user_agent = HeaderValue::from_str(&settings.user_agent)
            .unwrap_or_else(|_| HeaderValue::from_static(concat!("katydid/", env!("CARGO_PKG_VERSION"))));
        Rc::new(Self {
            settings,
            tls,
            resolver: Resolver::default(),
            targets: TargetCache::default(),
            grouped: GroupedNames::default(),
            user_agent,
            profiles: RefCell::default(),
            links: RefCell::default(),
            read_buffer: RefCell::new(vec![0; READ_BUFFER]),
            write_buffer: RefCell::default(),
            status_texts: RefCell::default(),
            not_kept: "the body was discarded: the scenario did not look as if it read any".into(),
            discarded: "it was discarded, as `response_body: \"discard\"` asks for".into(),
            hashed: "it was hashed and discarded, as `response_body: \"sha256\"` asks for".into(),
        })
    }

    /// How a class connects, if not the usual way.
    ///
    /// # Errors
    ///
    /// What makes it impossible, for people; found out before users run, see `Class::prepare_link`.
    pub(crate) fn link(&self, defaults: &HttpDefaults) -> Result<Option<Rc<Link>>, String> {
        let Some(settings) = &defaults.connection else {
            return Ok(None);
        };
        if let Some(link) = self.links.borrow().iter().find(|link| link.is_for(settings)) {
            return Ok(Some(Rc::clone(link)));
        }
        let link = Rc::new(Link::new(settings)?);
        self.links.borrow_mut().push(Rc::clone(&link));
        Ok(Some(link))
    }

    /// Who is told of everything; `None` under load.
    #[inline]
    pub(crate) fn tracer(&self) -> Option<&Rc<Tracer>> {
        self.settings.tracer.as_ref()
    }

    /// The profile of a class's own host.
    pub(super) fn base_profile(
        &self,
        base: &Base,
        defaults: &Rc<HttpDefaults>,
    ) -> Result<Rc<Profile>, String> {
        let known = self.find_profile(defaults, base.auth.as_ref(), |origin| {
            Origin::same(origin, &base.origin)
        });
        match known {
            Some(profile) => Ok(profile),
            None => self.add_profile(Rc::clone(&base.origin), defaults, base.auth.clone()),
        }
    }

    /// The profile of a URL's origin.
    pub(super) fn profile(
        &self,
        url: &Url,
        defaults: &Rc<HttpDefaults>,
        base_auth: Option<HeaderValue>,
    ) -> Result<Rc<Profile>, String> {
        match self.find_profile(defaults, base_auth.as_ref(), |origin| origin.is_of(url)) {
            Some(profile) => Ok(profile),
            None => self.add_profile(Rc::new(Origin::of(url)?), defaults, base_auth),
        }
    }

    fn find_profile(
        &self,
        defaults: &Rc<HttpDefaults>,
        base_auth: Option<&HeaderValue>,
        is_origin: impl Fn(&Rc<Origin>) -> bool,
    ) -> Option<Rc<Profile>> {
        let profiles = self.profiles.borrow();
        let fits = |profile: &&Rc<Profile>| {
            Rc::ptr_eq(&profile.defaults, defaults)
                && profile.base_auth.as_ref() == base_auth
                && is_origin(&profile.origin)
        };
        profiles.iter().find(fits).cloned()
    }

    fn add_profile(
        &self,
        origin: Rc<Origin>,
        defaults: &Rc<HttpDefaults>,
        base_auth: Option<HeaderValue>,
    ) -> Result<Rc<Profile>, String> {
        let profile = Rc::new(Profile::new(
            origin,
            Rc::clone(defaults),
            base_auth,
            &self.user_agent,
        )?);
        let mut profiles = self.profiles.borrow_mut();
        if profiles.len() >= MAX_PROFILES {
            profiles.clear();
        }
        profiles.push(Rc::clone(&profile));
        Ok(profile)
    }

    /// The buffer to read into, for the length of one poll.
    pub(super) fn read_buffer(&self) -> RefMut<'_, Vec<u8>> {
        self.read_buffer.borrow_mut()
    }

    /// An empty buffer to write a request into; give it back with [`HttpThread::give_back`].
    pub(super) fn write_buffer(&self) -> Vec<u8> {
        self.write_buffer.take()
    }

    /// Takes a write buffer back for the next request.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= MAX_KEPT_BUFFER {
            buffer.clear();
            drop(self.write_buffer.replace(buffer));
        }
    }

    /// The failure message of a status; one allocation per status and thread.
    pub(super) fn status_text(&self, status: u16) -> Rc<str> {
        let mut texts = self.status_texts.borrow_mut();
        Rc::clone(
            texts
                .entry(status)
                .or_insert_with(|| format!("status {status}").into()),
        )
    }
}
