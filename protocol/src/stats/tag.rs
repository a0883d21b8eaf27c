//! The names under which tags of requests are counted: `key:value`.
//!
//! In: such a name. Out: its halves. Keys hold no colon, so that there is one way to read it.

/// Key and value of a tag; `None` for the common name of those that found no place of their own.
#[must_use]
pub fn split_tag(name: &str) -> Option<(&str, &str)> {
    name.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::super::OTHER_NAME;
    use super::*;

    #[test]
    fn a_value_may_hold_colons() {
        assert_eq!(split_tag("host:h:81"), Some(("host", "h:81")));
        assert_eq!(split_tag(OTHER_NAME), None);
    }
}
