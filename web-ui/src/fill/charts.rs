//! The tab of charts: which requests there are to choose from.

use katydid_protocol::stage::Picture;

use crate::view::charts::{Charts, RequestChoice};

/// Fills it; `method` and `name` are what is chosen.
pub(crate) fn charts(picture: &Picture, base: &str, method: Option<&str>, name: Option<&str>) -> Charts {
    let requests = picture.snapshot.requests.iter().map(|entry| {
        let key = &entry.stats.key;
        RequestChoice {
            method: key.method.to_string(),
            name: key.name.to_string(),
            selected: method == Some(&*key.method) && name == Some(&*key.name),
        }
    });
    Charts {
        base: base.to_owned(),
        requests: requests.collect(),
    }
}
