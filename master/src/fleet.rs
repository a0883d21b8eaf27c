//! The workers: who belongs to the fleet, and who runs what.
//!
//! In: hellos, statuses, silence, and the users wanted. Out: shares for those whose users change, as few as possible,
//! all together at the rate asked for. Pure and deterministic: time comes in as readings of clocks.

mod member;
mod silence;
mod stored;
mod sums;

use std::collections::BTreeMap;
use std::time::Duration;

use katydid_protocol::directive::Share;
use katydid_protocol::dispatch::{Assignment, parts, rebalance};
use katydid_protocol::fleet::Hello;
use katydid_protocol::plan::{ARRIVALS_BEGIN, ArrivalPlan};
use katydid_protocol::stats::{WorkerEntry, WorkerState};
use katydid_protocol::timetable::{Curve, Lane, lanes};
use serde::{Deserialize, Serialize};

pub(crate) use member::{Member, Presence, WorkerId};
use sums::Sums;

/// Workers a fleet has at most; more are refused.
pub(crate) const MAX_WORKERS: usize = 4_096;
/// Workers that have gone and are still remembered, to be shown.
const MAX_GONE: usize = 1_024;

/// Time in which workers hear of new shares and are ready for their first users, under load too.
const NOTICE: Duration = Duration::from_millis(50);

/// The users wanted, and how fast to get there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    /// Per class.
    pub(crate) users: Vec<u32>,
    /// Changes per second.
    pub(crate) rate: f64,
    /// For users that are stopped.
    pub(crate) stop_timeout: Duration,
    /// Rises with each change that people ask for.
    pub(crate) plan: u64,
}

/// All workers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Fleet {
    #[serde(with = "stored")]
    members: BTreeMap<WorkerId, Member>,
    next_id: u32,
    /// Nobody is missing before.
    #[serde(skip)]
    silence_due: Option<Duration>,
    /// `None` when they are to be added up anew, because something else than a status has changed.
    #[serde(skip)]
    sums: Option<Sums>,
    epoch: u64,
    /// When the swarm's changes under way are due: from this moment, one every 1/rate.
    ramp: Option<(Duration, f64)>,
    /// Users that ended by themselves on workers that are gone: nobody takes their places.
    retired: Vec<u32>,
    /// The plan those belong to.
    retired_of: u64,
}

/// What a hello led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// A worker the fleet had not known.
    New(WorkerId),
    /// One that had been here before.
    Back(WorkerId),
    /// There are too many.
    Full,
}

impl Fleet {
    /// Takes a worker in. One that `goes_on` with this run is known again although it had been given up: it is the same
    /// process, with the same users.
    pub(crate) fn join(&mut self, now: Duration, hello: &Hello, goes_on: bool) -> Joined {
        let known = self
            .members
            .values()
            .rev()
            .find(|member| member.instance == hello.instance && (goes_on || member.may_return()));
        if let Some((id, presence)) = known.map(|member| (member.id, member.presence)) {
            // Somebody else may have got the name of one that had been given up.
            let name = (presence == Presence::Gone).then(|| self.free_name(&hello.name));
            if let Some(member) = self.members.get_mut(&id) {
                member.heard = now;
                member.connected = true;
                member.hung_up = false;
                member.name = name.unwrap_or_else(|| std::mem::take(&mut member.name));
            }
            self.watch_from(now);
            return Joined::Back(id);
        }
        if self.members.values().filter(|member| member.connected).count() >= MAX_WORKERS {
            return Joined::Full;
        }
        self.forget_old();
        let id = WorkerId(self.next_id);
        self.next_id += 1;
        let name = self.free_name(&hello.name);
        self.sums = None;
        self.members.insert(id, Member::new(id, name, hello, now));
        self.watch_from(now);
        Joined::New(id)
    }

