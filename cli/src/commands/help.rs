//! `katydid help`: flags, commands, and the scenario language.
//!
//! In: a topic. Out: its text on stdout.

use anyhow::Context;

use crate::args::HelpArgs;
use crate::exit_code::{CommandError, Exit};
use crate::layers;
use crate::problem::{Problem, Problems};
use crate::suggest;
use crate::terminal::Terminal;

/// What there is help on.
const TOPICS: [&str; 7] = ["run", "scenario", "check", "demo", "target", "passwd", "help"];

/// Prints help.
///
/// # Errors
///
/// A topic that does not exist.
pub(super) fn help(args: &HelpArgs, terminal: &Terminal) -> Result<Exit, CommandError> {
    let text = text(args.topic.as_deref())?;
    terminal.print(&text).context("cannot write to stdout")?;
    Ok(Exit::Passed)
}

fn text(topic: Option<&str>) -> Result<String, Problems> {
    let mut command = layers::command();
    // Names the subcommand's usage after the whole command line.
    command.build();
    match topic {
        None | Some("run") => Ok(command.render_help().to_string()),
        Some("scenario") => Ok(katydid_scenario_lang::reference().to_owned()),
        Some(topic) => match command.find_subcommand_mut(topic) {
            Some(command) => Ok(command.render_help().to_string()),
            None => {
                let help = suggest::nearest(topic, TOPICS).map_or_else(
                    || format!("there is help on {}", TOPICS.join(", ")),
                    |guess| format!("did you mean `katydid help {guess}`?"),
                );
                Err(Problem::new(format!("there is no help on `{topic}`"))
                    .help(help)
                    .into())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_text() {
        for topic in TOPICS {
            assert!(text(Some(topic)).unwrap().len() > 100, "{topic}");
        }
        assert!(text(Some("target")).unwrap().contains("Usage: katydid target"));
        assert_eq!(text(None).unwrap(), text(Some("run")).unwrap());
    }

    #[test]
    fn other_topics_get_a_guess() {
        insta::assert_snapshot!(text(Some("scenarios")).unwrap_err(), @r"
        error: there is no help on `scenarios`
          help: did you mean `katydid help scenario`?
        ");
        insta::assert_snapshot!(text(Some("quantum")).unwrap_err(), @r"
        error: there is no help on `quantum`
          help: there is help on run, scenario, check, demo, target, passwd, help
        ");
    }
}
