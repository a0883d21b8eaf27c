//! The worker's control: obeys the run's directives, and sends up what its threads measured.
//!
//! One loop: directives, threads' reports and a tick become synchronous calls of [`Agent`]'s state. Deltas merge while
//! the run is not taking them: at most one waits, however long that lasts.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::directive::{Directive, Share};
use katydid_protocol::dispatch::{Assignment, parts, rebalance};
use katydid_protocol::progress::Progress;
use katydid_protocol::report::{WorkerReport, WorkerStatus};
use katydid_protocol::stats::Delta;
use katydid_protocol::timetable::Lane;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::RunClock;
use crate::rows::RowStore;
use crate::thread::{ThreadCommand, ThreadEvent, ThreadReport};

/// What a worker's control works with.
#[derive(Debug)]
pub(crate) struct Agent {
    threads: Vec<mpsc::Sender<ThreadCommand>>,
    rows: Arc<RowStore>,
    /// What each thread has been told, and how far it is with it.
    progress: Vec<Progress>,
    /// The run's clock, once there is a run.
    clock: Option<RunClock>,
    /// Each thread's last word on its users.
    statuses: Vec<WorkerStatus>,
    stopped: Vec<bool>,
    pending: Delta,
    sequence: u64,
    epoch: u64,
    /// Which life of the statistics is counted.
    generation: u32,
    status_due: bool,
    abandoned: u32,
    stop_reasons: Vec<String>,
}

impl Agent {
    pub(crate) fn new(threads: Vec<mpsc::Sender<ThreadCommand>>, rows: Arc<RowStore>) -> Self {
        let count = threads.len();
        Self {
            threads,
            rows,
            progress: vec![Progress::default(); count],
            clock: None,
            statuses: vec![WorkerStatus::default(); count],
            stopped: vec![false; count],
            pending: Delta::default(),
            sequence: 0,
            epoch: 0,
            generation: 0,
            status_due: false,
            abandoned: 0,
            stop_reasons: Vec::new(),
        }
    }

    /// Runs until every thread has stopped and everything has been sent, or until the run is gone.
    pub(crate) async fn run(
        mut self,
        mut directives: mpsc::Receiver<Directive>,
        mut events: mpsc::Receiver<ThreadReport>,
        reports: mpsc::Sender<WorkerReport>,
    ) {
        let mut run_is_there = true;
        let rows = Arc::clone(&self.rows);
        loop {
            let has_news = self.has_news();
            tokio::select! {
                directive = directives.recv(), if run_is_there => match directive {
                    Some(directive) => self.obey(directive).await,
                    None => {
                        // Nobody will tell us to stop any more, and nobody would count what users do.
                        run_is_there = false;
                        self.obey(Directive::Stop { grace: Duration::ZERO }).await;
                    }
                },
                event = events.recv() => match event {
                    Some(report) => self.take(report),
                    None => {
                        let lost = "all load threads have ended unexpectedly".to_owned();
                        let _ = reports.send(WorkerReport::Failed(lost)).await;
                        return;
                    }
                },
                // What is asked for is news.
                () = rows.asked() => {}
                place = reports.reserve(), if has_news => match place {
                    Ok(place) => if let Some(report) = self.next_report() { place.send(report) },
                    // The run is gone; its end of the directives says so too.
                    Err(_) => self.forget_news(),
                },
            }
            if self.stopped.iter().all(|stopped| *stopped) {
                self.finish(&reports).await;
                return;
            }
        }
    }

    async fn obey(&mut self, directive: Directive) {
        match directive {
            Directive::Begin {
                elapsed,
                setup,
                arrivals,
                ..
            } => {
                let clock = RunClock::reading(elapsed);
                self.clock = Some(clock);
                for thread in 0..self.threads.len() {
                    let begin = ThreadCommand::Begin {
                        clock,
                        setup: setup.clone(),
                        arrivals: arrivals.clone(),
                    };
                    self.tell(thread, begin).await;
                }
            }
            Directive::Share(share) => {
                if share.epoch > self.epoch {
                    self.spread(&share).await;
                }
            }
            Directive::Partition { index, count } => self.rows.set_partition(index, count),
            Directive::Rows {
                data,
                rows,
                exhausted,
            } => self.rows.granted(&data, rows, exhausted),
            // It is said again on each new connection: a reset that is known already took what it took.
            Directive::ResetStats { generation } if generation <= self.generation => {}
            Directive::ResetStats { generation } => {
                self.generation = generation;
                self.pending = Delta {
                    generation,
                    ..Delta::default()
                };
                for thread in 0..self.threads.len() {
                    self.tell(thread, ThreadCommand::Reset { generation }).await;
                }
            }
            Directive::Stop { grace } => {
                for thread in 0..self.threads.len() {
                    self.tell(thread, ThreadCommand::Stop { grace }).await;
                }
            }
        }
    }

    /// Gives each thread its part; threads with changes take turns, so that the share's rate is kept.
    async fn spread(&mut self, share: &Share) {
        self.epoch = share.epoch;
        let capacities = vec![1.0; self.threads.len()];
        let now = self.clock.map_or(share.from, |clock| clock.read(Instant::now()));
        let goals: Assignment = self
            .progress
            .iter()
            .map(|thread| thread.goal().to_vec())
            .collect();
        let present: Assignment = self.progress.iter().map(|thread| thread.users_at(now)).collect();
        let wanted = rebalance(&goals, &capacities, &share.users);
        let mut parts = parts(share, &present, &wanted);
        if let Some(lane) = &share.lane {
            take_turns(lane, &mut parts);
        }
        for (thread, part) in parts.into_iter().enumerate() {
            self.progress[thread].follow(part.clone(), now);
            self.tell(thread, ThreadCommand::Share(part)).await;
        }
    }

