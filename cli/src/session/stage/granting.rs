//! What people wish, granted or refused.
//!
//! In: [`Wish`]es, and what the stage is at. Out: a run that begins, changes or ends; an answer to whoever asked, who sees
//! what came of it in the next picture.

use std::sync::Arc;

use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{EditRequest, Granted, Refusal, StartField, StartRequest};
use katydid_web_ui::{Answer, Wish};
use katydid_worker::Hook;

use super::act::Starting;
use super::{Act, Stage, asking};
use crate::session::reports::Reports;
use crate::session::{hooks, order, run_id};

impl Stage {
    /// Grants a wish, or refuses it; one that nobody waits for any more is passed over.
    pub(super) async fn grant(&mut self, wish: Wish) {
        if wish.is_forgotten() {
            return;
        }
        match wish {
            Wish::Start(request, answer) => {
                let result = self.start(&request);
                // Whoever is answered looks at the picture next. They may have gone.
                self.publish();
                drop(answer.send(result));
            }
            Wish::Edit(request, answer) => {
                let result = self.edit(&request).await;
                self.publish();
                drop(answer.send(result));
            }
            Wish::Swarm(request, answer) => {
                let result = self.swarm(&request).await;
                self.publish();
                drop(answer.send(result));
            }
            Wish::Command(command) => match &mut self.act {
                Act::Running(running) => drop(running.commands.send(command).await),
                // The run is over: its numbers leave the page.
                _ if command == RunCommand::ResetStats => self.last = None,
                _ => {}
            },
            Wish::Stop => self.stop().await,
            Wish::Check(source, answer) => {
                drop(answer.send(self.check(source).map(|checked| checked.summary)))
            }
            Wish::Save(source, answer) => {
                let result = self.save(source);
                self.publish();
                drop(answer.send(result));
            }
        }
    }

    /// Begins a run: checks what is asked for, and lets `on_test_start` run.
    pub(super) fn start(&mut self, request: &StartRequest) -> Answer {
        self.could_start()?;
        let (session, preset) = asking::session(&self.setting, &self.preset, request)?;
        let reports = Reports::open(&session.reports, Arc::clone(&self.setting.terminal))
            .map_err(|error| Refusal::new(error.to_string()))?;
        let id = run_id();
        let order = order::assemble(&id, &session.program, &session.declarations, &self.setting.assets)
            .map_err(|error| Refusal::new(format!("{error:#}")))?;
        let Act::Waiting(run) = std::mem::replace(&mut self.act, Act::Between) else {
            return Err(Refusal::for_now(ENDING));
        };
        self.preset = Arc::new(preset);
        self.notice.clear();
        self.quit_at = None;
        self.left_behind = None;
        let session = Arc::new(session);
        let for_hook = Arc::clone(&session);
        let setup = tokio::spawn(async move { hooks::run(&for_hook, Hook::TestStart, None).await });
        self.act = Act::Starting(Box::new(Starting {
            run,
            plan: session.plan.clone(),
            session,
            reports,
            id,
            order,
            setup,
        }));
        let granted = self.act.run().ok_or_else(|| Refusal::for_now(ENDING))?;
        Ok(Granted {
            is_new: true,
            ..granted
        })
    }

    /// Whether this is a moment at which a run can begin.
    fn could_start(&self) -> Result<(), Refusal> {
        if self.leaving {
            return Err(Refusal::at_the_end("Katydid is about to end"));
        }
        let why = match &self.act {
            Act::Waiting(_) => {
                // A hook cannot be cut off, and two at a time would be in each other's way.
                let goes_on = |setup: &super::Setup| !setup.is_finished();
                if self.left_behind.as_ref().is_some_and(goes_on) {
                    "on_test_start of the test that was stopped has not ended yet: try again when it has, within a \
                     minute"
                } else {
                    return Ok(());
                }
            }
            Act::Starting(_) => "a test is starting already: edit it, or stop it first",
            Act::Running(running) if !running.is_stopping() => {
                "a test is running already: edit it, or stop it first"
            }
            Act::Running(_) | Act::Between => ENDING,
        };
        Err(Refusal::for_now(why))
    }

    /// Gives the run under way other numbers of users.
    async fn edit(&mut self, asked: &EditRequest) -> Answer {
        let granted = self.act.run();
        let EditRequest { users, spawn_rate } = *asked;
        match &mut self.act {
            Act::Starting(starting) => {
                starting.plan.users = users;
                starting.plan.spawn_rate = spawn_rate;
            }
            Act::Running(running) if !running.is_stopping() => {
                let command = RunCommand::SetUsers { users, spawn_rate };
                if running.commands.send(command).await.is_err() {
                    return Err(Refusal::for_now(ENDING));
                }
            }
            Act::Running(_) => return Err(Refusal::for_now(ENDING)),
            Act::Waiting(_) | Act::Between => {}
        }
        let granted = granted.ok_or_else(|| Refusal::for_now("no test is running: start one first"))?;
        // What people have changed is what they mean next time.
        let preset = Arc::make_mut(&mut self.preset);
        preset.users = Some(users);
        preset.spawn_rate = Some(spawn_rate);
        Ok(granted)
    }

    /// Begins a run, or gives the one under way other numbers of users.
    async fn swarm(&mut self, request: &StartRequest) -> Answer {
        let Some(run) = self.act.run() else {
            return self.start(request);
        };
        if let Some(Some(given)) = &request.host
            && !self.act.is_stopping()
            && run.host.as_deref().map(bare) != Some(bare(given))
        {
            let own = run.host.as_deref().unwrap_or("the hosts of its user classes");
            return Err(Refusal::of(
                StartField::Host,
                format!(
                    "the test that is running sends its load to {own}: stop it first to send load to {given}"
                ),
            ));
        }
        self.edit(&EditRequest {
            users: request.users.or(self.preset.users).unwrap_or(1),
            spawn_rate: request.spawn_rate.or(self.preset.spawn_rate).unwrap_or(1.0),
        })
        .await
    }

    /// Ends the run under way, or calls off the one that was to begin.
    async fn stop(&mut self) {
        match std::mem::replace(&mut self.act, Act::Between) {
            Act::Running(mut running) => {
                running.stop("stopped on the page".to_owned()).await;
                self.act = Act::Running(running);
            }
            Act::Starting(starting) => {
                tracing::info!("The test was stopped before it began");
                self.left_behind = Some(starting.setup);
                self.act = Act::Waiting(starting.run);
                self.quit_in_time();
            }
            act => self.act = act,
        }
    }
}

/// What is said while a run comes to its end.
const ENDING: &str = "the last test is still ending: try again when it is over";

/// A host with and without a slash at its end is the same.
fn bare(host: &str) -> &str {
    host.trim().trim_end_matches('/')
}
