//! Brings a worker's reports to its master: deltas each once, whatever happens to the connection.
//!
//! In: reports of the agent, acknowledgements, new connections. Out: what to send next. At most one delta is under way;
//! what is measured meanwhile is added up and goes next, so that nothing queues however long a connection is gone. A
//! delta is forgotten when it is acknowledged and sent again when the connection is new. No sockets here.

use std::collections::VecDeque;

use katydid_protocol::report::WorkerReport;
use katydid_protocol::stats::{AtMost, Delta, Tables};
use katydid_protocol::wire::{MAX_DELTA_ERRORS, MAX_DELTA_NAMES};

/// Warnings kept until it is known that they arrived. Of everything else there is one: of each data set a request and
/// what is given back of it, the first wish to end the run, the last status.
const MAX_WARNINGS: usize = 256;
/// Said in place of the warnings beyond.
const MORE_WARNINGS: &str =
    "this worker had more to warn of than it could keep while its master was away: its own log has all of it";

/// The reports of one run.
#[derive(Debug, Default)]
pub(super) struct Courier {
    /// The last sequence used.
    sequence: u64,
    /// The delta that has been sent and not acknowledged.
    under_way: Option<(u64, Delta)>,
    /// What was measured since.
    waiting: Option<Delta>,
    /// What was said besides deltas, with the sequence whose acknowledgement will show that it arrived.
    notes: VecDeque<Note>,
    /// The agent's last word: that it has stopped, or failed.
    last: Option<WorkerReport>,
    last_sent: bool,
}

#[derive(Debug)]
struct Note {
    report: WorkerReport,
    is_sent: bool,
    /// The first delta sent after it.
    known_by: Option<u64>,
}

impl Courier {
    /// Takes a report of the agent.
    pub(super) fn take(&mut self, report: WorkerReport) {
        match report {
            WorkerReport::Delta { delta, .. } => match &mut self.waiting {
                Some(waiting) => waiting.merge(*delta),
                None => self.waiting = Some(*delta),
            },
            WorkerReport::Stopped | WorkerReport::Failed(_) => self.last = Some(report),
            report => self.note(report),
        }
    }

    /// Notes what is no delta, and forgets what it replaces.
    fn note(&mut self, report: WorkerReport) {
        let report = match report {
            WorkerReport::Status(_) => {
                self.notes
                    .retain(|note| !matches!(note.report, WorkerReport::Status(_)));
                report
            }
            // Asked again since there was no answer: the master must not answer both.
            WorkerReport::RowsWanted { ref data, .. } => {
                self.answered(data);
                report
            }
            WorkerReport::StopRequested { .. } => {
                let is_wish = |note: &Note| matches!(note.report, WorkerReport::StopRequested { .. });
                if self.notes.iter().any(is_wish) {
                    return;
                }
                report
            }
            WorkerReport::Warning(_) => match self.room_for_warnings() {
                0 => return,
                1 => WorkerReport::Warning(MORE_WARNINGS.to_owned()),
                _ => report,
            },
            report => report,
        };
        self.notes.push_back(Note {
            report,
            is_sent: false,
            known_by: None,
        });
    }

    fn room_for_warnings(&self) -> usize {
        let is_warning = |note: &&Note| matches!(note.report, WorkerReport::Warning(_));
        MAX_WARNINGS.saturating_sub(self.notes.iter().filter(is_warning).count())
    }

    /// What was asked for of a data set has come: nobody needs to ask for it on a new connection.
    pub(super) fn answered(&mut self, set: &str) {
        self.notes
            .retain(|note| !matches!(&note.report, WorkerReport::RowsWanted { data, .. } if **data == *set));
    }

    /// What to send now, if anything.
    pub(super) fn next(&mut self) -> Option<WorkerReport> {
        if let Some(note) = self.notes.iter_mut().find(|note| !note.is_sent) {
            note.is_sent = true;
            return Some(note.report.clone());
        }
        if self.under_way.is_none()
            && let Some(mut delta) = self.waiting.take()
        {
            keep_within_limits(&mut delta);
            self.sequence += 1;
            self.under_way = Some((self.sequence, delta));
            for note in &mut self.notes {
                note.known_by.get_or_insert(self.sequence);
            }
            return self.under_way();
        }
        // The last word comes when everything else is known to have arrived.
        if self.last_sent || self.under_way.is_some() {
            return None;
        }
        self.last_sent = self.last.is_some();
        self.last.clone()
    }

    /// Deltas that are not known to be safe.
    pub(super) fn pending(&self) -> u32 {
        u32::from(self.under_way.is_some()) + u32::from(self.waiting.is_some())
    }

    /// Whether [`Self::next`] would give something.
    pub(super) fn has_next(&self) -> bool {
        self.notes.iter().any(|note| !note.is_sent)
            || (self.under_way.is_none()
                && (self.waiting.is_some() || (self.last.is_some() && !self.last_sent)))
    }

