//! What a script asks of its user's cookies.
//!
//! In: a [`CookieCall`]. Out: the cookies it asks for, or why that cannot be.

use katydid_scenario_lang::CookiePolicy;
use katydid_scenario_lang::host::{CookieCall, CookieReply};

use super::client::HttpClient;
use super::target::url_of;

impl HttpClient {
    /// Does what a script asks for. Nothing is sent and nothing waits.
    pub(crate) fn cookies(&mut self, call: CookieCall) -> CookieReply {
        let http = &self.http;
        if http.is_reqwest() {
            return Err(
                "the reqwest client keeps cookies of its own, which scripts neither see nor set".to_owned(),
            );
        }
        let resolve = |url: &str| url_of(http.base.as_ref(), url);
        let mut cookies = http.cookies.borrow_mut();
        match call {
            CookieCall::List { url } => {
                let url = resolve(&url)?;
                Ok(cookies.as_ref().map_or_else(Vec::new, |jar| jar.list(&url)))
            }
            CookieCall::Set { url, cookie } => {
                let url = resolve(&url)?;
                cookies.get_or_insert_default().set(&url, &cookie)?;
                Ok(Vec::new())
            }
            CookieCall::Clear { url: None } => {
                *cookies = None;
                Ok(Vec::new())
            }
            CookieCall::Clear { url: Some(url) } => {
                let url = resolve(&url)?;
                if let Some(jar) = cookies.as_mut() {
                    jar.clear(&url);
                }
                Ok(Vec::new())
            }
        }
    }

    /// An iteration begins.
    pub(crate) fn begin_iteration(&mut self) {
        if self.http.defaults.cookies == CookiePolicy::PerIteration {
            self.http.cookies.take();
        }
    }
}
