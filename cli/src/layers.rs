//! Puts the command line over the environment over the configuration file.
//!
//! In: the words typed, the variables, the current folder. Out: [`Typed`]: the command line as if everything had been
//! typed there, and for each value where it really came from.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches};

use crate::args::Cli;
use crate::config_file::{self, Entry};
use crate::environment::{self, Environment};
use crate::problem::{Origin, Problem, Problems};
use crate::suggest;

/// Everything that was asked for.
#[derive(Debug)]
pub(crate) struct Typed {
    /// The values, wherever they came from.
    pub(crate) cli: Cli,
    /// Where they came from.
    pub(crate) origins: Origins,
    /// What looks like a slip but stops nothing.
    pub(crate) warnings: Vec<String>,
}

/// Where each value came from, by the argument's name in [`crate::args`].
#[derive(Debug, Default)]
pub(crate) struct Origins {
    layered: HashMap<String, Origin>,
}

/// Why there is nothing to do.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// Help or version was asked for, or clap found the command line wrong.
    Clap(Box<clap::Error>),
    /// We did.
    Problems(Problems),
}

/// Flags that mean the same everywhere and are therefore set once for all commands.
const SHARED: [&str; 3] = ["loglevel", "logfile", "log-format"];

/// What people coming from Locust type and what to do instead.
const ABSENT: [(&str, &str); 1] = [(
    "--processes",
    "one process uses every core; --threads N uses fewer",
)];

/// Reads words, variables and file.
///
/// # Errors
///
/// See [`ParseError`].
pub(crate) fn parse(
    words: &[OsString],
    variables: &HashMap<String, String>,
    folder: &Path,
) -> Result<Typed, ParseError> {
    let matches = command()
        .try_get_matches_from(words)
        .map_err(|error| explain(error, words))?;
    let subcommand = matches.subcommand();
    if let Some(("help", _)) = subcommand {
        return typed(&matches, Origins::default(), Vec::new());
    }
    let environment = Environment::new(variables);
    let entries = config_path(&matches, &environment, folder)
        .map_or(Ok(Vec::new()), |path| config_file::read(&path))
        .map_err(ParseError::Problems)?;
    let (name, matches) = match subcommand {
        Some((name, matches)) => (Some(name), matches),
        None => (None, &matches),
    };
    let mut layers = Layers {
        environment,
        entries,
        problems: Problems::default(),
        origins: Origins::default(),
    };
    layers.refuse_unknown_keys();
    let defaults = layers.defaults(name, matches);
    layers.problems.into_result(()).map_err(ParseError::Problems)?;

    let mut command = command();
    command = match name {
        None => with_defaults(command, defaults),
        Some(name) => command.mut_subcommand(name, |command| with_defaults(command, defaults)),
    };
    let matches = command
        .try_get_matches_from(words)
        .map_err(|error| explain(error, words))?;
    let warnings = layers.environment.misspelt(&known_variables());
    typed(&matches, layers.origins, warnings)
}

/// The command with a hidden `--no-X` for every switch `--X`, so that what a file switched on can be switched off.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    for flag in flags(&Cli::command()).into_iter().filter(|flag| flag.switch) {
        let inverse = Arg::new(flag.inverse())
            .long(format!("no-{}", flag.long))
            .action(ArgAction::SetTrue)
            .hide(true)
            .overrides_with(&flag.id);
        command = command.arg(inverse);
    }
    command
}

/// The names flags can be given by, for suggestions: those of a run, or of a subcommand.
fn long_names(subcommand: Option<&str>) -> Vec<String> {
    let command = Cli::command();
    let command = subcommand
        .and_then(|name| command.find_subcommand(name))
        .unwrap_or(&command);
    let own = ["help".to_owned(), "version".to_owned()];
    flags(command)
        .into_iter()
        .flat_map(|flag| flag.names)
        .chain(own)
        .collect()
}

