//! A test with a page: any number of runs, one after the other, on the same workers.
//!
//! In: wishes of people, snapshots of the run under way, signals. Out: runs, their reports, a picture of it all for the
//! page; and in the end the [`Exit`] the last run came to.

mod act;
mod asking;
mod editing;
mod granting;

use std::sync::Arc;
use std::time::Duration;

use katydid_master::{Assets, Expectations, Lobby, Run, RunSettings, Saved};
use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{Picture, Scenario, StartRequest};
use katydid_protocol::stats::Snapshot;
use katydid_scenario_lang::{Declarations, Program};
use katydid_web_ui::Wish;
use katydid_worker::Hook;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use self::act::{Act, News, Running, Setup, Starting};
pub(super) use self::asking::of_saved;
use super::crew::Door;
use super::reports::Reports;
use super::{HANDED_OVER, INTERRUPTED, Session, hooks, last_words, run_settings, verdict};
use crate::exit_code::{CommandError, Exit};
use crate::settings::OnSigterm;
use crate::signal::{Interrupt, Interrupts};
use crate::terminal::Terminal;

/// What a stage is set with.
#[derive(Debug)]
pub(super) struct Setting {
    /// What a run begins with unless somebody says otherwise; also what its reports are.
    pub(super) session: Session,
    /// The scenario with all its classes.
    pub(super) everything: (Program, Declarations),
    /// Where workers fetch scenarios.
    pub(super) assets: Assets,
    pub(super) expectations: Expectations,
    pub(super) door: Door,
    /// Whether workers are processes of their own.
    pub(super) is_distributed: bool,
    /// What becomes of a run when this process is told to end.
    pub(super) on_sigterm: OnSigterm,
    /// End so long after a run.
    pub(super) autoquit: Option<Duration>,
    pub(super) terminal: Arc<Terminal>,
}

/// The stage.
#[derive(Debug)]
pub(super) struct Stage {
    setting: Setting,
    /// What the next run gets unless somebody says otherwise.
    preset: Arc<StartRequest>,
    scenario: Arc<Scenario>,
    act: Act,
    /// `on_test_start` of a run that was stopped before it began: it ends when it likes.
    left_behind: Option<Setup>,
    /// Workers connected, the last time that could be seen.
    workers: u32,
    /// Of the last run, once there was one.
    last: Option<Arc<Snapshot>>,
    notice: String,
    pictures: watch::Sender<Arc<Picture>>,
    /// What the last run came to.
    exit: Exit,
    quit_at: Option<Instant>,
    /// A signal has come: the process ends with the run under way.
    leaving: bool,
    /// Another master will be there for the workers: they are not told to end, and look for it.
    hands_over: bool,
}

impl Stage {
    /// Sets it up: workers may come.
    pub(super) fn new(setting: Setting, lobby: Lobby) -> Self {
        let run = Run::gather(setting.expectations.clone(), lobby);
        let snapshot = Arc::clone(&run.snapshots.borrow());
        Self::with(setting, Act::Waiting(run), snapshot)
    }

    /// Goes on with the run a master before has left.
    pub(super) fn resume(setting: Setting, saved: Saved, lobby: Lobby) -> Result<Self, CommandError> {
        let (id, setup) = (saved.id().to_owned(), saved.setup());
        let session = Arc::new(setting.session.clone());
        let reports = Reports::open(&session.reports, Arc::clone(&setting.terminal))?;
        let run = Run::resume(saved, lobby);
        let snapshot = Arc::clone(&run.snapshots.borrow());
        let act = Act::Running(Box::new(Running::new(id, session, setup, reports, run)));
        Ok(Self::with(setting, act, snapshot))
    }

    fn with(setting: Setting, act: Act, snapshot: Arc<Snapshot>) -> Self {
        let preset = Arc::new(asking::preset(&setting.session));
        let (program, declarations) = &setting.everything;
        let scenario = Arc::new(editing::scenario(program, declarations));
        let picture = Picture {
            run: snapshot.info.id.clone(),
            snapshot,
            is_starting: false,
            scenario: Arc::clone(&scenario),
            preset: Arc::clone(&preset),
            is_distributed: setting.is_distributed,
            workers: 0,
            notice: String::new(),
        };
        Self {
            setting,
            preset,
            scenario,
            act,
            left_behind: None,
            workers: 0,
            last: None,
            notice: String::new(),
            pictures: watch::Sender::new(Arc::new(picture)),
            exit: Exit::Passed,
            quit_at: None,
            leaving: false,
            hands_over: false,
        }
    }

    /// What the page looks at.
    pub(super) fn pictures(&self) -> watch::Receiver<Arc<Picture>> {
        self.pictures.subscribe()
    }

