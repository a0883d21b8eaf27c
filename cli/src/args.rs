//! The command line as it was typed: every flag, its help text, and nothing interpreted yet.
//!
//! In: the words after `katydid`. Out: [`Cli`], whose values are still text; [`crate::settings`] reads them, so that
//! all that is wrong with them can be said at once, wherever they came from.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

pub(crate) use self::metrics::MetricsArgs;
pub(crate) use self::otlp::OtlpArgs;
pub(crate) use self::passwd::PasswdArgs;
pub(crate) use self::scaler::ScalerArgs;
pub(crate) use self::sigterm::SigtermArgs;
pub(crate) use self::summary::SummaryArgs;
pub(crate) use self::threshold::ThresholdArgs;
pub(crate) use self::token::TokenArgs;
pub(crate) use self::trace::TraceArgs;
pub(crate) use self::web::WebArgs;
mod metrics;
mod otlp;
mod passwd;
mod scaler;
mod sigterm;
mod summary;
mod threshold;
mod token;
mod trace;
mod web;

/// What `--help` says below the flags.
pub(crate) const AFTER_HELP: &str = include_str!("after_help.txt");

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "katydid",
    version,
    about = "Katydid: load testing with scenarios in Rhai, fast engine, exact numbers",
    override_usage = "katydid [OPTIONS] [USER_CLASS]...\n       katydid <COMMAND>",
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    args_override_self = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// The flags of a run, which is what happens without a subcommand.
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// What else there is to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The flags of a run.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) test: TestArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) web: WebArgs,
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Read settings from FILE instead of katydid.toml
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
}

/// What to run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Test")]
pub(crate) struct TestArgs {
    /// Scenario file, or directory of *.rhai files; repeatable, or separated by commas [default: scenario.rhai]
    #[arg(
        short = 'f',
        long,
        visible_alias = "locustfile",
        value_name = "FILE",
        value_delimiter = ',',
        action = ArgAction::Append
    )]
    pub(crate) scenario: Vec<PathBuf>,
    /// Base URL of the system under test; overrides the scenario's host
    #[arg(short = 'H', long, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// A value for the scenario's param("NAME", default); repeatable
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) threshold: ThresholdArgs,
}

/// How much load.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Users running at the peak [default: plan, or 1]
    #[arg(short = 'u', long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) users: Option<String>,
    /// Users started (or stopped) per second [default: plan, or 1]
    #[arg(short = 'r', long, value_name = "R", allow_hyphen_values = true)]
    pub(crate) spawn_rate: Option<String>,
    /// End the run after this long, such as 90, 20s or 1h30m [default: plan, or never]
    #[arg(short = 't', long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) run_time: Option<String>,
    /// How long running iterations may go on at the end [default: 10s]
    #[arg(short = 's', long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) stop_timeout: Option<String>,
    /// Zero the statistics once all users are running
    #[arg(long)]
    pub(crate) reset_stats: bool,
    /// Load threads [default: one per core this process may use]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) threads: Option<String>,
}

/// Several machines.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    pub(crate) master: MasterArgs,
    #[command(flatten)]
    pub(crate) scaler: ScalerArgs,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// Certificate chain of this master or worker, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet_tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet_tls_key: Option<PathBuf>,
    /// Authority that signed the others' certificates, PEM; a master that has one asks workers for certificates
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet_tls_ca: Option<PathBuf>,
}

/// This process as a master.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct MasterArgs {
    /// Run the test on workers that connect
    #[arg(long, conflicts_with = "worker")]
    pub(crate) master: bool,
    /// Address to wait for workers on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) master_bind_host: Option<String>,
    /// Port to wait for workers on, 0 for any free one [default: 5557]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) master_bind_port: Option<String>,
    /// Begin when this many workers are ready [default: 1]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) expect_workers: Option<String>,
    /// Give up when they are not ready within this time [default: never, 10m with --scaler-bind-port]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) expect_workers_max_wait: Option<String>,
    /// How long a run goes on without any worker before it fails [default: 60s]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) worker_grace: Option<String>,
    /// How long workers keep the load up without their master [default: 10m]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) master_grace: Option<String>,
    /// Keep the run in FILE, so that a master started again goes on with it
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sigterm: SigtermArgs,
    /// Listen on other addresses than loopback without a token: anybody who can connect is trusted
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// This process as a worker.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct WorkerArgs {
    /// Run users for a master; needs no scenario file
    #[arg(long)]
    pub(crate) worker: bool,
    /// Where the master is; with https:// over TLS [default: 127.0.0.1]
    #[arg(long, value_name = "HOST")]
    pub(crate) master_host: Option<String>,
    /// Its port [default: 5557]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) master_port: Option<String>,
    /// This worker's name [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) worker_name: Option<String>,
    /// How long leaving may take after SIGTERM or Ctrl-C [default: 60s]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) drain_timeout: Option<String>,
}