fn known_variables() -> Vec<String> {
    let command = Cli::command();
    let mut known: Vec<String> = flags(&command)
        .iter()
        .flat_map(|flag| &flag.names)
        .map(|name| environment::variable_name(None, name))
        .collect();
    for subcommand in command.get_subcommands() {
        let flags = flags(subcommand);
        let names = flags.iter().flat_map(|flag| &flag.names);
        known.extend(names.map(|name| environment::variable_name(Some(subcommand.get_name()), name)));
    }
    known
}

fn typed(matches: &ArgMatches, origins: Origins, warnings: Vec<String>) -> Result<Typed, ParseError> {
    let cli = Cli::from_arg_matches(matches).map_err(|error| ParseError::Clap(Box::new(error)))?;
    Ok(Typed {
        cli,
        origins,
        warnings,
    })
}

fn config_path(matches: &ArgMatches, environment: &Environment, folder: &Path) -> Option<PathBuf> {
    let named = matches.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| {
        environment
            .get(None, "config")
            .map(|(_, value)| PathBuf::from(value))
    });
    named
        .map(|path| {
            if path.is_absolute() {
                path
            } else {
                relative(folder, path)
            }
        })
        .or_else(|| {
            let path = relative(folder, PathBuf::from(config_file::DEFAULT_NAME));
            path.is_file().then_some(path)
        })
}

/// `path` below `folder`; short, as it was typed, when `folder` is the current one.
fn relative(folder: &Path, path: PathBuf) -> PathBuf {
    if folder == Path::new("") {
        path
    } else {
        folder.join(path)
    }
}

fn with_defaults(mut command: clap::Command, defaults: BTreeMap<String, Vec<String>>) -> clap::Command {
    for (id, values) in defaults {
        command = command.mut_arg(id, |arg| arg.default_values(values));
    }
    command
}

// === a flag as far as layers are concerned ===

struct Flag {
    /// The argument's name in [`crate::args`].
    id: String,
    long: String,
    /// `long` and its aliases.
    names: Vec<String>,
    switch: bool,
    multiple: bool,
}

fn flags(command: &clap::Command) -> Vec<Flag> {
    let settable = command
        .get_arguments()
        .filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    settable
        .map(|arg| {
            let id = arg.get_id().to_string();
            // Positional arguments have no flag; variables and files name them by what they are.
            let long = arg.get_long().map_or_else(|| id.replace('_', "-"), str::to_owned);
            let aliases = arg
                .get_all_aliases()
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned);
            Flag {
                names: std::iter::once(long.clone()).chain(aliases).collect(),
                switch: matches!(arg.get_action(), ArgAction::SetTrue),
                multiple: matches!(arg.get_action(), ArgAction::Append),
                id,
                long,
            }
        })
        .collect()
}

impl Flag {
    fn inverse(&self) -> String {
        format!("no_{}", self.id)
    }

    /// The values a variable holds.
    fn split(&self, value: &str) -> Vec<String> {
        let pieces: Vec<&str> = match self.id.as_str() {
            _ if !self.multiple => vec![value],
            // Values of parameters may hold anything but a new line, and rules hold commas and spaces.
            "set" | "threshold" => value.lines().collect(),
            "scenario" => value.split(',').collect(),
            _ => value.split([',', ' ', '\n', '\t']).collect(),
        };
        pieces
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// What a variable or a file says in the words the command line would use.
    fn check(&self, values: Vec<String>) -> Result<Vec<String>, String> {
        match values.as_slice() {
            _ if self.multiple => Ok(values),
            [value] if self.switch => match value.to_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(vec!["true".to_owned()]),
                "false" | "no" | "off" | "0" => Ok(vec!["false".to_owned()]),
                _ => Err(format!("`{value}` is neither true nor false")),
            },
            [_] => Ok(values),
            _ => Err("takes one value, not a list".to_owned()),
        }
    }
}

// === environment and file ===

struct Layers {
    environment: Environment,
    entries: Vec<Entry>,
    problems: Problems,
    origins: Origins,
}

