//! Awkward names. Out: names of requests, far too many if wanted.

/// Names as users give them, the awkward ones first.
pub(crate) fn requests(count: usize) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = [
        ("GET", "/"),
        ("POST", "/login"),
        ("GET", "/products/:id"),
        ("POST", "/orders"),
        ("GET", "<script>alert(\"1\")</script>"),
        ("GET", "/search?q=\"quoted\"&lang='de'&<b>bold</b>"),
        ("GET", "/emoji/🦗🌿/katydid"),
        ("GET", "/بحث/منتجات/الكل"),
        ("WEBSOCKET", "chat: {\"op\": \"subscribe\"}"),
    ]
    .into_iter()
    .map(|(method, name)| (method.to_owned(), name.to_owned()))
    .collect();
    names.push(("GET".to_owned(), format!("/long/{}", "abcdefgh/".repeat(1_140))));
    let more =
        (names.len()..count).map(|index| ("GET".to_owned(), format!("/catalogue/section-{index}/items")));
    names.extend(more);
    names.truncate(count);
    names
}
