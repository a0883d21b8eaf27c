//! One GET that must succeed: to read a target's counts from outside.
//!
//! In: an `http://` URL. Out: the body of its answer.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::http_call::HttpCall;

const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches a URL; its answer must be a 200.
///
/// # Errors
///
/// When there is no such answer within half a minute.
pub fn http_get(url: &str) -> Result<String> {
    let answer = HttpCall::new("GET", url).patience(PATIENCE).send()?;
    ensure!(answer.status == 200, "{url}: {} {}", answer.status, answer.body);
    Ok(answer.body)
}