impl Layers {
    /// What variables and file say about the flags that were not typed.
    fn defaults(&mut self, command: Option<&str>, matches: &ArgMatches) -> BTreeMap<String, Vec<String>> {
        let root = Cli::command();
        let own = command
            .and_then(|name| root.find_subcommand(name))
            .unwrap_or(&root);
        let mut defaults = BTreeMap::new();
        for flag in flags(own).into_iter().filter(|flag| flag.id != "config") {
            let inverse = flag.switch && command.is_none() && matches.get_flag(&flag.inverse());
            if inverse || matches.value_source(&flag.id) == Some(ValueSource::CommandLine) {
                continue;
            }
            let command = command.filter(|_| !SHARED.contains(&flag.long.as_str()));
            let Some((origin, values)) = self.find(command, &flag) else {
                continue;
            };
            match flag.check(values) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => {
                    defaults.insert(flag.id.clone(), values);
                    self.origins.layered.insert(flag.id, origin);
                }
                Err(message) => self.problems.add(Problem::new(message).at(origin)),
            }
        }
        defaults
    }

    fn find(&self, command: Option<&str>, flag: &Flag) -> Option<(Origin, Vec<String>)> {
        let variable = flag
            .names
            .iter()
            .find_map(|name| self.environment.get(command, name));
        if let Some((name, value)) = variable {
            return Some((Origin::Environment(name), flag.split(value)));
        }
        let fits = |entry: &&Entry| entry.table.as_deref() == command && flag.names.contains(&entry.key);
        self.entries
            .iter()
            .find(fits)
            .map(|entry| (entry.origin.clone(), entry.values.clone()))
    }

    fn refuse_unknown_keys(&mut self) {
        let root = Cli::command();
        let tables: Vec<&str> = root
            .get_subcommands()
            .map(clap::Command::get_name)
            .filter(|name| *name != "help")
            .collect();
        for entry in &self.entries {
            let command = match &entry.table {
                None => Some(&root),
                Some(name) if tables.contains(&name.as_str()) => root.find_subcommand(name),
                Some(_) => None,
            };
            let Some(command) = command else {
                let table = entry.table.as_deref().unwrap_or_default();
                self.problems.add(
                    Problem::new(format!("the table [{table}] means nothing here"))
                        .at(entry.origin.clone())
                        .did_you_mean(suggest::nearest(table, tables.iter().copied())),
                );
                continue;
            };
            let mut known: Vec<String> = flags(command).into_iter().flat_map(|flag| flag.names).collect();
            known.retain(|name| name != "config");
            if !known.contains(&entry.key) {
                self.problems.add(
                    Problem::new("no such key: keys are the long flags without dashes")
                        .at(entry.origin.clone())
                        .did_you_mean(suggest::nearest(&entry.key, known.iter().map(String::as_str))),
                );
            }
        }
    }
}

impl Origins {
    /// Where the value of the argument `id` was written.
    pub(crate) fn of(&self, id: &str) -> Origin {
        self.layered.get(id).cloned().unwrap_or_else(|| match id {
            "user_classes" => Origin::CommandLine("USER_CLASS".to_owned()),
            "files" => Origin::CommandLine("FILE".to_owned()),
            id => Origin::CommandLine(format!("--{}", id.replace('_', "-"))),
        })
    }
}

