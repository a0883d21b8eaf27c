//! CPU time per request over TLS, by HTTP/1.1 and by HTTP/2, beside those who do that too.
//!
//! In: the installed generators and nginx with a certificate of its own on another core. Out: medians, ratios to the
//! fastest peer of each protocol taken within each round, and whether Katydid's report equals what nginx counted.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::cpu::reported_requests;
use super::lab::Lab;
use super::measure::{AROUND, Turn, cost_ratio, figures, turn};
use super::nginx::Nginx;
use super::results::Section;
use super::table::Table;
use super::tool::{CONNECTIONS, find, katydid_line, without_settings};
use super::verdict::Verdict;
use super::wire::free_port;
use crate::packages::find_program;
use crate::terminal;

/// Generators of a protocol; Katydid is the first, the yardstick the second.
const RACES: [(&str, bool, [&str; 3]); 2] = [
    ("TLS, HTTP/1.1", false, ["katydid", "wrk", "oha"]),
    ("TLS, HTTP/2", true, ["katydid", "h2load", "oha"]),
];

/// All turns of one generator.
struct Series {
    protocol: &'static str,
    program: &'static str,
    turns: Vec<Turn>,
}

/// Measures.
///
/// # Errors
/// When Katydid, nginx or openssl fails; a peer that fails is left out with a warning.
pub(super) fn run(lab: &Lab, seconds: u64, rounds: u32) -> Result<Section> {
    certify(lab)?;
    let mut all = Vec::new();
    let mut exact = true;
    for (protocol, http2, programs) in RACES {
        let mut series: Vec<Series> = programs
            .into_iter()
            .filter(|program| *program == "katydid" || find(lab, program).is_some())
            .map(|program| Series {
                protocol,
                program,
                turns: Vec::new(),
            })
            .collect();
        for round in 1..=rounds {
            series.retain_mut(|one| match one_turn(lab, one.program, http2, seconds) {
                Ok((turn, reported)) => {
                    exact &= reported.is_none_or(|reported| reported == turn.served);
                    let (us, rate) = (turn.cpu_us, turn.per_sec);
                    terminal::say(&format!(
                        "round {round}: {protocol}: {}: {us:.2} µs per request, {rate:.0}/s",
                        one.program
                    ));
                    one.turns.push(turn);
                    true
                }
                Err(error) => {
                    terminal::warn(&format!("{} is left out: {error:#}", one.program));
                    false
                }
            });
        }
        if series.first().is_none_or(|first| first.program != "katydid") {
            bail!("katydid could not be measured with {protocol}");
        }
        all.extend(series);
    }
    Ok(Section {
        id: "secure",
        title: "CPU time per request over TLS".to_owned(),
        method: format!(
            "As above, over TLS 1.3 with a certificate that Katydid verifies; {CONNECTIONS} connections, one request at a time on each.\n\
             User and system time over {seconds} s, median of {rounds} rounds; the ratio is to the first peer of the protocol."
        ),
        table: table(&all),
        verdicts: verdicts(&all, exact),
        commands: RACES
            .iter()
            .flat_map(|(_, http2, programs)| {
                programs.map(|program| line(program, *http2, "$PORT", seconds + AROUND).join(" "))
            })
            .collect(),
    })
}

