//! The settings of a run.
//!
//! In: [`RunArgs`], still text. Out: [`RunSettings`]. Load that was not asked for stays open, for the scenario's plan.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;
use katydid_scenario_lang::{LoadSettings, ReadThreshold, Selection};

use super::fleet::Role;
use super::web::PageSettings;
use super::{LogSettings, OtlpSettings, Reader, metrics, threshold, values};
use crate::args::{Cli, RunArgs};
use crate::exit_code::Exit;
use crate::layers::Origins;
use crate::problem::{Origin, Problem, Problems};
use crate::suggest;

/// How long running iterations may go on at the end when nobody said.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct RunSettings {
    /// Scenario files and folders; empty for the default one.
    pub(crate) scenarios: Vec<PathBuf>,
    /// What the scenario gets to see.
    pub(crate) load: LoadSettings,
    /// Asked for instead of what the scenario plans.
    pub(crate) users: Option<u32>,
    /// Per second; asked for instead of what the scenario plans.
    pub(crate) spawn_rate: Option<f64>,
    /// Asked for instead of what the scenario plans.
    pub(crate) run_time: Option<Duration>,
    /// Grace at the end.
    pub(crate) stop_timeout: Duration,
    /// What the run passes or fails by, besides what the scenario declares.
    pub(crate) thresholds: Vec<ReadThreshold>,
    /// Where these were written.
    pub(crate) thresholds_from: Origin,
    /// Zero the statistics once all users run.
    pub(crate) reset_stats: bool,
    /// Load threads; `None` is one per core.
    pub(crate) threads: Option<NonZeroUsize>,
    /// What this process is.
    pub(crate) role: Role,
    /// The page; `None` when there is none.
    pub(crate) page: Option<PageSettings>,
    /// Where programs see how this process is, besides the page.
    pub(crate) metrics: Option<SocketAddr>,
    /// What to do with the scenario.
    pub(crate) intent: Intent,
    /// What the terminal shows meanwhile.
    pub(crate) screen: Screen,
    /// What is told at the end.
    pub(crate) reports: ReportSettings,
    /// Exit code when something failed.
    pub(crate) exit_code_on_error: u8,
    /// How to log.
    pub(crate) log: LogSettings,
}

/// What to do with the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Run it.
    Run,
    /// List its classes.
    List,
    /// Show how users and tasks are shared out.
    TaskRatio,
    /// The same as JSON.
    TaskRatioJson,
}

/// What the terminal shows during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// The table every two seconds.
    Table,
    /// A line that changes in place; a table where lines cannot change.
    Progress,
    /// Nothing.
    Quiet,
}

/// What is told at the end, besides the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReportSettings {
    /// The prefix of the CSV files.
    pub(crate) csv: Option<PathBuf>,
    /// A history row for every request.
    pub(crate) csv_full_history: bool,
    /// JSON on stdout.
    pub(crate) json: bool,
    /// JSON into this file.
    pub(crate) json_file: Option<PathBuf>,
    /// The report into this file.
    pub(crate) html: Option<PathBuf>,
    /// JUnit XML into this file.
    pub(crate) junit: Option<PathBuf>,
    /// Metrics to a collector.
    pub(crate) otlp: Option<OtlpSettings>,
}

impl RunSettings {
    /// Reads the settings; `environment` is what the scenario's `env()` sees.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn read(
        args: &RunArgs,
        origins: &Origins,
        environment: HashMap<String, String>,
    ) -> Result<Self, Problems> {
        let mut reader = Reader::new(origins);
        let reports = report_settings(args, &environment, &mut reader);
        refuse_misplaced_words(&args.selection.user_classes, &mut reader);
        let load = LoadSettings {
            environment,
            declared_environment: None,
            parameters: parameters(&args.test.set, &mut reader),
            host: reader.value("host", args.test.host.as_ref(), values::host),
            selection: Selection {
                classes: args.selection.user_classes.clone(),
                tags: args.selection.tags.clone(),
                exclude_tags: args.selection.exclude_tags.clone(),
            },
        };
        let settings = Self {
            scenarios: args.test.scenario.clone(),
            load,
            users: reader.value("users", args.load.users.as_ref(), values::users),
            spawn_rate: reader.value("spawn_rate", args.load.spawn_rate.as_ref(), values::rate),
            run_time: reader.value("run_time", args.load.run_time.as_ref(), values::positive_time),
            stop_timeout: reader
                .value("stop_timeout", args.load.stop_timeout.as_ref(), values::time)
                .unwrap_or(DEFAULT_STOP_TIMEOUT),
            thresholds: threshold::read(&args.test.threshold, &mut reader),
            thresholds_from: origins.of("threshold"),
            reset_stats: args.load.reset_stats,
            threads: reader.value("threads", args.load.threads.as_ref(), values::threads),
            role: Role::read(&args.fleet, &mut reader),
            page: PageSettings::read(args, &mut reader),
            metrics: metrics::read(&args.metrics, &mut reader),
            intent: match &args.selection {
                selection if selection.list => Intent::List,
                selection if selection.show_task_ratio => Intent::TaskRatio,
                selection if selection.show_task_ratio_json => Intent::TaskRatioJson,
                _ => Intent::Run,
            },
            screen: match &args.report.screen {
                screen if screen.only_summary => Screen::Quiet,
                screen if screen.headless => Screen::Table,
                _ => Screen::Progress,
            },
            reports,
            exit_code_on_error: reader
                .value(
                    "exit_code_on_error",
                    args.report.exit_code_on_error.as_ref(),
                    values::exit_code,
                )
                .unwrap_or(Exit::DEFAULT_FAILED),
            log: LogSettings::read(&args.log, &mut reader),
        };
        reader.finish(settings)
    }
}

