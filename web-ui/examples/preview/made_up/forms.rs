//! Forms: plain, with everything, with everything wrong; a scenario's source and what is wrong with it.

use katydid_web_ui::view::edit_form::EditForm;
use katydid_web_ui::view::scenario::{Diagnostics, Problem};
use katydid_web_ui::view::start_form::{ClassChoice, Field, Parameter, ParameterKind, StartForm};

/// A scenario.
pub(crate) const SOURCE: &str = r#"// shop.rhai: visitors who browse, and few who buy
host(env("SHOP_URL", "http://localhost:8000"));

const PRODUCTS = csv("products.csv"); /* read once
   per process */

user("Shopper", #{ weight: 3, wait: between(1.0, 5.0) })
    .on_start(|| {
        let r = http.post("/login", #{ json: #{ name: `user-${me.id}`, password: secret("SHOP_PASSWORD") } });
        this.token = r.json().token;
    })
    .task("browse", 10, || {
        let p = PRODUCTS.random();
        http.get(`/products/${p.id}`, #{ name: "/products/:id" });
    })
    .task("buy", 1, || {
        let r = http.post("/orders", #{ json: #{ sku: 7, note: "<b>&amp;</b>" } });
        check(r, "created", r.status == 201);
        if r.json().total < 0 { r.fail("negative total"); }
    });

threshold("response_time{name:/orders}: p99 < 800ms");
threshold("failures: rate < 1% over 30s, abort");
"#;

fn wrong(value: &str, error: &str) -> Field {
    Field {
        value: value.to_owned(),
        error: Some(error.to_owned()),
        note: None,
        required: true,
    }
}

fn needed(value: &str) -> Field {
    Field {
        value: value.to_owned(),
        required: true,
        ..Field::default()
    }
}

/// As most people see it.
pub(crate) fn start_plain() -> StartForm {
    StartForm {
        scenario: "shop.rhai".to_owned(),
        users: needed("10"),
        spawn_rate: needed("1"),
        host: Field::new("http://localhost:8000"),
        stop_timeout: Field::new("10s"),
        ..StartForm::default()
    }
}

/// With class picker and parameters.
pub(crate) fn start_full() -> StartForm {
    let class = |name: &str, share: &str, checked: bool| ClassChoice {
        name: name.to_owned(),
        checked,
        share: share.to_owned(),
        host: (!checked).then(|| "https://admin.shop.example".to_owned()),
        tasks: ["browse", "search", "buy", "<b>odd</b>"]
            .map(str::to_owned)
            .to_vec(),
    };
    let parameter = |name: &str, label: &str, help: &str, kind: ParameterKind, value: &str| Parameter {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        kind,
        field: Field::new(value),
    };
    StartForm {
        classes: vec![
            class("Shopper", "weight 3", true),
            class("Admin", "always 2 users", false),
            class(&"VeryLongClassName".repeat(20), "weight 1", true),
        ],
        host: Field {
            note: Some("User classes name different hosts; a host typed here is used for all.".to_owned()),
            ..Field::new("")
        },
        run_time: Field::new("20m"),
        parameters: vec![
            parameter(
                "region",
                "Region",
                "Which shop is tested",
                ParameterKind::Select(vec!["eu".to_owned(), "us".to_owned()]),
                "us",
            ),
            parameter("depth", "Pages per visit", "", ParameterKind::Number, "4"),
            parameter(
                "password",
                "Password",
                "Of the test accounts",
                ParameterKind::Password,
                "hunter2",
            ),
            parameter(
                "cold",
                "Cold caches",
                "Every visitor begins with an empty cache",
                ParameterKind::Checkbox,
                "true",
            ),
            parameter(
                "note",
                "Note \"<x>\"",
                "Stored with the run",
                ParameterKind::Text,
                "\"><script>alert(1)</script>",
            ),
        ],
        ..start_plain()
    }
}

/// With everything wrong, and no worker.
pub(crate) fn start_errors() -> StartForm {
    StartForm {
        error: Some("The run was not started: 4 fields need another look.".to_owned()),
        blocked: Some("No worker is connected. A distributed run starts with at least one: katydid --worker --master-host <this host>".to_owned()),
        users: wrong("-3", "must be at least 1"),
        spawn_rate: wrong("fast", "`fast` is not a number"),
        host: wrong("htp:/x", "`htp` is not a scheme Katydid speaks; use http:// or https://"),
        run_time: wrong("10x", "`10x` is not a time span; use 20, 20s, 3m, 1h30m or 500ms"),
        ..start_plain()
    }
}

/// In a dialog.
pub(crate) fn start_dialog() -> StartForm {
    StartForm {
        in_dialog: true,
        ..start_plain()
    }
}

/// Editing.
pub(crate) fn edit() -> EditForm {
    EditForm {
        users: needed("1200"),
        spawn_rate: needed("50"),
        ..EditForm::default()
    }
}

/// Editing, wrongly.
pub(crate) fn edit_errors() -> EditForm {
    EditForm {
        users: wrong("many", "`many` is not a number"),
        ..edit()
    }
}

/// What is wrong with [`SOURCE`].
pub(crate) fn diagnostics() -> Diagnostics {
    Diagnostics {
        success: String::new(),
        problems: vec![
            Problem {
                line: 13,
                column: 9,
                message: "there is no function `http.gett`".to_owned(),
                help: "did you mean `http.get`?".to_owned(),
                excerpt: "13 |         http.gett(`/products/${p.id}`)\n   |              ^^^^".to_owned(),
            },
            Problem {
                line: 22,
                column: 1,
                message: "`p99 <` is followed by nothing <script>".to_owned(),
                ..Problem::default()
            },
        ],
    }
}
