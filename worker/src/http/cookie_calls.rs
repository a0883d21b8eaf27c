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
        if self.second.is_some() {
            return Err(
                "the reqwest client keeps cookies of its own, which scripts neither see nor set".to_owned(),
            );
        }
        let base = self.base.clone();
        let resolve = |url: &str| url_of(base.as_ref(), url);
        match call {
            CookieCall::List { url } => {
                let url = resolve(&url)?;
                Ok(self.cookies.as_ref().map_or_else(Vec::new, |jar| jar.list(&url)))
            }
            CookieCall::Set { url, cookie } => {
                let url = resolve(&url)?;
                self.cookies.get_or_insert_default().set(&url, &cookie)?;
                Ok(Vec::new())
            }
            CookieCall::Clear { url: None } => {
                self.cookies = None;
                Ok(Vec::new())
            }
            CookieCall::Clear { url: Some(url) } => {
                let url = resolve(&url)?;
                if let Some(jar) = &mut self.cookies {
                    jar.clear(&url);
                }
                Ok(Vec::new())
            }
        }
    }

    /// An iteration begins.
    pub(crate) fn begin_iteration(&mut self) {
        if self.defaults.cookies == CookiePolicy::PerIteration {
            self.cookies = None;
        }
    }
}
