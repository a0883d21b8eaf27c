//! The names a scenario may use: the language's own, those of the script engine's library, and how many arguments ours
//! take. One list serves the check for unknown names and its suggestions; a test compares it with what is registered.

/// A function of the scenario language.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// The least and the most arguments it takes.
    pub(crate) arguments: (usize, usize),
    /// How it is called, for messages.
    pub(crate) usage: &'static str,
}

const fn function(name: &'static str, least: usize, most: usize, usage: &'static str) -> Function {
    Function {
        name,
        arguments: (least, most),
        usage,
    }
}

/// Functions that declare, at the top of a file.
pub(crate) const DECLARING: &[Function] = &[
    function("host", 1, 1, "host(url)"),
    function("user", 1, 2, "user(name, #{ options })"),
    function("plan", 1, 1, "plan(#{ users, spawn_rate, run_time })"),
    function(
        "arrivals",
        1,
        2,
        "arrivals([#{ duration, rate, to }, ...], #{ max_users })",
    ),
    function("on_test_start", 1, 1, "on_test_start(|| ...)"),
    function("on_test_stop", 1, 1, "on_test_stop(|setup| ...)"),
    function("threshold", 1, 1, "threshold(\"response_time: p99 < 800ms\")"),
    function("constant", 1, 1, "constant(seconds)"),
    function("between", 2, 2, "between(least, most)"),
    function("constant_pacing", 1, 1, "constant_pacing(seconds)"),
    function("constant_throughput", 1, 1, "constant_throughput(per_second)"),
    function("poisson", 1, 1, "poisson(per_second)"),
];

/// Functions that act, while a user runs.
pub(crate) const ACTING: &[Function] = &[
    function("sleep", 1, 1, "sleep(seconds)"),
    function("stop_user", 0, 0, "stop_user()"),
    function("stop_test", 0, 1, "stop_test(reason)"),
    function("group", 2, 2, "group(name, || ...)"),
    function("check", 2, 3, "check(response, name, condition)"),
];

/// Functions for both.
pub(crate) const COMMON: &[Function] = &[
    function("env", 1, 2, "env(name, default)"),
    function("param", 1, 2, "param(name, default)"),
    function("secret", 1, 1, "secret(name)"),
    function("csv", 1, 1, "csv(path)"),
    function("json_file", 1, 1, "json_file(path)"),
    function("lines", 1, 1, "lines(path)"),
    function("file", 1, 1, "file(path)"),
    function("random_int", 2, 2, "random_int(least, most)"),
    function("random_choice", 1, 1, "random_choice(array)"),
    function("uuid", 0, 0, "uuid()"),
    function("now_ms", 0, 0, "now_ms()"),
    function("log", 1, 2, "log(level, message)"),
    function("extract", 2, 2, "extract(text, regex)"),
    function("json_path", 2, 2, "json_path(text_or_value, path)"),
    function("base64", 1, 1, "base64(text)"),
    function("base64_decode", 1, 1, "base64_decode(text)"),
    function("hmac_sha256", 2, 2, "hmac_sha256(key, text)"),
    function("counter", 1, 1, "counter(name)"),
    function("gauge", 1, 1, "gauge(name)"),
    function("trend", 1, 2, "trend(name, #{ time: true })"),
    function("rate", 1, 1, "rate(name)"),
    function("hmac_sha1", 2, 2, "hmac_sha1(key, text)"),
    function("hmac_sha512", 2, 2, "hmac_sha512(key, text)"),
    function("md5", 1, 1, "md5(text)"),
    function("sha1", 1, 1, "sha1(text)"),
    function("sha256", 1, 1, "sha256(text)"),
    function("sha512", 1, 1, "sha512(text)"),
    function("hex", 1, 1, "hex(text)"),
    function("hex_decode", 1, 1, "hex_decode(digits)"),
    function("base64url", 1, 1, "base64url(text)"),
    function("html", 1, 1, "html(text)"),
    function("date_now", 0, 0, "date_now()"),
    function("date_parse", 1, 2, "date_parse(text, format)"),
    function("date_unix", 1, 1, "date_unix(seconds)"),
    function("url_encode", 1, 1, "url_encode(text)"),
    function("url_decode", 1, 1, "url_decode(text)"),
    function("parse_url", 1, 1, "parse_url(url)"),
    function("join_url", 2, 2, "join_url(base, url)"),
];

