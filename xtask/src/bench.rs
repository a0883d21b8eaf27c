//! `cargo xtask bench`: the engine's budgets, each measured side by side with its peers in one run.
//!
//! In: the release binary, nginx or the demo target on another core, whatever peers are installed. Out: a table on
//! the terminal and in `bench/RESULTS.md`, with a verdict per budget. Every process is started, bounded in time and
//! ended here, by its id; ports are free ones; traffic stays on this machine.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::step::Step;
use crate::terminal;
use crate::workspace::Workspace;

mod lab;
mod machine;
mod process;
mod wire;

mod nginx;
mod target;

mod peers;
mod tool;

mod measure;
mod table;
mod verdict;

mod arrivals;
mod cold_start;
mod cpu;
mod flat;
mod fleet;
mod fleet_ramp;
mod memory;
mod page;
mod ramp;
mod secure;
mod threads;
mod viewers;
mod watched;

mod results;

use lab::Lab;
use results::{Results, Section};

/// What to measure and how long.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure; everything but `flat` when none is named.
    #[arg(value_enum)]
    benches: Vec<Bench>,
    /// Seconds each generator is measured for in a round.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// Rounds; in each, every generator takes its turn. Medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// Users of the memory and ramp benches.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=15_000))]
    users: u32,
    /// Adds `flat`: ten minutes of full load, its memory compared with the first minute's.
    #[arg(long)]
    long: bool,
    /// First installs the peers: wrk, hey, h2load and nginx from Debian, oha by cargo, Locust by pip, below target/peers.
    #[arg(long)]
    install_peers: bool,
    /// Ends with exit code 1 when a budget was missed.
    #[arg(long)]
    enforce: bool,
    /// Measures this binary instead of building the release.
    #[arg(long, value_name = "FILE")]
    binary: Option<std::path::PathBuf>,
}

/// One thing to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Bench {
    /// CPU time per request, beside the peers.
    Cpu,
    /// The same over TLS, and by HTTP/2.
    Secure,
    /// Two load threads against one.
    Threads,
    /// Resident memory per idle connected user.
    Memory,
    /// How evenly users are started.
    Ramp,
    /// How exactly arrivals are started.
    Arrivals,
    /// From the command to the first request.
    ColdStart,
    /// What a thousand workers cost their master.
    Fleet,
    /// How evenly a fleet starts users.
    FleetRamp,
    /// What the page costs its master.
    Page,
    /// What the page costs the load.
    Watched,
    /// Memory over ten minutes of full load.
    Flat,
}

impl Bench {
    /// Measures.
    fn run(self, lab: &Lab, workspace: &Workspace, args: &BenchArgs) -> Result<Section> {
        match self {
            Self::Cpu => cpu::run(lab, args.seconds, args.rounds),
            Self::Secure => secure::run(lab, args.seconds, args.rounds),
            Self::Threads => threads::run(lab, args.seconds, args.rounds),
            Self::Memory => memory::run(lab, args.users),
            Self::Ramp => ramp::run(lab, args.users),
            Self::Arrivals => arrivals::run(lab),
            Self::ColdStart => cold_start::run(lab),
            Self::Fleet => fleet::run(lab, workspace),
            Self::FleetRamp => fleet_ramp::run(lab, args.users),
            Self::Page => page::run(lab, workspace),
            Self::Watched => watched::run(lab, args.seconds, args.rounds),
            Self::Flat => flat::run(lab),
        }
    }

    /// The benches asked for, each once, in the order of the results.
    fn chosen(args: &BenchArgs) -> Vec<Self> {
        let mut chosen = args.benches.clone();
        if chosen.is_empty() {
            chosen = vec![
                Self::Cpu,
                Self::Secure,
                Self::Threads,
                Self::Memory,
                Self::Ramp,
                Self::Arrivals,
                Self::ColdStart,
                Self::Fleet,
                Self::FleetRamp,
                Self::Page,
                Self::Watched,
            ];
        }
        if args.long {
            chosen.push(Self::Flat);
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }
}

/// Measures what was asked for; a bench that cannot run does not stop the others.
///
/// # Errors
/// When the binary cannot be built, a bench could not run, or a budget was missed and `--enforce` was given.
pub(crate) fn run(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    if args.install_peers {
        peers::install(workspace)?;
    }
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => {
            Step::cargo("release build", &workspace.root, "build --release --bin katydid").run()?;
            workspace.release_binary()
        }
    };
    let lab = Lab::open(workspace, &binary)?;
    let mut results = Results::read(&workspace.root.join("bench").join("RESULTS.md"))?;
    let (mut broken, mut missed) = (Vec::new(), 0);
    for bench in Bench::chosen(args) {
        match bench.run(&lab, workspace, args) {
            Ok(section) => {
                terminal::say(&format!("\n{section}"));
                missed += section.missed();
                // Written after each bench: a later one that fails takes nothing with it.
                results.put(&section, &lab.machine)?;
            }
            Err(error) => {
                terminal::warn(&format!("{error:#}"));
                broken.push(format!("{error:#}"));
            }
        }
    }
    if !broken.is_empty() {
        bail!(
            "{} could not be measured:\n  {}",
            plural(broken.len(), "bench", "benches"),
            broken.join("\n  ")
        );
    }
    if missed > 0 && args.enforce {
        bail!("{} missed", plural(missed, "budget", "budgets"));
    }
    Ok(())
}

/// `1 bench`, `2 benches`.
fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn chosen(words: &[&str]) -> Vec<Bench> {
        let line = Line::try_parse_from([&["bench"], words].concat()).expect("a good line");
        Bench::chosen(&line.args)
    }

    #[test]
    fn everything_quick_runs_unless_something_is_named() {
        assert_eq!(chosen(&[]).len(), 11);
        assert_eq!(chosen(&["ramp", "cpu", "ramp"]), [Bench::Cpu, Bench::Ramp]);
        assert_eq!(chosen(&["cold-start", "--long"]), [Bench::ColdStart, Bench::Flat]);
        assert!(chosen(&["--long"]).contains(&Bench::Flat));
    }
}
