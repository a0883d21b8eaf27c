//! Watches a run from the terminal: shows how it goes, passes on keys and signals.
//!
//! In: snapshots, the clock, keys, signals. Out: tables or a progress line, commands to the run, and in the end the
//! run's [`Ending`]. Decisions are made in [`Conduct::handle`], without a runtime.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use katydid_master::report::text::{self, Rates};
use katydid_protocol::command::RunCommand;
use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::{Session, progress};
use crate::keys::{self, Keys};
use crate::settings::{OnSigterm, Screen};
use crate::signal::{Interrupt, Interrupts};
use crate::terminal::Terminal;

/// Time between two tables, as in Locust.
const TABLE_EVERY: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// By itself or because it was asked to; the numbers are final.
    Finished(Arc<Snapshot>),
    /// Not at all: another master goes on with it; the numbers are those of the last second.
    HandedOver(Arc<Snapshot>),
    /// By a second interrupt; the numbers are those of the last second.
    Aborted(Arc<Snapshot>),
}

/// Watches one run.
#[derive(Debug)]
pub(super) struct Conduct {
    terminal: Arc<Terminal>,
    screen: Screen,
    run_time: Option<Duration>,
    stop_timeout: Duration,
    on_sigterm: OnSigterm,
    commands: mpsc::Sender<RunCommand>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Commands the run has not had room for yet.
    outbox: VecDeque<RunCommand>,
    interrupted: bool,
    has_keys: bool,
}

/// What happens to somebody who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// There are new numbers.
    Snapshot,
    /// It is time for a table.
    TableDue,
    /// A key was pressed: so many users more or fewer.
    Change(i64),
    /// Somebody wants this to end.
    Interrupt(Interrupt),
}

/// What to do about it.
#[derive(Debug, PartialEq)]
enum Effect {
    Nothing,
    ShowTable,
    ShowProgress,
    /// Tell the run, and the person why nothing seems to happen.
    Stop(Interrupt),
    Change(i64),
    Abort,
}

impl Conduct {
    pub(super) fn new(
        session: &Session,
        on_sigterm: OnSigterm,
        terminal: Arc<Terminal>,
        commands: mpsc::Sender<RunCommand>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        let screen = match session.screen {
            Screen::Progress if !terminal.is_interactive() => Screen::Table,
            screen => screen,
        };
        Self {
            terminal,
            screen,
            run_time: session.plan.length(),
            stop_timeout: session.plan.stop_timeout,
            on_sigterm,
            commands,
            snapshots,
            outbox: VecDeque::new(),
            interrupted: false,
            has_keys: false,
        }
    }

    /// Watches until `finished` or until somebody insists.
    pub(super) async fn watch(
        mut self,
        finished: impl Future<Output = Arc<Snapshot>>,
        mut interrupts: Interrupts,
        mut keys: Option<Keys>,
    ) -> Ending {
        let mut finished = std::pin::pin!(finished);
        let mut tables = interval(TABLE_EVERY);
        tables.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.has_keys = keys.is_some();
        let mut running = true;
        loop {
            let event = tokio::select! {
                biased;
                interrupt = interrupts.next() => Event::Interrupt(interrupt),
                snapshot = &mut finished => return if snapshot.state.is_over() {
                    Ending::Finished(snapshot)
                } else {
                    Ending::HandedOver(snapshot)
                },
                place = self.commands.reserve(), if !self.outbox.is_empty() => {
                    match (place, self.outbox.pop_front()) {
                        (Ok(place), Some(command)) => place.send(command),
                        // The run is over; its last snapshot is on the way.
                        _ => self.outbox.clear(),
                    }
                    continue;
                }
                change = next_key(&mut keys) => Event::Change(change),
                changed = self.snapshots.changed(), if running => {
                    running = changed.is_ok();
                    Event::Snapshot
                }
                _ = tables.tick() => Event::TableDue,
            };
            if self.perform(&event) {
                return Ending::Aborted(Arc::clone(&self.snapshots.borrow()));
            }
        }
    }

    /// Decides.
    fn handle(&mut self, event: &Event) -> Effect {
        match event {
            Event::Snapshot if self.screen == Screen::Progress => Effect::ShowProgress,
            Event::TableDue if self.screen == Screen::Table => Effect::ShowTable,
            Event::Snapshot | Event::TableDue => Effect::Nothing,
            Event::Change(_) if self.interrupted => Effect::Nothing,
            Event::Change(change) => Effect::Change(*change),
            Event::Interrupt(_) if self.interrupted => Effect::Abort,
            Event::Interrupt(interrupt) => {
                self.interrupted = true;
                Effect::Stop(*interrupt)
            }
        }
    }