/// The scenario's parameters; the last of a name wins.
pub(super) fn parameters(texts: &[String], reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    reader
        .values("set", texts, values::parameter)
        .into_iter()
        .collect()
}

fn report_settings(
    args: &RunArgs,
    environment: &HashMap<String, String>,
    reader: &mut Reader<'_>,
) -> ReportSettings {
    let files = &args.report.files;
    if files.csv_full_history && files.csv.is_none() {
        reader.refuse(
            "csv_full_history",
            "needs --csv PREFIX, which says where to write".to_owned(),
        );
    }
    ReportSettings {
        csv: reader.path("csv", files.csv.as_ref()),
        csv_full_history: files.csv_full_history,
        json: args.report.screen.json,
        html: reader.path("html", files.html.as_ref()),
        junit: reader.path("junit", files.junit.as_ref()),
        // Workers tell their master, and nobody else.
        otlp: (!args.fleet.worker.worker)
            .then(|| OtlpSettings::read(&args.report.otlp, environment, reader))
            .flatten(),
        json_file: reader.path("json_file", files.json_file.as_ref()).map(|base| {
            // The name is Locust's base without extension; who writes the extension means the same file.
            if base.extension().is_some_and(|extension| extension == "json") {
                return base;
            }
            let mut name = base.into_os_string();
            name.push(".json");
            PathBuf::from(name)
        }),
    }
}

/// User classes are the only words without a flag; says what other words were probably meant to be.
fn refuse_misplaced_words(words: &[String], reader: &mut Reader<'_>) {
    if let Some(file) = words
        .iter()
        .find(|word| word.ends_with(".rhai") || word.ends_with(".py"))
    {
        let problem = Problem::new(format!(
            "`{file}` looks like a scenario file, not like a user class"
        ));
        let help = format!("pass it with -f {file}");
        reader
            .problems
            .add(problem.at(reader.origins.of("user_classes")).help(help));
    } else if let Some(word) = words.first()
        && let Some(guess) = misspelt_command(word)
    {
        let problem = Problem::new(format!(
            "`{word}` is no command, and looks too much like one for a user class"
        ));
        reader.problems.add(
            problem
                .at(reader.origins.of("user_classes"))
                .did_you_mean(Some(guess)),
        );
    }
}

