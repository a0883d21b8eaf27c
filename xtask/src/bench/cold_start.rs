//! From the command to the first request: how long a person waits for anything to happen.
//!
//! In: the binary, started many times. Out: the time until a listener here has read a whole request head.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};

use super::lab::Lab;
use super::measure::median;
use super::process::Running;
use super::results::Section;
use super::table::Table;
use super::verdict::Verdict;
use crate::clock::{Stopwatch, wait_for};

const STARTS: usize = 20;
const LIMIT_MS: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures.
///
/// # Errors
/// When no request comes within ten seconds.
pub(super) fn run(lab: &Lab) -> Result<Section> {
    let mut times = Vec::new();
    for _start in 0..STARTS {
        times.push(one_start(lab)?.as_secs_f64() * 1e3);
    }
    let (middle, worst) = (
        median(times.iter().copied()),
        times.iter().copied().fold(0.0, f64::max),
    );
    let mut table = Table::new(&["starts", "median, ms", "worst, ms"]);
    table.row([STARTS.to_string(), format!("{middle:.1}"), format!("{worst:.1}")]);
    Ok(Section {
        id: "cold-start",
        title: "Cold start to first request".to_owned(),
        method: "From starting the process to the last byte of the first request's head at a listener on this machine; one user, the\n\
                 process on a core of its own, the file cache warm."
            .to_owned(),
        table,
        verdicts: vec![Verdict::judged(
            format!("at most {LIMIT_MS:.0} ms"),
            format!("median {middle:.1} ms, worst {worst:.1} ms"),
            worst <= LIMIT_MS,
        )],
        commands: vec![
            "katydid -f one_line.rhai -H http://127.0.0.1:$PORT -u 1 -r 1 --headless --only-summary -t 10s".to_owned(),
        ],
    })
}

fn one_start(lab: &Lab) -> Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let mut command = lab.katydid(&lab.generator_core().to_string(), "one_line.rhai", port);
    command.args(["-u", "1", "-r", "1", "-t", "10s"]);
    let log = lab.log("cold-start");
    let watch = Stopwatch::start();
    // Dropped, and so killed, on every way out of here.
    let mut katydid = Running::start("katydid", &mut command, &log)?;
    let stream = wait_for(PATIENCE, Duration::from_micros(100), || match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    })?;
    let Some(stream) = stream else {
        bail!(
            "katydid sent nothing within {} s; it printed:\n{}",
            PATIENCE.as_secs(),
            katydid.said()
        );
    };
    read_head(&stream)?;
    let time = watch.elapsed();
    katydid.kill();
    Ok(time)
}

fn read_head(mut stream: &TcpStream) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut chunk)?;
        if length == 0 || head.len() > 64 * 1024 {
            bail!("katydid connected, but sent no whole request");
        }
        head.extend_from_slice(&chunk[..length]);
    }
    Ok(())
}