/// The functions of `http`.
pub(crate) const HTTP: &[Function] = &[
    function("get", 1, 2, "http.get(url, #{ options })"),
    function("post", 1, 2, "http.post(url, #{ options })"),
    function("put", 1, 2, "http.put(url, #{ options })"),
    function("patch", 1, 2, "http.patch(url, #{ options })"),
    function("delete", 1, 2, "http.delete(url, #{ options })"),
    function("head", 1, 2, "http.head(url, #{ options })"),
    function("options", 1, 2, "http.options(url, #{ options })"),
    function("request", 2, 3, "http.request(method, url, #{ options })"),
    function("batch", 1, 2, "http.batch([request, ...], #{ options })"),
    function("cookies", 0, 1, "http.cookies(url)"),
    function("set_cookie", 2, 3, "http.set_cookie(name, value, #{ options })"),
    function("clear_cookies", 0, 1, "http.clear_cookies(url)"),
];

/// The methods of a user class.
pub(crate) const CLASS_METHODS: &[Function] = &[
    function("task", 2, 4, ".task(name, weight, || ..., #{ tags: [...] })"),
    function(
        "sequence",
        2,
        4,
        ".sequence(name, weight, [|| ..., || ...], #{ tags: [...] })",
    ),
    function("on_start", 1, 1, ".on_start(|| ...)"),
    function("on_stop", 1, 1, ".on_stop(|| ...)"),
];

/// The methods of responses, their headers, pages and elements, data sets, metrics and dates.
pub(crate) const METHODS: &[&str] = &[
    "text", "json", "fail", "pass", "random", "next", "unique", "len", "contains", "keys", "values",
    "to_map", "add", "set", "html", "css", "first", "attr", "sub", "format",
];

/// What `me` knows.
pub(crate) const ME: &[&str] = &["id", "class", "worker", "iteration"];

/// Names that stand for the language's own objects.
pub(crate) const OBJECTS: &[&str] = &["http", "me"];

/// The names of the script engine's library and its own words that look like functions, of version 1.27. They were
/// listed by `Engine::gen_fn_signatures`, which exists with the engine's feature `metadata` only.
#[rustfmt::skip]
pub(crate) const LIBRARY: &[&str] = &[
    "E", "Fn", "PI", "abs", "acos", "acosh", "all", "append", "as_string", "asin", "asinh", "atan",
    "atanh", "bits", "blob", "bytes", "call", "ceiling", "chars", "chop", "clear", "contains", "cos",
    "cosh", "crop", "curry", "debug", "dedup", "drain", "end", "ends_with", "exit", "exp", "extract",
    "fill_with", "filter", "find", "find_map", "floor", "for_each", "fraction", "get", "get_bit",
    "get_bits", "get_fn_metadata_list", "hypot", "index_of", "insert", "int", "is_anonymous", "is_def_fn",
    "is_def_var", "is_empty", "is_even", "is_exclusive", "is_finite", "is_inclusive", "is_infinite",
    "is_nan", "is_odd", "is_shared", "is_zero", "keys", "len", "ln", "log", "make_lower", "make_upper",
    "map", "max", "min", "mixin", "name", "order", "order_by", "order_desc", "pad", "parse_be_float",
    "parse_be_int", "parse_float", "parse_int", "parse_json", "parse_le_float", "parse_le_int", "pop",
    "print", "push", "range", "reduce", "reduce_rev", "remove", "replace", "retain", "reverse", "round",
    "set", "set_bit", "set_bits", "set_tag", "shift", "sign", "sin", "sinh", "sleep", "some", "sort",
    "sort_by", "sort_desc", "splice", "split", "split_rev", "sqrt", "start", "starts_with", "sub_string",
    "tag", "take", "tan", "tanh", "to_array", "to_binary", "to_blob", "to_chars", "to_debug", "to_degrees",
    "to_float", "to_hex", "to_int", "to_json", "to_lower", "to_octal", "to_radians", "to_string",
    "to_upper", "trim", "truncate", "type_of", "values", "write_ascii", "write_be", "write_le",
    "write_utf8", "zip",
];