/// Says in our own words what clap leaves to guess.
fn explain(error: clap::Error, words: &[OsString]) -> ParseError {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return ParseError::Clap(Box::new(error));
    };
    if let Some((_, hint)) = ABSENT.iter().find(|(flag, _)| flag == word) {
        let problem = Problem::new(format!("there is no flag `{word}`")).help(format!("{hint}."));
        return ParseError::Problems(problem.into());
    }
    let problem = match word.strip_prefix("--") {
        Some(name) => {
            let subcommand = words.get(1).and_then(|word| word.to_str());
            let names = long_names(subcommand);
            let guess = suggest::nearest(name, names.iter().map(String::as_str));
            Problem::new(format!("there is no flag `{word}`"))
                .did_you_mean(guess.map(|guess| format!("--{guess}")))
        }
        None if word.starts_with('-') => Problem::new(format!("there is no flag `{word}`")),
        None => Problem::new(format!("`{word}` is not expected here")),
    };
    let problem = if problem.help.is_none() {
        problem.help("see `katydid --help` for what there is".to_owned())
    } else {
        problem
    };
    ParseError::Problems(problem.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Typed, ParseError> {
        let folder = tempfile::tempdir().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join(config_file::DEFAULT_NAME), file).unwrap();
        }
        let words: Vec<OsString> = std::iter::once("katydid")
            .chain(words.iter().copied())
            .map(Into::into)
            .collect();
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        parse(&words, &variables, folder.path())
    }

    fn problems(result: Result<Typed, ParseError>) -> String {
        match result.unwrap_err() {
            ParseError::Problems(problems) => problems.to_string(),
            ParseError::Clap(error) => error.to_string(),
        }
    }

    fn users(result: Result<Typed, ParseError>) -> Option<String> {
        result.unwrap().cli.run.load.users
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn the_command_line_beats_the_environment_beats_the_file() {
        let variable = [("KATYDID_USERS", "2")];
        assert_eq!(users(run(&[], &[], "")), None);
        assert_eq!(users(run(&[], &[], "users = 1")).as_deref(), Some("1"));
        assert_eq!(users(run(&[], &variable, "users = 1")).as_deref(), Some("2"));
        assert_eq!(
            users(run(&["-u", "3"], &variable, "users = 1")).as_deref(),
            Some("3")
        );
    }

    #[test]
    fn values_know_where_they_came_from() {
        let typed = run(&["-t", "1m"], &[("KATYDID_USERS", "2")], "\nspawn-rate = 4").unwrap();
        assert_eq!(typed.origins.of("run_time").to_string(), "--run-time");
        assert_eq!(typed.origins.of("users").to_string(), "KATYDID_USERS");
        assert!(
            typed
                .origins
                .of("spawn_rate")
                .to_string()
                .ends_with("katydid.toml:2: spawn-rate")
        );
    }

    #[test]
    fn lists_replace_each_other() {
        let file = "scenario = ['a.rhai', 'b.rhai']\ntags = ['x']";
        let test = |typed: &Typed| typed.cli.run.test.scenario.clone();
        assert_eq!(
            test(&run(&[], &[], file).unwrap()),
            [PathBuf::from("a.rhai"), PathBuf::from("b.rhai")]
        );
        assert_eq!(
            test(&run(&["-f", "c.rhai"], &[], file).unwrap()),
            [PathBuf::from("c.rhai")]
        );
        let typed = run(
            &[],
            &[("KATYDID_LOCUSTFILE", "d.rhai,e.rhai"), ("KATYDID_TAGS", "y, z")],
            file,
        )
        .unwrap();
        assert_eq!(test(&typed), [PathBuf::from("d.rhai"), PathBuf::from("e.rhai")]);
        assert_eq!(typed.cli.run.selection.tags, ["y", "z"]);
    }

    #[test]
    fn repeated_lists_add_up_and_repeated_values_win() {
        let typed = run(
            &[
                "-f", "a", "-f", "b,c", "-u", "1", "-u", "2", "--set", "A=1,2", "--set", "B=3",
            ],
            &[],
            "",
        );
        let cli = typed.unwrap().cli.run;
        assert_eq!(cli.test.scenario, ["a", "b", "c"].map(PathBuf::from));
        assert_eq!(cli.load.users.as_deref(), Some("2"));
        assert_eq!(cli.test.set, ["A=1,2", "B=3"]);
    }

    #[test]
    fn switches_are_switched_on_and_off_anywhere() {
        let headless = |words: &[&str], variables: &[(&str, &str)], file: &str| {
            run(words, variables, file)
                .unwrap()
                .cli
                .run
                .report
                .screen
                .headless
        };
        assert!(headless(&["--headless"], &[], ""));
        assert!(headless(&[], &[], "headless = true"));
        assert!(!headless(&[], &[("KATYDID_HEADLESS", "off")], "headless = true"));
        assert!(headless(&[], &[("KATYDID_HEADLESS", "1")], ""));
        assert!(!headless(
            &["--no-headless"],
            &[("KATYDID_HEADLESS", "1")],
            "headless = true"
        ));
        assert!(!headless(&["--headless", "--no-headless"], &[], ""));
        assert!(headless(&["--no-headless", "--headless"], &[], ""));
        assert_eq!(
            problems(run(&[], &[("KATYDID_HEADLESS", "maybe")], "")),
            "error: KATYDID_HEADLESS: `maybe` is neither true nor false"
        );
    }

    #[test]
    fn parameters_come_from_everywhere_too() {
        let set = |typed: Typed| typed.cli.run.test.set;
        assert_eq!(set(run(&[], &[], "[set]\nA = 1").unwrap()), ["A=1"]);
        assert_eq!(
            set(run(&[], &[("KATYDID_SET", "A=1,2\nB=x y")], "").unwrap()),
            ["A=1,2", "B=x y"]
        );
    }

    #[test]
    fn subcommands_have_their_own_table_and_variables_but_share_the_log() {
        let typed = run(
            &["target"],
            &[("KATYDID_TARGET_PORT", "1")],
            "loglevel='debug'\nhost='http://x'",
        )
        .unwrap();
        let Some(crate::args::Command::Target(target)) = typed.cli.command else {
            panic!("no target")
        };
        assert_eq!((target.port.as_deref(), target.host), (Some("1"), None));
        assert_eq!(target.log.loglevel.as_deref(), Some("debug"));
        let typed = run(&["demo"], &[], "users = 1\n[demo]\nusers = 7").unwrap();
        let Some(crate::args::Command::Demo(demo)) = typed.cli.command else {
            panic!("no demo")
        };
        assert_eq!(demo.users.as_deref(), Some("7"));
    }

    #[test]
    fn unknown_flags_and_keys_get_a_guess() {
        insta::assert_snapshot!(problems(run(&["--user", "3"], &[], "")), @r"
        error: there is no flag `--user`
          help: did you mean `--users`?
        ");
        insta::assert_snapshot!(problems(run(&["--quantum"], &[], "")), @r"
        error: there is no flag `--quantum`
          help: see `katydid --help` for what there is
        ");
        insta::assert_snapshot!(problems(run(&["--processes", "4"], &[], "")), @r"
        error: there is no flag `--processes`
          help: one process uses every core; --threads N uses fewer.
        ");
        let text = problems(run(&[], &[], "user = 3\nspawn_rat = 1\n[targe]\nport = 1"));
        let text: Vec<&str> = text
            .lines()
            .map(|line| line.rsplit("katydid.toml:").next().unwrap())
            .collect();
        assert_eq!(
            text,
            [
                "error: 3 problems",
                "1: user: no such key: keys are the long flags without dashes",
                "    help: did you mean `users`?",
                "2: spawn_rat: no such key: keys are the long flags without dashes",
                "    help: did you mean `spawn-rate`?",
                "4: port: the table [targe] means nothing here",
                "    help: did you mean `target`?",
            ]
        );
    }

    #[test]
    fn misspelt_variables_are_noticed() {
        let typed = run(&[], &[("KATYDID_USER", "3")], "").unwrap();
        assert_eq!(typed.warnings.len(), 1);
        assert!(
            run(&[], &[("KATYDID_DEMO_USERS", "3")], "")
                .unwrap()
                .warnings
                .is_empty()
        );
    }

    #[test]
    fn a_named_file_must_exist() {
        assert!(problems(run(&["--config", "nowhere.toml"], &[], "")).contains("nowhere.toml: "));
        assert!(problems(run(&[], &[("KATYDID_CONFIG", "nowhere.toml")], "")).contains("cannot read"));
    }

    #[test]
    fn help_reads_as_it_should() {
        insta::assert_snapshot!(command().term_width(100).render_help());
    }
}