    /// Load threads read their commands between turns of their users; a thread that has ended needs none.
    async fn tell(&self, thread: usize, command: ThreadCommand) {
        let _ = self.threads[thread].send(command).await;
    }

    fn take(&mut self, report: ThreadReport) {
        match report.event {
            ThreadEvent::Second { delta, status } => {
                self.pending.merge(*delta);
                self.statuses[report.thread] = status;
                self.status_due = true;
                self.rows.ask_again();
            }
            ThreadEvent::StopRequested(reason) => self.stop_reasons.push(reason),
            ThreadEvent::Stopped {
                delta,
                status,
                abandoned,
            } => {
                self.pending.merge(*delta);
                self.statuses[report.thread] = status;
                self.stopped[report.thread] = true;
                self.abandoned += abandoned;
                self.status_due = true;
            }
        }
    }

    fn has_news(&self) -> bool {
        !self.stop_reasons.is_empty()
            || !self.pending.is_empty()
            || self.status_due
            || self.rows.has_request()
    }

    fn forget_news(&mut self) {
        self.pending = Delta::default();
        self.status_due = false;
        self.stop_reasons.clear();
        self.rows.forget_requests();
    }

    fn next_report(&mut self) -> Option<WorkerReport> {
        if !self.stop_reasons.is_empty() {
            return Some(WorkerReport::StopRequested {
                reason: self.stop_reasons.swap_remove(0),
            });
        }
        // Users wait for the answer.
        if let Some(request) = self.rows.next_request() {
            return Some(WorkerReport::RowsWanted {
                data: request.data,
                len: request.len,
                count: request.count,
            });
        }
        if !self.pending.is_empty() {
            return Some(self.next_delta());
        }
        if std::mem::take(&mut self.status_due) {
            return Some(WorkerReport::Status(self.status()));
        }
        None
    }

    fn next_delta(&mut self) -> WorkerReport {
        self.sequence += 1;
        let next = Delta {
            generation: self.pending.generation,
            ..Delta::default()
        };
        WorkerReport::Delta {
            sequence: self.sequence,
            delta: Box::new(std::mem::replace(&mut self.pending, next)),
        }
    }

    fn status(&self) -> WorkerStatus {
        let mut sum = WorkerStatus {
            settled: true,
            epoch: self.epoch,
            ..WorkerStatus::default()
        };
        for status in &self.statuses {
            add(&mut sum.users, &status.users);
            add(&mut sum.retired, &status.retired);
            sum.settled &= status.settled && status.epoch == self.epoch;
        }
        sum
    }

    /// The last words: whatever was still pending, the users at the end, and that there is nothing more.
    async fn finish(&mut self, reports: &mpsc::Sender<WorkerReport>) {
        self.rows.forget_requests();
        let mut last = Vec::new();
        while let Some(report) = self.next_report() {
            last.push(report);
        }
        if self.abandoned > 0 {
            last.push(WorkerReport::Warning(format!(
                "{} users did not end in time and were abandoned; requests they had under way are not counted",
                self.abandoned
            )));
        }
        let unused = self.rows.unused().into_iter();
        last.extend(unused.map(|(data, rows)| WorkerReport::RowsReturned { data, rows }));
        last.push(WorkerReport::Stopped);
        for report in last {
            if reports.send(report).await.is_err() {
                return;
            }
        }
    }
}

/// Arrivals go to the threads that may have users for them, one after the other.
fn take_turns(lane: &Lane, parts: &mut [Share]) {
    let may_run = |part: &Share| part.users.iter().any(|users| *users > 0);
    let turns = u32::try_from(parts.iter().filter(|part| may_run(part)).count()).unwrap_or(u32::MAX);
    let mut turn = 0;
    for part in parts {
        part.lane = Some(if may_run(part) {
            turn += 1;
            lane.part(turn - 1, turns)
        } else {
            Lane {
                places: Vec::new(),
                ..lane.clone()
            }
        });
    }
}

fn add(sum: &mut Vec<u32>, counts: &[u32]) {
    if sum.len() < counts.len() {
        sum.resize(counts.len(), 0);
    }
    for (total, count) in sum.iter_mut().zip(counts) {
        *total += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent of one thread, and what the thread is told.
    fn agent() -> (Agent, mpsc::Receiver<ThreadCommand>) {
        let (commands, told) = mpsc::channel(16);
        (Agent::new(vec![commands], Arc::new(RowStore::default())), told)
    }

    /// The thread reports a second's iterations.
    fn measured(generation: u32, iterations: u64) -> ThreadReport {
        let delta = Box::new(Delta {
            generation,
            iterations,
            ..Delta::default()
        });
        let status = WorkerStatus::default();
        ThreadReport {
            thread: 0,
            event: ThreadEvent::Second { delta, status },
        }
    }

    #[tokio::test]
    async fn a_reset_that_is_said_again_takes_nothing_more() {
        let (mut agent, mut told) = agent();
        agent.take(measured(0, 3));
        for generation in [2, 2, 1] {
            agent.obey(Directive::ResetStats { generation }).await;
            agent.take(measured(2, 5));
        }
        assert!(matches!(
            told.try_recv(),
            Ok(ThreadCommand::Reset { generation: 2 })
        ));
        assert!(told.try_recv().is_err(), "the thread heard of it once");
        let Some(WorkerReport::Delta { delta, .. }) = agent.next_report() else {
            panic!("no delta")
        };
        assert_eq!((delta.generation, delta.iterations), (2, 15));
    }
}