    /// Conducts runs until somebody ends it.
    pub(super) async fn conduct(
        mut self,
        mut wishes: mpsc::Receiver<Wish>,
        mut interrupts: Interrupts,
        autostart: bool,
    ) -> Result<Exit, CommandError> {
        if autostart && let Err(refusal) = self.start(&StartRequest::default()) {
            return Err(anyhow::anyhow!("the test was not started: {}", refusal.message).into());
        }
        loop {
            self.publish();
            let quit_at = self.quit_at;
            tokio::select! {
                biased;
                interrupt = interrupts.next() => {
                    if self.interrupted(interrupt).await {
                        break;
                    }
                }
                news = self.act.news() => {
                    if self.progress(news).await? {
                        break;
                    }
                }
                Some(wish) = wishes.recv() => self.grant(wish).await,
                () = sleep_until(quit_at.unwrap_or_else(Instant::now)), if quit_at.is_some() => break,
            }
        }
        match self.act {
            Act::Waiting(_) | Act::Between if self.hands_over => return Ok(self.exit),
            Act::Waiting(run) => drop(run.finished().await),
            Act::Between => {}
            // Load threads may be in the middle of anything; they end with the process.
            Act::Running(running) => {
                let Running {
                    reports,
                    csv,
                    snapshots,
                    ..
                } = *running;
                let snapshot = Arc::clone(&snapshots.borrow());
                self.setting.session.summary.of_run(&snapshot);
                self.setting.session.summary.because(INTERRUPTED);
                last_words(reports, csv, snapshot).await;
                return Ok(self.exit);
            }
            Act::Starting(_) => return Ok(self.exit),
        }
        self.setting.door.close().await;
        Ok(self.exit)
    }

    /// A signal; true when this is the end.
    async fn interrupted(&mut self, interrupt: Interrupt) -> bool {
        if self.leaving {
            self.exit = Exit::Interrupted;
            return true;
        }
        self.leaving = true;
        let command = interrupt.command(self.setting.on_sigterm);
        self.hands_over = matches!(command, RunCommand::HandOver { .. });
        match &mut self.act {
            Act::Running(running) => {
                running.obey(command).await;
                false
            }
            Act::Waiting(_) | Act::Starting(_) | Act::Between => true,
        }
    }

    /// The act goes on; true when this is the end.
    async fn progress(&mut self, news: News) -> Result<bool, CommandError> {
        match news {
            News::Snapshot => {}
            News::Setup(result) => self.set_up(result),
            // Workers hear nothing of it, and the reports are the next master's.
            News::Over(snapshot, Some(_)) if !snapshot.state.is_over() => {
                self.act = Act::Between;
                self.exit = Exit::HandedOver;
                self.setting.session.summary.of_run(&snapshot);
                self.setting.session.summary.because(HANDED_OVER);
                return Ok(true);
            }
            News::Over(snapshot, lobby) => {
                self.over(snapshot).await;
                match lobby {
                    Some(lobby) if self.leaving => {
                        if !self.hands_over {
                            lobby.close();
                        }
                        return Ok(true);
                    }
                    Some(lobby) => {
                        let expectations = self.setting.expectations.clone();
                        self.act = Act::Waiting(Run::gather(expectations, *lobby));
                    }
                    None => return Ok(true),
                }
                self.quit_in_time();
            }
        }
        Ok(false)
    }

    /// There is no run any more, or it did not come to one: the process ends, if that was asked for.
    fn quit_in_time(&mut self) {
        self.quit_at = self.setting.autoquit.map(|after| Instant::now() + after);
    }

    /// `on_test_start` has ended: the run begins, or is called off.
    fn set_up(&mut self, result: Result<Option<Arc<str>>, anyhow::Error>) {
        let Act::Starting(starting) = std::mem::replace(&mut self.act, Act::Between) else {
            return;
        };
        let Starting {
            mut run,
            session,
            plan,
            reports,
            id,
            order,
            ..
        } = *starting;
        match result {
            Ok(setup) => {
                let expectations = self.setting.expectations.clone();
                let settings = run_settings(&session, id.clone(), order, expectations, setup.clone());
                run.begin(RunSettings { plan, ..settings });
                self.act = Act::Running(Box::new(Running::new(id, session, setup, reports, run)));
            }
            Err(error) => {
                self.notice = format!("{error:#}");
                tracing::error!("the test was not started: {}", self.notice);
                self.setting.session.summary.instead_of_run(&self.notice);
                self.exit = Exit::Failed(Exit::DEFAULT_FAILED);
                self.act = Act::Waiting(run);
                self.quit_in_time();
            }
        }
    }

    /// A run is over: reports, and `on_test_stop`.
    async fn over(&mut self, snapshot: Arc<Snapshot>) {
        let Act::Running(running) = std::mem::replace(&mut self.act, Act::Between) else {
            return;
        };
        self.last = Some(Arc::clone(&snapshot));
        let Running {
            session,
            setup,
            reports,
            csv,
            ..
        } = *running;
        let told = reports.finish(csv, Arc::clone(&snapshot)).await;
        self.publish();
        let cleared_up = hooks::run(&session, Hook::TestStop, setup).await.map(drop);
        self.exit = verdict(&session, &snapshot, &[told, cleared_up]);
    }

    fn publish(&mut self) {
        // A run that people see is over has written its reports and makes room for the next: `over` will say so.
        if self.act.is_ending() {
            return;
        }
        self.workers = self.act.workers(self.workers);
        let shown = match (&self.act, &self.last) {
            (Act::Waiting(_) | Act::Between, Some(last)) => Some(Arc::clone(last)),
            (act, _) => act.snapshot(),
        };
        let snapshot = shown.unwrap_or_else(|| Arc::clone(&self.pictures.borrow().snapshot));
        let run = self
            .act
            .run()
            .map_or_else(|| snapshot.info.id.clone(), |run| run.id);
        let picture = Picture {
            run,
            is_starting: self.act.is_starting(),
            workers: self.workers,
            snapshot,
            scenario: Arc::clone(&self.scenario),
            preset: Arc::clone(&self.preset),
            is_distributed: self.setting.is_distributed,
            notice: self.notice.clone(),
        };
        self.pictures.send_replace(Arc::new(picture));
    }
}

#[cfg(test)]
#[path = "stage/tests.rs"]
mod tests;
