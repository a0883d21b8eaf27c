//! Pages as servers send them and as attackers do; selectors, right and wrong.

use super::*;

fn go_on() -> Result<(), Interrupt> {
    Ok(())
}

fn parse(text: &str) -> Result<Document, Refusal> {
    Document::parse(text, &go_on)
}

/// The texts of what matches.
fn texts(page: &str, selector: &str) -> Vec<String> {
    let document = parse(page).unwrap();
    let selector = Selector::parse(selector).unwrap_or_else(|why| panic!("{selector}: {why}"));
    let found = document
        .select(document.root(), &selector, usize::MAX, &go_on)
        .unwrap();
    found.into_iter().map(|node| document.text(node)).collect()
}

/// Runs something on the stack a native function may count on.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(work);
    thread.unwrap().join().unwrap();
}

#[test]
fn selects_as_browsers_do() {
    let page =
        "<ul id=a><li class='x y'>1<li data-n=2>2</li><li>3</ul><p>4 <b> 5</b></p><table><tr><td>6</table>";
    for (selector, expected) in [
        ("li", vec!["1", "2", "3"]),
        ("li.x.y, b", vec!["1", "5"]),
        ("#a > li:nth-child(2)", vec!["2"]),
        ("li[data-n]", vec!["2"]),
        ("[data-n='2'] + li", vec!["3"]),
        ("li:not(.x):not([data-n])", vec!["3"]),
        ("p:has(b)", vec!["4  5"]),
        ("tbody td", vec!["6"]),
        (":is(p, td)", vec!["4  5", "6"]),
        ("h1", vec![]),
    ] {
        assert_eq!(texts(page, selector), expected, "{selector}");
    }
}

#[test]
fn depth_is_refused_where_there_is_too_much_of_it() {
    on_a_small_stack(|| {
        for tag in ["<div>", "<b>", "<table><tr><td>", "<svg><g>"] {
            let page = tag.repeat(100_000);
            let Err(Refusal::Wrong(why)) = parse(&page) else {
                panic!("{tag}");
            };
            assert!(why.contains("nest more than 256 deep"), "{why}");
        }
    });
}

#[test]
fn what_is_as_deep_as_allowed_fits_on_the_stack() {
    on_a_small_stack(|| {
        // The document, `html` and `body` are around it.
        let page = format!("{}x", "<i>".repeat(DEEPEST - 2));
        let document = parse(&page).unwrap();
        let chain = "* ".repeat(200);
        for selector in [
            "i",
            ":has(u)",
            "i:has(i u, u i)",
            chain.as_str(),
            ":not(:has(u) u)",
        ] {
            let selector = Selector::parse(selector).unwrap();
            document
                .select(document.root(), &selector, usize::MAX, &go_on)
                .unwrap();
        }
        assert_eq!(document.text(document.root()), "x");
        assert!(
            document
                .inner_html(document.root())
                .ends_with("</i></body></html>")
        );
        assert!(parse(&format!("{}x", "<i>".repeat(DEEPEST - 1))).is_err());
        for text in [":not(".repeat(10_000), "(".repeat(400), "a>".repeat(10_000)] {
            assert!(Selector::parse(&text).is_err());
        }
    });
}

#[test]
fn few_bytes_that_make_many_nodes_are_refused() {
    let formats: String = (0..200).map(|n| format!("<b id={n}>")).collect();
    let page = format!("<p>{formats}{}", "<p>x".repeat(100_000));
    assert!(matches!(parse(&page), Err(Refusal::Wrong(why)) if why.contains("more than 500000")));
    let page = " ".repeat((LARGEST_MIB << 20) + 1);
    assert!(matches!(parse(&page), Err(Refusal::Wrong(why)) if why.contains("8 MiB")));
}

#[test]
fn an_interrupt_ends_everything() {
    let stop = || Err(Interrupt::Stopped);
    let end = Document::parse("<p>", &stop).unwrap_err();
    assert_eq!(end, Refusal::Interrupted(Interrupt::Stopped));
    let document = parse("<p>").unwrap();
    let selector = Selector::parse("p").unwrap();
    assert!(document.select(document.root(), &selector, 1, &stop).is_err());
}

#[test]
fn wrong_selectors_are_explained() {
    let why = |text: &str| Selector::parse(text).unwrap_err();
    insta::assert_snapshot!(
        [
            "",
            "a,",
            "a >",
            "..a",
            "a[",
            "a[=b]",
            "a[b=c d]",
            "a:frist-child",
            "a:checked",
            "p:contains('x')",
            "a::before",
            "a { color: red }",
            "ns|a",
            ":nth-child(x)",
            "a)"
        ]
        .map(|text| format!("{text:16} {}", why(text)))
        .join("\n")
    );
}

proptest::proptest! {
    #[test]
    fn any_page_is_read(page in "(<[a-z/!?][a-z0-9 ='\"-]{0,6}>?|<table>|<b>|</b>|<p>|</p>|<select>|<template>|<svg>|&[a-z]{0,4};?|\\PC){0,60}") {
        if let Ok(document) = parse(&page) {
            let selector = Selector::parse("*").unwrap();
            for node in document.select(document.root(), &selector, usize::MAX, &go_on).unwrap() {
                let _ = (document.text(node), document.inner_html(node), document.name(node), document.attribute(node, "a"));
            }
        }
    }

    #[test]
    fn any_selector_is_read_or_explained(text in "([a-z*.#:>+~ ,\\[\\]()='\"|$^-]|:not\\(|:has\\(|:nth-child\\(2n\\+1\\)|\\PC){0,20}") {
        match Selector::parse(&text) {
            Err(why) => proptest::prop_assert!(!why.is_empty()),
            Ok(selector) => {
                let document = parse("<div><p class=a>x</p><p>y</p></div>").unwrap();
                document.select(document.root(), &selector, usize::MAX, &go_on).unwrap();
            }
        }
    }
}