    /// A worker by its number.
    pub(crate) fn get(&self, id: WorkerId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// A worker to change.
    pub(crate) fn get_mut(&mut self, id: WorkerId) -> Option<&mut Member> {
        self.sums = None;
        self.members.get_mut(&id)
    }

    /// All workers, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// All workers, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.sums = None;
        self.members.values_mut()
    }

    /// Workers of a presence.
    pub(crate) fn count(&self, presence: Presence) -> usize {
        self.iter().filter(|member| member.presence == presence).count()
    }

    /// Epochs of other workers' directives lie above this one too.
    pub(crate) fn not_before(&mut self, epoch: u64) {
        self.epoch = self.epoch.max(epoch);
    }

    /// Users that ended by themselves.
    pub(crate) fn retired(&self) -> u32 {
        let alive = self.iter().filter(|member| member.takes_part());
        alive
            .flat_map(|member| &member.status.retired)
            .chain(&self.retired)
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Users that ended by themselves on a worker that goes are not started anew elsewhere.
    pub(crate) fn keep_retired(&mut self, id: WorkerId, plan: u64) {
        if self.retired_of != plan {
            self.retired.clear();
            self.retired_of = plan;
        }
        let Some(member) = self.get_mut(id) else {
            return;
        };
        let gone = std::mem::take(&mut member.status.retired);
        self.retired.resize(self.retired.len().max(gone.len()), 0);
        for (sum, count) in self.retired.iter_mut().zip(gone) {
            *sum += count;
        }
    }

    /// Shares that bring the fleet from where it is to the goal. `now` is the run's clock.
    ///
    /// A `pace` above the goal's rate is for users that only move, which nobody should have to wait for. With `arrivals`
    /// everybody's share of them changes too, from a moment on at which all know of it.
    pub(crate) fn redistribute(
        &mut self,
        now: Duration,
        goal: &Goal,
        pace: Option<f64>,
        arrivals: Option<&ArrivalPlan>,
    ) -> Vec<(WorkerId, Share)> {
        let mut users = goal.users.clone();
        if self.retired_of == goal.plan {
            for (wanted, retired) in users.iter_mut().zip(&self.retired) {
                *wanted = wanted.saturating_sub(*retired);
            }
        }
        let places: Vec<&Member> = self.iter().filter(|member| member.takes_part()).collect();
        let goals: Assignment = places
            .iter()
            .map(|place| place.progress.goal().to_vec())
            .collect();
        let present: Assignment = places.iter().map(|place| place.progress.users_at(now)).collect();
        let capacities: Vec<f64> = places.iter().map(|place| place.capacity()).collect();
        let wanted = rebalance(&goals, &capacities, &users);
        let ids: Vec<(WorkerId, Presence)> = places.iter().map(|place| (place.id, place.presence)).collect();
        let new_plan = |place: usize| {
            let share = places[place].progress.share();
            share.is_none_or(|share| share.plan != goal.plan)
        };
        let changes: Vec<bool> = (0..ids.len())
            .map(|place| {
                arrivals.is_some()
                    || new_plan(place)
                    || wanted[place] != goals[place]
                    || wanted[place] != present[place]
            })
            .collect();
        let moves = |more: &Assignment, fewer: &Assignment| -> u32 {
            let places = more.iter().zip(fewer);
            places.map(|(more, fewer)| surplus(more, fewer)).sum()
        };
        let moves = moves(&wanted, &present).max(moves(&present, &wanted));
        let rate = pace.map_or(goal.rate, |seconds| goal.rate.max(f64::from(moves) / seconds));
        self.epoch += 1;
        let whole = Share {
            epoch: self.epoch,
            plan: goal.plan,
            users: Vec::new(),
            from: self.next_turn(now, rate),
            rate,
            offset: 0.0,
            stride: 1.0,
            stop_timeout: goal.stop_timeout,
            lane: None,
        };
        let mut lanes =
            arrivals.map_or_else(Vec::new, |plan| spread_arrivals(plan, now, &wanted, &capacities));
        let mut shares = Vec::new();
        for (place, mut share) in parts(&whole, &present, &wanted).into_iter().enumerate() {
            share.lane = lanes.get_mut(place).map(std::mem::take);
            let (id, presence) = ids[place];
            // One that leaves gives its users up as others start them; one that was told to stop needs no telling.
            if !matches!(presence, Presence::Active | Presence::Draining) || !changes[place] {
                continue;
            }
            if let Some(member) = self.get_mut(id) {
                member.progress.follow(share.clone(), now);
                shares.push((id, share));
            }
        }
        self.ramp = Some((whole.from, rate));
        shares
    }

    /// The last share of a worker, to be sent again when it comes back without it.
    pub(crate) fn last_share(&self, id: WorkerId) -> Option<&Share> {
        self.get(id)?.progress.share()
    }

    /// What people see. Who has come is ready while nothing is `wanted`.
    pub(crate) fn entries(&self, wanted: bool) -> Vec<WorkerEntry> {
        let entry = |member: &Member| match member.entry() {
            entry if !wanted && entry.state == WorkerState::Preparing => WorkerEntry {
                state: WorkerState::Ready,
                ..entry
            },
            entry => entry,
        };
        self.iter().map(entry).collect()
    }

    /// When the next change of the swarm is due: in step with a ramp under way, so that its rate is kept; otherwise as
    /// soon as every worker knows of it, so that the first ones do not come all together.
    fn next_turn(&self, now: Duration, rate: f64) -> Duration {
        match self.ramp {
            Some((from, old)) if (old - rate).abs() < f64::EPSILON => {
                let turns = (now.saturating_sub(from).as_secs_f64() * rate).ceil();
                let since = Duration::try_from_secs_f64(turns / rate).unwrap_or_default();
                (from + since).max(now)
            }
            _ => now + notice(rate),
        }
    }

    fn free_name(&self, wanted: &str) -> String {
        let taken = |name: &str| {
            self.iter()
                .any(|member| member.name == name && member.may_return())
        };
        if !taken(wanted) {
            return wanted.to_owned();
        }
        (2u32..)
            .map(|number| format!("{wanted}-{number}"))
            .find(|name| !taken(name))
            .unwrap_or_else(|| wanted.to_owned())
    }

    fn forget_old(&mut self) {
        let gone: Vec<WorkerId> = self
            .iter()
            .filter(|member| member.presence == Presence::Gone)
            .map(|member| member.id)
            .collect();
        for id in gone.iter().take(gone.len().saturating_sub(MAX_GONE)) {
            self.members.remove(id);
        }
    }
}

/// Which arrivals are whose, from the moment on at which everybody knows of it: as many as a place has threads, if it may
/// have users for them.
fn spread_arrivals(plan: &ArrivalPlan, now: Duration, wanted: &Assignment, capacities: &[f64]) -> Vec<Lane> {
    let since = (now + NOTICE).saturating_sub(ARRIVALS_BEGIN);
    let first = Curve::new(&plan.stages).due(since).ceil() as u64;
    let weights: Vec<u32> = wanted
        .iter()
        .zip(capacities)
        .map(|(users, capacity)| {
            if users.iter().any(|count| *count > 0) {
                *capacity as u32
            } else {
                0
            }
        })
        .collect();
    lanes(first, &weights)
}

/// Users some have more than others.
fn surplus(more: &[u32], fewer: &[u32]) -> u32 {
    let at = |class: usize| fewer.get(class).copied().unwrap_or(0);
    more.iter()
        .enumerate()
        .map(|(class, users)| users.saturating_sub(at(class)))
        .sum()
}

/// How long before its first change a share is sent: no time when not even a second change would be due meanwhile.
fn notice(rate: f64) -> Duration {
    if NOTICE.as_secs_f64() * rate < 1.0 {
        Duration::ZERO
    } else {
        NOTICE
    }
}

#[cfg(test)]
#[path = "fleet/tests.rs"]
mod tests;