    /// The delta with this sequence is safe.
    pub(super) fn acknowledged(&mut self, sequence: u64) {
        if self
            .under_way
            .as_ref()
            .is_some_and(|(number, _)| *number <= sequence)
        {
            self.under_way = None;
        }
        self.notes
            .retain(|note| note.known_by.is_none_or(|number| number > sequence));
    }

    /// The connection is new: what to send first, again.
    pub(super) fn reconnected(&mut self) -> Option<WorkerReport> {
        for note in &mut self.notes {
            note.is_sent = false;
            note.known_by = None;
        }
        self.last_sent = false;
        self.under_way()
    }

    /// The last sequence used.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Requests measured that are not known to be safe.
    pub(super) fn requests(&self) -> u64 {
        let deltas = self.under_way.iter().map(|(_, delta)| delta).chain(&self.waiting);
        deltas
            .flat_map(|delta| delta.requests.values())
            .map(|request| request.requests)
            .sum()
    }

    fn under_way(&self) -> Option<WorkerReport> {
        self.under_way
            .as_ref()
            .map(|(sequence, delta)| WorkerReport::Delta {
                sequence: *sequence,
                delta: Box::new(delta.clone()),
            })
    }
}

/// A master refuses deltas with more names than these, and would refuse the same one on each new connection. Many load
/// threads, each with names of its own, come that far.
fn keep_within_limits(delta: &mut Delta) {
    let names = AtMost(MAX_DELTA_NAMES - 1);
    let errors = AtMost(MAX_DELTA_ERRORS - 1);
    delta.fold(Tables {
        requests: &names,
        groups: &names,
        tags: &names,
        checks: &names,
        metrics: &names,
        errors: &errors,
        exceptions: &errors,
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use katydid_protocol::stats::{RequestDelta, RequestKey};
    use katydid_protocol::wire::{decode_delta, encode_delta};
    use proptest::prelude::*;

    use super::*;

    fn measured(iterations: u64) -> WorkerReport {
        WorkerReport::Delta {
            sequence: 0,
            delta: Box::new(Delta {
                iterations,
                ..Delta::default()
            }),
        }
    }

    fn delta(report: Option<WorkerReport>) -> (u64, u64) {
        match report {
            Some(WorkerReport::Delta { sequence, delta }) => (sequence, delta.iterations),
            other => panic!("no delta but {other:?}"),
        }
    }

    #[test]
    fn what_is_measured_while_one_is_under_way_is_added_up() {
        let mut courier = Courier::default();
        courier.take(measured(1));
        assert_eq!(delta(courier.next()), (1, 1));
        courier.take(measured(2));
        courier.take(measured(3));
        assert_eq!(courier.next(), None);
        assert_eq!(delta(courier.reconnected()), (1, 1), "sent again as it was");
        courier.acknowledged(1);
        assert_eq!(delta(courier.next()), (2, 5));
    }

    #[test]
    fn the_last_word_comes_when_everything_is_safe() {
        let mut courier = Courier::default();
        courier.take(measured(1));
        courier.take(WorkerReport::Stopped);
        assert_eq!(delta(courier.next()), (1, 1));
        assert_eq!(courier.next(), None);
        courier.acknowledged(1);
        assert_eq!(courier.next(), Some(WorkerReport::Stopped));
        // Nobody may have heard it.
        assert_eq!(courier.reconnected(), None);
        assert_eq!(courier.next(), Some(WorkerReport::Stopped));
    }

    #[test]
    fn notes_are_said_again_until_a_later_delta_is_safe() {
        let mut courier = Courier::default();
        let note = WorkerReport::StopRequested {
            reason: "enough".to_owned(),
        };
        courier.take(note.clone());
        assert_eq!(courier.next(), Some(note.clone()));
        assert_eq!(courier.next(), None);
        courier.reconnected();
        assert_eq!(courier.next(), Some(note));
        courier.take(measured(1));
        assert_eq!(delta(courier.next()), (1, 1));
        courier.acknowledged(1);
        courier.reconnected();
        assert_eq!(courier.next(), None);
    }

    fn wanted(count: u32) -> WorkerReport {
        WorkerReport::RowsWanted {
            data: "a".into(),
            len: 1_000,
            count,
        }
    }

    #[test]
    fn rows_are_asked_for_once_however_long_there_is_no_answer() {
        let mut courier = Courier::default();
        for count in 1..9 {
            courier.take(wanted(count));
        }
        assert_eq!(courier.next(), Some(wanted(8)));
        assert_eq!(courier.next(), None);
        courier.reconnected();
        assert_eq!(
            courier.next(),
            Some(wanted(8)),
            "the request or its answer was lost"
        );
        courier.answered("b");
        courier.answered("a");
        courier.reconnected();
        assert_eq!(courier.next(), None, "it has the answer");
    }

    #[test]
    fn what_must_arrive_is_kept_however_much_else_there_is_to_say() {
        let mut courier = Courier::default();
        let wish = WorkerReport::StopRequested {
            reason: "enough".to_owned(),
        };
        let returned = WorkerReport::RowsReturned {
            data: "a".into(),
            rows: vec![],
        };
        courier.take(wish.clone());
        courier.take(returned.clone());
        for number in 0..1_000 {
            courier.take(WorkerReport::Warning(number.to_string()));
            courier.take(WorkerReport::Status(
                katydid_protocol::report::WorkerStatus::default(),
            ));
            courier.take(WorkerReport::StopRequested {
                reason: number.to_string(),
            });
        }
        let all: Vec<WorkerReport> = std::iter::from_fn(|| courier.next()).collect();
        assert_eq!(all.len(), 2 + MAX_WARNINGS + 1);
        assert_eq!(all[..2], [wish, returned]);
        assert_eq!(all[2], WorkerReport::Warning("0".to_owned()));
        assert!(
            all.contains(&WorkerReport::Warning(MORE_WARNINGS.to_owned())),
            "and it is told"
        );
    }

    #[test]
    fn no_delta_has_more_names_than_a_master_accepts() {
        let mut courier = Courier::default();
        for thread in 0..66 {
            let requests = (0..1_000).map(|number| {
                let request = RequestDelta {
                    requests: 1,
                    ..RequestDelta::default()
                };
                (RequestKey::new("GET", &format!("/{thread}/{number}")), request)
            });
            let delta = Delta {
                requests: requests.collect(),
                ..Delta::default()
            };
            courier.take(WorkerReport::Delta {
                sequence: 0,
                delta: Box::new(delta),
            });
        }
        let Some(WorkerReport::Delta { delta, .. }) = courier.next() else {
            panic!("no delta")
        };
        let sent = decode_delta(&encode_delta(&delta)).unwrap();
        assert_eq!(
            sent.requests
                .values()
                .map(|request| request.requests)
                .sum::<u64>(),
            66_000
        );
        assert_eq!(sent.losses.folded_requests, 2_001);
    }

    /// What a network and a master may do between two measurements.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Measure(u8),
        /// What the worker sent arrives at the master.
        Deliver,
        /// The master writes down what has arrived, counts it and acknowledges it.
        Commit,
        /// An acknowledgement arrives at the worker.
        Acknowledge,
        /// The connection breaks: whatever is on it, either way, is gone.
        Reconnect,
        /// The master ends and comes back with what it has written down, on a new connection.
        RestartMaster,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<u8>().prop_map(Step::Measure),
            4 => Just(Step::Deliver),
            4 => Just(Step::Commit),
            4 => Just(Step::Acknowledge),
            1 => Just(Step::Reconnect),
            1 => Just(Step::RestartMaster),
        ]
    }

    /// A worker, a master, and the two ways between them.
    #[derive(Debug, Default)]
    struct World {
        courier: Courier,
        up: VecDeque<(u64, u64)>,
        down: VecDeque<u64>,
        /// Arrived, and neither written nor counted.
        batch: Vec<(u64, u64)>,
        /// Written and counted: sequences, and the sum.
        counted: BTreeSet<u64>,
        sum: u64,
    }

    impl World {
        fn send(&mut self, report: Option<WorkerReport>) {
            if let Some(WorkerReport::Delta { sequence, delta }) = report {
                self.up.push_back((sequence, delta.iterations));
            }
        }

        fn step(&mut self, step: Step) {
            match step {
                Step::Measure(count) => self.courier.take(measured(u64::from(count))),
                Step::Deliver => match self.up.pop_front() {
                    Some((sequence, _)) if self.counted.contains(&sequence) => self.down.push_back(sequence),
                    Some(delta) if !self.batch.contains(&delta) => self.batch.push(delta),
                    _ => {}
                },
                Step::Commit => {
                    for (sequence, iterations) in std::mem::take(&mut self.batch) {
                        assert!(self.counted.insert(sequence), "{sequence} was counted twice");
                        self.sum += iterations;
                        self.down.push_back(sequence);
                    }
                }
                Step::Acknowledge => {
                    if let Some(sequence) = self.down.pop_front() {
                        self.courier.acknowledged(sequence);
                    }
                }
                Step::Reconnect | Step::RestartMaster => {
                    if matches!(step, Step::RestartMaster) {
                        self.batch.clear();
                    }
                    self.up.clear();
                    self.down.clear();
                    let again = self.courier.reconnected();
                    self.send(again);
                }
            }
            // The connection takes what there is.
            while self.courier.has_next() {
                let next = self.courier.next();
                self.send(next);
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_counts_twice(steps in prop::collection::vec(any_step(), 0..300)) {
            let mut world = World::default();
            let mut truth = 0;
            for step in steps {
                if let Step::Measure(count) = step {
                    truth += u64::from(count);
                }
                world.step(step);
                prop_assert!(world.sum <= truth);
            }
            // In the end everything gets through.
            world.step(Step::Reconnect);
            for _ in 0..3 {
                world.step(Step::Deliver);
                world.step(Step::Commit);
                world.step(Step::Acknowledge);
            }
            prop_assert_eq!(world.sum, truth);
        }
    }
}
