//! The embedded files: scripts, styles, the icon.
//!
//! In: what `build.rs` has bundled. Out: for templates the URL of a file by its plain name; for the router the file by the
//! hashed name in a URL. As the name changes with the content, answers may be cached for ever.

/// One embedded file.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its plain name: `app.js`.
    pub name: &'static str,
    /// Its name in URLs: `app.0123456789abcdef.js`.
    pub hashed_name: &'static str,
    /// What to serve it as.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
    /// The file as gzip has packed it, for clients that accept that.
    pub gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The URL of a file by its plain name, below the prefix of all URLs.
#[must_use]
pub fn url(base: &str, name: &str) -> String {
    let file = by_name(name).map_or(name, |asset| asset.hashed_name);
    format!("{base}/assets/{file}")
}

/// The file for the last part of a URL.
#[must_use]
pub fn by_hashed_name(hashed_name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.hashed_name == hashed_name)
}

/// The file by its plain name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// A file's text, for the report that contains its own scripts and styles; empty for an unknown name.
#[must_use]
pub fn text(name: &str) -> &'static str {
    by_name(name)
        .and_then(|asset| std::str::from_utf8(asset.bytes).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_url_leads_to_its_file() {
        for asset in ASSETS {
            let url = url("/load", asset.name);
            let hashed = url.strip_prefix("/load/assets/").unwrap();
            assert_eq!(by_hashed_name(hashed).unwrap().name, asset.name);
            assert!(!asset.bytes.is_empty() && !asset.gzip.is_empty());
        }
        assert!(by_hashed_name("app.js").is_none());
    }

    #[test]
    fn what_the_report_contains_cannot_end_its_own_element() {
        assert!(!text("report.js").contains("</script"));
        assert!(!text("report.css").contains("</style"));
    }
}