/// The function of ours with this name.
pub(crate) fn own(name: &str) -> Option<&'static Function> {
    DECLARING
        .iter()
        .chain(ACTING)
        .chain(COMMON)
        .find(|function| function.name == name)
}

/// Whether the script engine's library has a function of one of our names that takes other arguments.
pub(crate) fn shares_its_name(name: &str) -> bool {
    matches!(name, "log" | "extract")
}

/// Whether the script engine's library has a function of this name.
pub(crate) fn in_library(name: &str) -> bool {
    LIBRARY.binary_search(&name).is_ok()
}

/// Names of our own functions.
pub(crate) fn own_names<'a>() -> impl Iterator<Item = &'a str> {
    let all = DECLARING.iter().chain(ACTING).chain(COMMON);
    all.map(|function| function.name)
}

/// All names that can be called as functions.
pub(crate) fn callable<'a>() -> impl Iterator<Item = &'a str> {
    own_names().chain(LIBRARY.iter().copied())
}

/// All names that can be called as methods.
pub(crate) fn methods<'a>() -> impl Iterator<Item = &'a str> {
    METHODS
        .iter()
        .copied()
        .chain(CLASS_METHODS.iter().map(|method| method.name))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::null_host::NullHost;
    use crate::{CallEnd, FunctionId, LoadSettings, Program, SourceFile, UserState};

    #[test]
    fn the_library_is_sorted() {
        assert!(LIBRARY.is_sorted(), "binary search needs order");
    }

    /// What comes of calling something among the declarations and in a task.
    fn outcomes(declaration: &str, task: &str) -> [String; 2] {
        let program = |text: String| {
            let file = SourceFile {
                name: "a".into(),
                text,
                folder: ".".into(),
            };
            Program::new(vec![file], LoadSettings::default())
        };
        let declared = program(format!("{declaration};"))
            .check()
            .map_err(|errors| errors.to_string());
        let acted = program(format!("user(\"A\").task(\"t\", || {{ {task}; }});"))
            .load(Rc::new(NullHost::default()))
            .map_err(|errors| errors.to_string())
            .and_then(
                |scenario| match scenario.call(FunctionId(0), &mut UserState::default()) {
                    CallEnd::Failed(error) => Err(error.message),
                    _ => Ok(()),
                },
            );
        [
            declared.err().unwrap_or_default(),
            acted.err().unwrap_or_default(),
        ]
    }

    #[test]
    fn all_functions_are_registered_with_all_their_arguments() {
        let plain = DECLARING
            .iter()
            .chain(ACTING)
            .chain(COMMON)
            .map(|function| ("", function));
        let requests = HTTP.iter().map(|function| ("http.", function));
        for (prefix, function) in plain.chain(requests) {
            for count in function.arguments.0..=function.arguments.1 {
                let call = format!("{prefix}{}({})", function.name, vec!["()"; count].join(", "));
                for outcome in outcomes(&call, &call) {
                    assert!(!outcome.contains("there is no function"), "{call}: {outcome}");
                    assert!(!outcome.contains("unknown function"), "{call}: {outcome}");
                }
            }
        }
        for method in CLASS_METHODS {
            for count in method.arguments.0..=method.arguments.1 {
                let call = format!("user(\"A\").{}({})", method.name, vec!["()"; count].join(", "));
                let [declared, _] = outcomes(&call, "");
                assert!(!declared.contains("there is no function"), "{call}: {declared}");
            }
        }
    }

    #[test]
    fn the_library_has_what_is_listed() {
        // A sample over all of its parts; a name that is missing is reported by the engine when it is called.
        for call in [
            "[1].map(|x| x)",
            "\"a\".to_upper()",
            "#{a: 1}.keys()",
            "(1).max(2)",
            "(1.5).floor()",
            "blob(3)",
            "range(0, 3)",
            "PI()",
        ] {
            let [_, acted] = outcomes("", call);
            assert_eq!(acted, "", "{call}");
        }
    }
}
