//! "Did you mean": the known word nearest to an unknown one.

/// The candidate nearest to a word, when it is near enough to be a likely misspelling.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// The words for [`closest`]'s answer, ready to stand beside a caret.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(word, candidates).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_misspellings_and_leaves_strangers_alone() {
        assert_eq!(closest("htp", ["http", "me"]), Some("http"));
        assert_eq!(closest("betwen", ["between", "constant"]), Some("between"));
        assert_eq!(closest("Wait", ["wait", "weight"]), Some("wait"));
        assert_eq!(closest("zebra", ["http", "me"]), None);
        assert_eq!(closest("x", ["me", "y"]), None);
    }
}