/// The subcommand a lower-case word was probably meant to be; user classes begin with a capital.
fn misspelt_command(word: &str) -> Option<String> {
    let command = Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    // Only close neighbours: a class may well be called `demonstration`.
    let near = |guess: &&str| strsim::damerau_levenshtein(word, guess) <= 2;
    let lower = word.chars().next().is_some_and(char::is_lowercase);
    suggest::nearest(word, names)
        .filter(|_| lower)
        .filter(near)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;
    use crate::layers;

    fn read(words: &[&str]) -> Result<RunSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let words: Vec<OsString> = std::iter::once("katydid")
            .chain(words.iter().copied())
            .map(Into::into)
            .collect();
        let typed = layers::parse(&words, &HashMap::new(), folder.path()).unwrap();
        RunSettings::read(&typed.cli.run, &typed.origins, HashMap::new())
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn nothing_typed_leaves_the_load_to_the_scenario() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            (settings.users, settings.spawn_rate, settings.run_time),
            (None, None, None)
        );
        assert_eq!(settings.stop_timeout, Duration::from_secs(10));
        assert_eq!(settings.exit_code_on_error, 1);
        assert_eq!(
            (settings.intent, settings.screen),
            (Intent::Run, Screen::Progress)
        );
        assert_eq!(settings.reports, ReportSettings::default());
        assert!(settings.scenarios.is_empty());
    }

    #[test]
    fn every_flag_is_read() {
        let settings = read(&[
            "-f",
            "a.rhai,b",
            "-H",
            "http://h:1",
            "-u",
            "10",
            "-r",
            "2.5",
            "-t",
            "1h30m",
            "-s",
            "0",
            "--headless",
            "--set",
            "A=1",
            "--threads",
            "3",
            "--reset-stats",
            "--csv",
            "out/a",
            "--csv-full-history",
            "--json",
            "--json-file",
            "r",
            "--html",
            "r.html",
            "--junit",
            "r.xml",
            "--exit-code-on-error",
            "7",
            "-L",
            "debug",
            "--logfile",
            "log",
            "--log-format",
            "json",
            "-E",
            "slow",
            "-T",
            "x",
            "y,z",
            "--",
            "Shopper",
            "Admin",
        ])
        .unwrap();
        assert_eq!(settings.scenarios, [Path::new("a.rhai"), Path::new("b")]);
        assert_eq!(settings.load.host.as_deref(), Some("http://h:1"));
        assert_eq!(
            settings.load.parameters,
            BTreeMap::from([("A".to_owned(), "1".to_owned())])
        );
        assert_eq!(settings.load.selection.classes, ["Shopper", "Admin"]);
        assert_eq!(settings.load.selection.tags, ["x", "y", "z"]);
        assert_eq!(settings.load.selection.exclude_tags, ["slow"]);
        assert_eq!((settings.users, settings.spawn_rate), (Some(10), Some(2.5)));
        assert_eq!(settings.run_time, Some(Duration::from_secs(5_400)));
        assert_eq!(settings.stop_timeout, Duration::ZERO);
        assert!(settings.reset_stats);
        assert_eq!(settings.threads.map(NonZeroUsize::get), Some(3));
        assert_eq!(settings.screen, Screen::Table);
        let reports = ReportSettings {
            csv: Some("out/a".into()),
            csv_full_history: true,
            json: true,
            json_file: Some("r.json".into()),
            html: Some("r.html".into()),
            junit: Some("r.xml".into()),
            otlp: None,
        };
        assert_eq!(settings.reports, reports);
        assert_eq!(settings.exit_code_on_error, 7);
        assert_eq!(settings.log.level, tracing::level_filters::LevelFilter::DEBUG);
        assert_eq!(settings.log.file.as_deref(), Some(Path::new("log")));
        assert_eq!(settings.log.format, crate::settings::LogFormat::Json);
    }

    #[test]
    fn the_remaining_modes() {
        assert_eq!(read(&["-l"]).unwrap().intent, Intent::List);
        assert_eq!(read(&["--show-task-ratio"]).unwrap().intent, Intent::TaskRatio);
        assert_eq!(
            read(&["--show-task-ratio-json"]).unwrap().intent,
            Intent::TaskRatioJson
        );
        assert_eq!(
            read(&["--headless", "--only-summary"]).unwrap().screen,
            Screen::Quiet
        );
        assert_eq!(
            read(&["--json-file", "r.json"]).unwrap().reports.json_file,
            Some("r.json".into())
        );
        assert_eq!(read(&["--locustfile", "x"]).unwrap().scenarios, [Path::new("x")]);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        insta::assert_snapshot!(
            read(&[
                "-u", "0", "-r", "NaN", "-t", "soon", "-s", "-1", "-H", "localhost:8000", "--threads", "0", "-L", "loud",
                "--exit-code-on-error", "300", "--set", "A", "--csv-full-history", "--log-format", "xml",
            ])
            .unwrap_err(),
            @r"
        error: 11 problems
          - --csv-full-history: needs --csv PREFIX, which says where to write
          - --set: `A` is not NAME=VALUE
          - --host: `localhost:8000` is not a base URL; did you mean `http://localhost:8000`?
          - --users: `0` is not a number of users: use a whole number above 0
          - --spawn-rate: `NaN` is not a rate: use a number above 0, such as 10 or 0.5
          - --run-time: `soon` is not a time span; use 20, 20s, 3m, 1h30m or 500ms
          - --stop-timeout: `-1` is not a time span; use 20, 20s, 3m, 1h30m or 500ms
          - --threads: `0` is not a number of threads: use 1 to 1024
          - --exit-code-on-error: `300` is not an exit code: use 0 to 255
          - --loglevel: `loud` is not a level: use DEBUG, INFO, WARNING, ERROR or OFF
          - --log-format: `xml` is not a log format: use text or json
        "
        );
    }

    #[test]
    fn words_in_the_wrong_place_are_explained() {
        insta::assert_snapshot!(read(&["shop.rhai"]).unwrap_err(), @r"
        error: USER_CLASS: `shop.rhai` looks like a scenario file, not like a user class
          help: pass it with -f shop.rhai
        ");
        insta::assert_snapshot!(read(&["chekc"]).unwrap_err(), @r"
        error: USER_CLASS: `chekc` is no command, and looks too much like one for a user class
          help: did you mean `check`?
        ");
        assert!(read(&["Check1"]).is_ok());
        assert!(read(&["Shopper"]).is_ok());
    }
}