/// A certificate for 127.0.0.1 that is its own authority, for nginx to show and Katydid to trust.
fn certify(lab: &Lab) -> Result<()> {
    let openssl = find_program("openssl")
        .context("openssl is not installed: run `cargo xtask bench --install-peers`")?;
    let done = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "secure.key", "-out", "secure.pem"])
        .current_dir(&lab.scratch)
        .output()
        .context("openssl cannot be run")?;
    if !done.status.success() {
        bail!(
            "openssl made no certificate:\n{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(())
}

fn one_turn(lab: &Lab, program: &str, http2: bool, seconds: u64) -> Result<(Turn, Option<u64>)> {
    let port = free_port()?;
    let mut servers = [Nginx::start_secure(lab, lab.server_core(), port, http2)?];
    let json = lab.scratch.join("secure.json");
    let is_katydid = program == "katydid";
    let path = if is_katydid {
        lab.katydid.clone()
    } else {
        find(lab, program).with_context(|| format!("{program} is not installed"))?
    };
    let mut command = Command::new("taskset");
    command.args(["-c", &lab.generator_core().to_string()]).arg(path);
    command.args(&line(program, http2, &port.to_string(), seconds + AROUND)[1..]);
    if is_katydid {
        command.arg("--json-file").arg(&json);
        // Where the system keeps the certificates it trusts.
        command.env("SSL_CERT_FILE", lab.scratch.join("secure.pem"));
    }
    without_settings(&mut command);
    command.current_dir(&lab.scenarios);
    let log = lab.log(&format!("secure-{program}"));
    let window = Duration::from_secs(seconds);
    let turn = turn(program, &mut command, &log, &mut servers, window)?;
    let reported = is_katydid.then(|| reported_requests(&json)).transpose()?;
    Ok((turn, reported))
}

/// What a person would type.
fn line(program: &str, http2: bool, port: &str, seconds: u64) -> Vec<String> {
    let host = format!("https://127.0.0.1:{port}");
    let url = format!("{host}/");
    let users = CONNECTIONS.to_string();
    let time = format!("{seconds}s");
    let words: &[&str] = match program {
        "katydid" => return katydid_line(&host, seconds),
        "wrk" => &["-t1", &format!("-c{users}"), &format!("-d{time}"), &url],
        "h2load" => &["-t1", &format!("-c{users}"), "-m1", &format!("-D{seconds}"), &url],
        _ if http2 => &[
            "--no-tui",
            "--insecure",
            "--http2",
            "-p",
            "1",
            "-c",
            &users,
            "-z",
            &time,
            &url,
        ],
        _ => &["--no-tui", "--insecure", "-c", &users, "-z", &time, &url],
    };
    std::iter::once(program)
        .chain(words.iter().copied())
        .map(ToOwned::to_owned)
        .collect()
}

fn table(all: &[Series]) -> Table {
    let mut table = Table::new(&[
        "protocol",
        "generator",
        "requests/s",
        "CPU µs per request",
        "× first peer",
        "generator's core",
        "nginx's core",
    ]);
    for series in all {
        let [rate, cost, generator, server] = figures(&series.turns);
        // How many times the CPU time of its protocol's first peer it needs.
        let peer = all
            .iter()
            .find(|other| other.protocol == series.protocol && other.program != "katydid");
        let ratio = peer.map_or_else(String::new, |peer| {
            format!("{:.2}", cost_ratio(&series.turns, &peer.turns))
        });
        table.row([
            series.protocol.to_owned(),
            series.program.to_owned(),
            rate,
            cost,
            ratio,
            generator,
            server,
        ]);
    }
    table
}

fn verdicts(all: &[Series], exact: bool) -> Vec<Verdict> {
    // Over HTTP/2 there is a table and no budget: with one request at a time on each connection its cost is that of frames
    // and of the library they share.
    let (protocol, _, _) = RACES[0];
    let of = |program: &str| {
        all.iter()
            .find(|series| series.protocol == protocol && series.program == program)
    };
    let budget = format!("{protocol}: CPU per request at most oha's");
    let judged = match (of("katydid"), of("oha")) {
        (Some(one), Some(other)) => {
            let ratio = cost_ratio(&one.turns, &other.turns);
            Verdict::judged(budget, format!("{ratio:.2} ×"), ratio <= 1.0)
        }
        _ => Verdict::open(budget, "not installed"),
    };
    let word = if exact {
        "equal in every round"
    } else {
        "they differ"
    };
    let counted = Verdict::judged("requests reported equal requests nginx counted", word, exact);
    vec![judged, counted]
}
