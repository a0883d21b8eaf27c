//! The settings of the subcommands.
//!
//! In: what was typed after `check`, `demo`, `target` or `passwd`. Out: their settings in types.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use katydid_scenario_lang::LoadSettings;
use katydid_web_ui::access::Role as AccountRole;

use super::run::parameters;
use super::{LogSettings, Reader, TraceChoice, values};
use crate::args::{CheckArgs, DemoArgs, PasswdArgs, TargetArgs};
use crate::layers::Origins;
use crate::problem::Problems;

/// What `katydid check` looks at.
#[derive(Debug)]
pub(crate) struct CheckSettings {
    /// Scenario files and folders.
    pub(crate) files: Vec<PathBuf>,
    /// What the scenarios get to see.
    pub(crate) load: LoadSettings,
    /// What to trace, if anything.
    pub(crate) trace: Option<TraceChoice>,
}

/// How `katydid demo` goes.
#[derive(Debug)]
pub(crate) struct DemoSettings {
    /// Users at the peak.
    pub(crate) users: u32,
    /// Users started per second.
    pub(crate) spawn_rate: f64,
    /// How long.
    pub(crate) run_time: Duration,
    /// How to log.
    pub(crate) log: LogSettings,
}

/// What `katydid target` serves.
#[derive(Debug)]
pub(crate) struct TargetOptions {
    /// Where to listen.
    pub(crate) bind: SocketAddr,
    /// Share of `/flaky` that fails; `None` for the target's own.
    pub(crate) flaky_rate: Option<f64>,
    /// The Redis that counts, if one does.
    pub(crate) redis: Option<String>,
    /// How to log.
    pub(crate) log: LogSettings,
}

/// What `katydid passwd` changes.
#[derive(Debug)]
pub(crate) struct PasswdSettings {
    /// The accounts file.
    pub(crate) file: PathBuf,
    /// Of a user, or of a token.
    pub(crate) name: String,
    /// Whether it is a token.
    pub(crate) token: bool,
    /// What is to be done.
    pub(crate) change: AccountChange,
}

/// What becomes of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountChange {
    /// It is made, or gets a new secret.
    Set(AccountRole),
    /// It is taken out.
    Remove,
}

impl CheckSettings {
    /// Reads the settings; `environment` is what the scenario's `env()` sees.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn read(
        args: &CheckArgs,
        origins: &Origins,
        environment: HashMap<String, String>,
    ) -> Result<Self, Problems> {
        let mut reader = Reader::new(origins);
        let settings = Self {
            files: args.files.clone(),
            load: LoadSettings {
                environment,
                parameters: parameters(&args.set, &mut reader),
                host: reader.value("host", args.host.as_ref(), values::host),
                ..LoadSettings::default()
            },
            trace: TraceChoice::read(&args.trace, &mut reader),
        };
        reader.finish(settings)
    }
}

impl DemoSettings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn read(args: &DemoArgs, origins: &Origins) -> Result<Self, Problems> {
        let mut reader = Reader::new(origins);
        let settings = Self {
            users: reader
                .value("users", args.users.as_ref(), values::users)
                .unwrap_or(12),
            spawn_rate: reader
                .value("spawn_rate", args.spawn_rate.as_ref(), values::rate)
                .unwrap_or(3.0),
            run_time: reader
                .value("run_time", args.run_time.as_ref(), values::positive_time)
                .unwrap_or(Duration::from_secs(20)),
            log: LogSettings::read(&args.log, &mut reader),
        };
        reader.finish(settings)
    }
}

impl TargetOptions {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn read(args: &TargetArgs, origins: &Origins) -> Result<Self, Problems> {
        let mut reader = Reader::new(origins);
        let host = reader.value("host", args.host.as_ref(), values::address);
        let port = reader.value("port", args.port.as_ref(), values::port);
        let settings = Self {
            bind: SocketAddr::new(
                host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                port.unwrap_or(8000),
            ),
            flaky_rate: reader.value("flaky_rate", args.flaky_rate.as_ref(), values::share),
            redis: args.redis.clone(),
            log: LogSettings::read(&args.log, &mut reader),
        };
        reader.finish(settings)
    }
}

impl PasswdSettings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn read(args: &PasswdArgs, origins: &Origins) -> Result<Self, Problems> {
        let mut reader = Reader::new(origins);
        let role = reader.value("role", args.role.as_ref(), role);
        let settings = Self {
            file: reader.path("file", Some(&args.file)).unwrap_or_default(),
            name: args.name.clone(),
            token: args.token,
            change: if args.remove {
                AccountChange::Remove
            } else {
                AccountChange::Set(role.unwrap_or(AccountRole::Operator))
            },
        };
        reader.finish(settings)
    }
}

fn role(text: &str) -> Result<AccountRole, String> {
    match text {
        "operator" => Ok(AccountRole::Operator),
        "viewer" => Ok(AccountRole::Viewer),
        _ => Err(format!("`{text}` is no role: use operator or viewer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;
    use crate::layers;

    fn command(words: &[&str]) -> (Command, Origins) {
        let folder = tempfile::tempdir().unwrap();
        let words: Vec<_> = std::iter::once("katydid")
            .chain(words.iter().copied())
            .map(Into::into)
            .collect();
        let typed = layers::parse(&words, &HashMap::new(), folder.path()).unwrap();
        (typed.cli.command.unwrap(), typed.origins)
    }

    #[test]
    fn the_target_listens_where_it_is_told() {
        let target = |words: &[&str]| match command(words) {
            (Command::Target(args), origins) => {
                TargetOptions::read(&args, &origins).map_err(|p| p.to_string())
            }
            _ => panic!("no target"),
        };
        assert_eq!(target(&["target"]).unwrap().bind.to_string(), "127.0.0.1:8000");
        assert_eq!(
            target(&["target", "--host", "::", "--port", "0"])
                .unwrap()
                .bind
                .to_string(),
            "[::]:0"
        );
        assert_eq!(
            target(&["target", "--flaky-rate", "0.5"]).unwrap().flaky_rate,
            Some(0.5)
        );
        assert!(
            target(&["target", "--port", "x", "--flaky-rate", "2"])
                .unwrap_err()
                .contains("2 problems")
        );
    }

    #[test]
    fn the_demo_is_twelve_users_for_twenty_seconds() {
        let demo = |words: &[&str]| match command(words) {
            (Command::Demo(args), origins) => DemoSettings::read(&args, &origins).unwrap(),
            _ => panic!("no demo"),
        };
        assert_eq!(
            (demo(&["demo"]).users, demo(&["demo"]).run_time),
            (12, Duration::from_secs(20))
        );
        assert_eq!(demo(&["demo", "-u", "3", "-r", "1", "-t", "5s"]).spawn_rate, 1.0);
    }

    #[test]
    fn check_takes_files_and_parameters() {
        let (Command::Check(args), origins) = command(&["check", "a.rhai", "b", "--set", "A=1"]) else {
            panic!("no check")
        };
        let settings = CheckSettings::read(&args, &origins, HashMap::new()).unwrap();
        assert_eq!(settings.files.len(), 2);
        assert_eq!(settings.load.parameters.len(), 1);
    }
}
