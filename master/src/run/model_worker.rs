//! A worker that obeys the protocol: it counts what it measures, sends it until it is acknowledged, and does what it is told.
//!
//! In: messages of the master. Out: what it says, in order, to be delivered or not.

use std::collections::{BTreeMap, VecDeque};

use katydid_protocol::fleet::Rows;
use katydid_protocol::stats::{RequestDelta, RequestKey};

use super::super::*;

/// The data set whose rows are used once.
pub(super) const DATA: &str = "rows";
pub(super) const ROWS: u64 = 1_000;
/// Names beside a worker's own, so that each delta needs a page of its own.
const PADDING: usize = 50;

/// A worker as the protocol wants it.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) number: usize,
    pub(super) link: u64,
    pub(super) inbox: Option<mpsc::Receiver<MasterMessage>>,
    pub(super) is_welcome: bool,
    /// On its way to the master.
    pub(super) up: VecDeque<WorkerMessage>,
    pub(super) life: Life,
    pub(super) generation: u32,
    pub(super) sequence: u64,
    pub(super) under_way: Option<(u64, u32, u64)>,
    pub(super) waiting: u64,
    /// What was measured in each life of the statistics, and what was acknowledged.
    pub(super) measured: BTreeMap<u32, u64>,
    pub(super) acknowledged: BTreeMap<u32, u64>,
    pub(super) stock: Vec<u64>,
    pub(super) is_draining: bool,
    /// What it gives back, once it has stopped.
    pub(super) returned: Vec<Rows>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Idle,
    Running,
    /// Its users have ended; perhaps not everything it measured has arrived.
    Stopped,
    Left,
    /// It was killed.
    Dead,
}

impl Model {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    pub(super) fn name(&self) -> String {
        format!("/w{}", self.number)
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self.life, Life::Left | Life::Dead)
    }

    pub(super) fn has_begun(&self) -> bool {
        matches!(self.life, Life::Running | Life::Stopped)
    }

    pub(super) fn measure(&mut self, count: u64) {
        if self.life == Life::Running {
            self.waiting += count;
            *self.measured.entry(self.generation).or_default() += count;
        }
    }

    pub(super) fn say(&mut self, report: WorkerReport) {
        let run = "r".into();
        self.up.push_back(WorkerMessage::Report { run, report });
    }

    pub(super) fn say_delta(&mut self) {
        let Some((sequence, generation, count)) = self.under_way else {
            return;
        };
        let request = |requests| RequestDelta {
            requests,
            ..RequestDelta::default()
        };
        let mut delta = Delta {
            generation,
            iterations: count,
            ..Delta::default()
        };
        let key = RequestKey::new("GET", &self.name());
        delta.requests.insert(key, request(count));
        for number in 0..PADDING {
            let key = RequestKey::new("PAD", &format!("/{number}/{}", "x".repeat(100)));
            delta.requests.insert(key, request(0));
        }
        self.say(WorkerReport::Delta {
            sequence,
            delta: Box::new(delta),
        });
    }

    pub(super) fn say_last_words(&mut self) {
        if self.life == Life::Stopped && self.under_way.is_none() && self.waiting == 0 {
            let rows = self.returned.clone();
            if !rows.is_empty() {
                self.say(WorkerReport::RowsReturned {
                    data: DATA.into(),
                    rows,
                });
            }
            self.say(WorkerReport::Stopped);
        }
    }

    /// Sends what was measured, unless something is under way.
    pub(super) fn send(&mut self) {
        if self.is_welcome && self.under_way.is_none() && self.waiting > 0 {
            self.sequence += 1;
            self.under_way = Some((self.sequence, self.generation, std::mem::take(&mut self.waiting)));
            self.say_delta();
        }
    }

    /// Reads and obeys everything that has arrived.
    pub(super) fn receive(&mut self) {
        let Some(mut inbox) = self.inbox.take() else {
            return;
        };
        loop {
            match inbox.try_recv() {
                Ok(message) => self.obey(message),
                Err(mpsc::error::TryRecvError::Empty) => break self.inbox = Some(inbox),
                Err(mpsc::error::TryRecvError::Disconnected) => break self.is_welcome = false,
            }
        }
    }

    pub(super) fn obey(&mut self, message: MasterMessage) {
        match message {
            MasterMessage::Welcome(_) => {
                self.is_welcome = true;
                self.say_delta();
                self.say_last_words();
                if self.is_draining {
                    self.up.push_back(WorkerMessage::Draining);
                }
            }
            MasterMessage::Prepare(_) if self.life == Life::Idle => {
                self.up.push_back(WorkerMessage::Ready { run: "r".into() });
            }
            MasterMessage::Directive { directive, .. } => match directive {
                Directive::Begin { .. } if self.life == Life::Idle => self.life = Life::Running,
                Directive::ResetStats { generation } if generation > self.generation => {
                    self.generation = generation;
                    self.waiting = 0;
                }
                Directive::Rows { rows, .. } if self.life == Life::Running => {
                    self.stock.extend(rows.into_iter().flatten())
                }
                Directive::Stop { .. } if self.life == Life::Running => {
                    self.life = Life::Stopped;
                    self.returned = self.stock.drain(..).map(|row| row..row + 1).collect();
                    self.say_last_words();
                }
                _ => {}
            },
            MasterMessage::Acknowledge { sequence, .. } => {
                if let Some((number, generation, count)) = self.under_way
                    && number <= sequence
                {
                    self.under_way = None;
                    *self.acknowledged.entry(generation).or_default() += count;
                    self.say_last_words();
                }
            }
            MasterMessage::Leave => self.life = Life::Left,
            _ => {}
        }
    }
}
