//! "Did you mean": the known word nearest to one that is not known.
//!
//! In: what was written and what could have been. Out: a guess, only when it is a good one.

/// The candidate a slip of the pen or two away from `word`; `None` when nothing is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &lower);
            // A word cut short (`--spawn`) is as good a hint as a slip.
            let begins = length >= 3 && lower.starts_with(&word);
            (begins || distance <= (length / 3).max(1)).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_words_cut_short() {
        let known = ["users", "spawn-rate", "run-time", "host", "tags"];
        assert_eq!(nearest("user", known), Some("users"));
        assert_eq!(nearest("spwan-rate", known), Some("spawn-rate"));
        assert_eq!(nearest("spawn", known), Some("spawn-rate"));
        assert_eq!(nearest("HOST", known), Some("host"));
    }

    #[test]
    fn says_nothing_rather_than_nonsense() {
        assert_eq!(nearest("web-port", ["users", "host", "tags"]), None);
        assert_eq!(nearest("port", ["host"]), None);
        assert_eq!(nearest("", ["host"]), None);
    }
}
