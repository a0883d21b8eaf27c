//! Parts of the page's scripts that need no page, run by the Node.js that bundles them.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use katydid_protocol::format;
use serde_json::{Value, json};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Bundles modules as the page's bundle is made, and hands them to a script as `it`, with `input`; what that returns comes
/// back.
fn node(modules: &[&str], script: &str, input: &Value) -> Outcome<Value> {
    let exports: String = modules
        .iter()
        .map(|module| format!("export * from './src/{module}';"))
        .collect();
    let program = format!(
        "import {{ buildSync }} from 'esbuild';\n\
         import {{ readFileSync }} from 'node:fs';\n\
         const stdin = {{ contents: \"{exports}\", resolveDir: '.' }};\n\
         const built = buildSync({{ stdin, bundle: true, format: 'esm', write: false }});\n\
         const code = Buffer.from(built.outputFiles[0].text).toString('base64');\n\
         const it = await import('data:text/javascript;base64,' + code);\n\
         const input = JSON.parse(readFileSync(0, 'utf8'));\n\
         const main = async () => {{ {script} }};\n\
         console.log(JSON.stringify(await main()));"
    );
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", &program])
        .current_dir(Path::new(env!("OUT_DIR")).join("frontend"))
        .env("TZ", "Asia/Tokyo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = node.stdin.take() {
        stdin.write_all(input.to_string().as_bytes())?;
    }
    let output = node.wait_with_output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
fn charts_write_numbers_as_everybody_else_does() -> Outcome {
    // Whole microseconds, as they are measured, among them those between two decimals; and anything.
    let mut random = 1u64;
    let mut random = move |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let times: Vec<f64> = (0..2_000)
        .chain((0..2_000).map(|_| random(200_000)))
        .chain([
            9_994,
            9_995,
            9_996,
            99_949,
            99_950,
            99_951,
            100_500,
            101_500,
            3_600_000_000,
        ])
        .map(|us| us as f64)
        .collect();
    let rates: Vec<f64> = (0..2_000)
        .map(|step| f64::from(step) / 8.0)
        .chain(times.iter().map(|us| us / 977.0))
        .collect();
    let counts = [0u64, 7, 999, 1_000, 12_345, 1_234_567, 4_000_000_000];
    let clocks = [0u64, 59, 60, 123, 3_599, 3_600, 3_723, 400_000];
    let mut cases: Vec<(&str, Value, String)> = Vec::new();
    cases.extend(
        times
            .iter()
            .map(|us| ("ms", json!(us / 1_000.0), format::ms(*us))),
    );
    cases.extend(
        rates
            .iter()
            .map(|rate| ("rate", json!(rate), format::rate(*rate))),
    );
    cases.extend(
        counts
            .iter()
            .map(|count| ("count", json!(count), format::count(*count))),
    );
    cases.extend(
        clocks
            .iter()
            .map(|clock| ("clock", json!(clock), format::clock(*clock))),
    );
    let input: Vec<Value> = cases
        .iter()
        .map(|(name, value, _)| json!([name, value]))
        .collect();
    let written = node(
        &["format"],
        "return input.map(([name, value]) => it[name](value));",
        &json!(input),
    )?;
    for ((name, value, wanted), written) in cases.iter().zip(written.as_array().ok_or("no list")?) {
        assert_eq!(written, wanted, "{name}({value})");
    }
    Ok(())
}

/// A feed whose server answers what `answers` says, one after the other; `null` is no answer.
const FEED: &str = "const asked = [];\n\
     const series = new it.Series();\n\
     const ask = async (from) => {\n\
         asked.push(from);\n\
         const answer = input.shift();\n\
         if (!answer) throw new Error('no answer');\n\
         return answer;\n\
     };\n\
     const feed = new it.Feed(series, ask, () => {});\n";

fn seconds(revision: u64, seconds: std::ops::Range<u32>, requests: u32) -> Value {
    let second: Vec<u32> = seconds.collect();
    let requests = vec![requests; second.len()];
    json!({ "run": "r", "started": 0, "revision": revision, "second": second, "requests": requests, "marks": [] })
}

#[test]
fn a_server_that_does_not_answer_is_asked_once_a_tick() -> Outcome {
    let script = format!(
        "{FEED} for (let tick = 0; tick < 5; tick++) {{ await feed.fetch(); await new Promise(setImmediate); }}\n\
         return [asked, feed.wanting, series.second.length];"
    );
    let answers = json!([null, null, null, null, seconds(0, 0..30, 5)]);
    assert_eq!(
        node(&["feed", "series"], &script, &answers)?,
        json!([[0, 0, 0, 0, 0], false, 30])
    );
    Ok(())
}

#[test]
fn a_chart_takes_corrections_and_fetches_what_it_has_missed() -> Outcome {
    let script = format!(
        "{FEED} const [whole, fresh, later, mended] = input.splice(0);\n\
         input.push(whole); await feed.fetch();\n\
         feed.take(fresh);\n\
         const taken = [asked.length, series.columns.requests[3], series.last, series.revision];\n\
         feed.take(later); const noticed = feed.wanting;\n\
         input.push(mended); await feed.fetch();\n\
         return [taken, noticed, asked, series.columns.requests[3], series.revision];"
    );
    let told = |mut series: Value, builds_on: u64, follows: u32| {
        series["builds_on"] = json!(builds_on);
        series["follows"] = json!(follows);
        series
    };
    let mut fresh = told(seconds(1, 30..31, 9), 0, 29);
    fresh["second"] = json!([3, 30]);
    fresh["requests"] = json!([9, 9]);
    let input = json!([
        seconds(0, 0..30, 5),
        fresh,
        told(seconds(3, 33..34, 1), 2, 32),
        seconds(3, 0..34, 7)
    ]);
    assert_eq!(
        node(&["feed", "series"], &script, &input)?,
        json!([[1, 9, 30, 1], true, [0, 0], 7, 3])
    );
    Ok(())
}

#[test]
fn moments_are_shown_in_the_readers_time_zone() -> Outcome {
    let html = |text: &str| {
        format!("<td><time datetime=\"2026-01-31T20:30:05.123Z\" data-local=\"{text}\">x UTC</time></td>")
    };
    let input = json!([html("seconds"), html("clock"), "<td>20:30:05</td>"]);
    let shown = node(
        &["moments"],
        "return input.map((html) => it.localMoments(html));",
        &input,
    )?;
    let wanted = |text: &str, form: &str| {
        format!(
            "<td><time datetime=\"2026-01-31T20:30:05.123Z\" data-local=\"{form}\" title=\"x UTC\">{text}</time></td>"
        )
    };
    assert_eq!(
        shown,
        json!([
            wanted("2026-02-01 05:30:05", "seconds"),
            wanted("05:30:05", "clock"),
            "<td>20:30:05</td>"
        ])
    );
    Ok(())
}