/// Which part of the scenario.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// Run only these user classes [default: all]
    #[arg(value_name = "USER_CLASS")]
    pub(crate) user_classes: Vec<String>,
    /// Run only tasks with at least one of these tags
    #[arg(short = 'T', long, value_name = "TAG", num_args = 1.., value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,
    /// Leave out tasks with any of these tags
    #[arg(short = 'E', long, value_name = "TAG", num_args = 1.., value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) exclude_tags: Vec<String>,
    /// List the user classes and exit
    #[arg(short = 'l', long)]
    pub(crate) list: bool,
    /// Show how users and tasks are shared out, and exit
    #[arg(long)]
    pub(crate) show_task_ratio: bool,
    /// The same as JSON
    #[arg(long)]
    pub(crate) show_task_ratio_json: bool,
}

/// What to tell, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) screen: ScreenArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) otlp: OtlpArgs,
    /// Exit code when requests failed or the scenario threw [default: 1]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) exit_code_on_error: Option<String>,
}

/// What the terminal shows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ScreenArgs {
    /// Print the statistics every 2 seconds, no progress line
    #[arg(long)]
    pub(crate) headless: bool,
    /// Show nothing until the final tables
    #[arg(long)]
    pub(crate) only_summary: bool,
    /// Print the result as JSON on stdout; the tables stay on stderr
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is written to files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct FileArgs {
    /// Write the result as JSON to BASE.json
    #[arg(long, value_name = "BASE")]
    pub(crate) json_file: Option<PathBuf>,
    /// Write the report, one HTML file with tables and charts
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write requests, checks and exceptions as test cases, JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write PREFIX_stats.csv, _stats_history.csv, _failures.csv and _exceptions.csv
    #[arg(long, value_name = "PREFIX")]
    pub(crate) csv: Option<PathBuf>,
    /// With --csv: history rows for every request, not only the sum
    #[arg(long)]
    pub(crate) csv_full_history: bool,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
}

/// Logging; the same for every command that takes its time.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// DEBUG, INFO, WARNING, ERROR or OFF [default: INFO]
    #[arg(short = 'L', long, value_name = "LEVEL")]
    pub(crate) loglevel: Option<String>,
    /// Append the log to FILE [default: stderr]
    #[arg(long, value_name = "FILE")]
    pub(crate) logfile: Option<PathBuf>,
    /// text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compile and validate scenarios without running them
    Check(CheckArgs),
    /// A first load test: starts the demo target and a swarm against it
    Demo(DemoArgs),
    /// Serve the demo target alone
    Target(TargetArgs),
    /// Write who may use the page and its API, for --web-login
    Passwd(PasswdArgs),
    /// Print this help, a command's help, or (`help scenario`) the scenario language
    Help(HelpArgs),
}

/// The flags of `katydid check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Scenario files, or directories of *.rhai files
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Base URL, as in a run
    #[arg(short = 'H', long, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// A value for the scenario's param("NAME", default); repeatable
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) trace: TraceArgs,
}

/// The flags of `katydid demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Users running at the peak [default: 12]
    #[arg(short = 'u', long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) users: Option<String>,
    /// Users started per second [default: 3]
    #[arg(short = 'r', long, value_name = "R", allow_hyphen_values = true)]
    pub(crate) spawn_rate: Option<String>,
    /// How long [default: 20s]
    #[arg(short = 't', long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) run_time: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// The flags of `katydid target`.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen on, 0 for any free one [default: 8000]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub(crate) port: Option<String>,
    /// Share of the requests to /flaky that fail, 0 to 1 [default: 0.1]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub(crate) flaky_rate: Option<String>,
    /// Let a Redis count for /count/:id, such as redis://127.0.0.1:6379, so that several targets count together
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// The topic of `katydid help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// run, check, demo, target, passwd or scenario [default: run]
    pub(crate) topic: Option<String>,
}