    /// Does what was decided; true when the watching is over.
    fn perform(&mut self, event: &Event) -> bool {
        match self.handle(event) {
            Effect::Nothing => {}
            Effect::ShowTable => {
                let snapshot = Arc::clone(&self.snapshots.borrow());
                self.terminal.note(&text::stats_table(
                    &snapshot,
                    self.terminal.name_width(),
                    Rates::Current,
                ));
            }
            Effect::ShowProgress => {
                let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
                self.terminal
                    .progress(Some(&progress::line(&snapshot, self.run_time, self.has_keys)));
            }
            Effect::Change(change) => {
                self.outbox.push_back(RunCommand::AddUsers {
                    change,
                    spawn_rate: keys::SPAWN_RATE,
                });
            }
            Effect::Stop(interrupt) => {
                let command = interrupt.command(self.on_sigterm);
                let ends = !matches!(command, RunCommand::HandOver { .. });
                self.outbox.push_back(command);
                if ends && !self.stop_timeout.is_zero() {
                    let grace = format::duration(self.stop_timeout);
                    tracing::info!(
                        "Running iterations get {grace} to finish; interrupt again to end at once"
                    );
                }
            }
            Effect::Abort => {
                tracing::error!("Interrupted twice: what was under way is not counted");
                return true;
            }
        }
        false
    }
}

/// The next key; never when there are no keys.
pub(super) async fn next_key(keys: &mut Option<Keys>) -> i64 {
    match keys {
        None => std::future::pending().await,
        Some(listening) => match listening.next().await {
            Some(change) => change,
            None => {
                *keys = None;
                std::future::pending().await
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::RunState;

    use super::*;
    use crate::session::progress::tests::snapshot;

    fn conduct(screen: Screen) -> (Conduct, mpsc::Receiver<RunCommand>) {
        let (commands, receiver) = mpsc::channel(1);
        let conduct = Conduct {
            terminal: Arc::new(Terminal::new()),
            screen,
            run_time: None,
            stop_timeout: Duration::ZERO,
            on_sigterm: OnSigterm::End,
            commands,
            snapshots: watch::channel(Arc::new(snapshot(RunState::Running))).1,
            outbox: VecDeque::new(),
            interrupted: false,
            has_keys: false,
        };
        (conduct, receiver)
    }

    #[test]
    fn the_first_interrupt_stops_and_the_second_aborts() {
        let (mut conduct, _receiver) = conduct(Screen::Quiet);
        assert_eq!(conduct.handle(&Event::Change(10)), Effect::Change(10));
        assert_eq!(
            conduct.handle(&Event::Interrupt(Interrupt::CtrlC)),
            Effect::Stop(Interrupt::CtrlC)
        );
        assert_eq!(conduct.handle(&Event::Change(10)), Effect::Nothing);
        assert_eq!(
            conduct.handle(&Event::Interrupt(Interrupt::Terminate)),
            Effect::Abort
        );
    }

    #[test]
    fn a_signal_of_the_system_means_what_the_master_was_told() {
        let asked = |on_sigterm, interrupt| {
            let (mut conduct, _receiver) = conduct(Screen::Quiet);
            conduct.on_sigterm = on_sigterm;
            conduct.perform(&Event::Interrupt(interrupt));
            conduct.outbox.pop_front().unwrap()
        };
        let got = |more: &str| format!("Got SIGTERM{more}");
        assert_eq!(
            asked(OnSigterm::End, Interrupt::Terminate),
            RunCommand::Stop { reason: got("") }
        );
        let reason = got(" before the run was over");
        assert_eq!(
            asked(OnSigterm::Stop, Interrupt::Terminate),
            RunCommand::CutShort { reason }
        );
        assert_eq!(
            asked(OnSigterm::HandOver, Interrupt::Terminate),
            RunCommand::HandOver { reason: got("") }
        );
        for on_sigterm in [OnSigterm::Stop, OnSigterm::HandOver] {
            let asked = asked(on_sigterm, Interrupt::CtrlC);
            assert!(matches!(asked, RunCommand::Stop { .. }), "somebody is there");
        }
    }

    #[test]
    fn every_screen_shows_its_own() {
        for (screen, on_snapshot, on_tick) in [
            (Screen::Quiet, Effect::Nothing, Effect::Nothing),
            (Screen::Table, Effect::Nothing, Effect::ShowTable),
            (Screen::Progress, Effect::ShowProgress, Effect::Nothing),
        ] {
            let (mut conduct, _receiver) = conduct(screen);
            assert_eq!(conduct.handle(&Event::Snapshot), on_snapshot);
            assert_eq!(conduct.handle(&Event::TableDue), on_tick);
        }
    }

    #[tokio::test]
    async fn commands_arrive_in_order_though_the_channel_is_small() {
        let (mut conduct, mut receiver) = conduct(Screen::Quiet);
        for change in [1, 10] {
            conduct.perform(&Event::Change(change));
        }
        conduct.perform(&Event::Interrupt(Interrupt::CtrlC));
        let (done, finished) = tokio::sync::oneshot::channel();
        let run = async {
            let mut seen = Vec::new();
            while seen.len() < 3 {
                seen.push(receiver.recv().await.unwrap());
            }
            done.send(Arc::new(snapshot(RunState::Stopped))).unwrap();
            seen
        };
        let interrupts = Interrupts::listen().unwrap();
        let (ending, seen) = tokio::join!(
            conduct.watch(async { finished.await.unwrap() }, interrupts, None),
            run
        );
        assert!(matches!(ending, Ending::Finished(_)));
        let add = |change| RunCommand::AddUsers {
            change,
            spawn_rate: 100.0,
        };
        assert_eq!(
            seen,
            [
                add(1),
                add(10),
                RunCommand::Stop {
                    reason: "Interrupted by Ctrl-C".to_owned()
                }
            ]
        );
    }
}
