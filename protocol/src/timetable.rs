//! When which arrival is due, and whose it is.
//!
//! In: the stages of an [`ArrivalPlan`](crate::plan::ArrivalPlan), and a [`Lane`]: which of all arrivals are a place's own. Out: moments. All
//! arrivals of a run are numbered from 0; the number due by a moment is the area below the rate. Arrivals that are
//! spaced evenly lie where that area is a whole number, those of a Poisson process anywhere (the process of rate 1, its
//! time stretched by the area).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{ArrivalStage, Spacing};

/// How long a round of places may be before the differences between big ones are given up.
const LONGEST_ROUND: u64 = 65_536;

/// The number of arrivals that are due, as a function of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pieces: Vec<Piece>,
}

/// A stage: where it lies, in time and in arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Seconds since the beginning of the plan.
    from: f64,
    /// Seconds since the beginning of the plan; infinite for the last one without an end.
    until: f64,
    /// Arrivals per second at its beginning.
    rate: f64,
    /// By how much that rises each second.
    slope: f64,
    /// Arrivals before it.
    first: f64,
    /// Arrivals before the one after it.
    end: f64,
    /// How its arrivals are spread.
    pub spacing: Spacing,
}

/// Which arrivals are one place's own: from the number `first` on, those whose number modulo `round` is one of `places`;
/// of these, counted from 0, those whose count modulo `turns` is `turn`.
///
/// The first rule spreads over workers, of which some take more places than others, the second over the load threads of
/// one. Each number belongs to exactly one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Arrivals with lower numbers were spread by an earlier rule.
    pub first: u64,
    /// After this many numbers the rule repeats; at least 1.
    pub round: u32,
    /// Ascending, each below `round`; empty when none is its own.
    pub places: Vec<u32>,
    /// Below `turns`.
    pub turn: u32,
    /// At least 1.
    pub turns: u32,
}

impl Curve {
    /// The curve of these stages.
    #[must_use]
    pub fn new(stages: &[ArrivalStage]) -> Self {
        let (mut from, mut first) = (0.0, 0.0);
        let pieces = stages.iter().map(|stage| {
            let seconds = stage.duration.map_or(f64::INFINITY, |time| time.as_secs_f64());
            let slope = if seconds.is_finite() && seconds > 0.0 {
                (stage.to - stage.rate) / seconds
            } else {
                0.0
            };
            let area = if stage.rate + stage.to > 0.0 {
                (stage.rate + stage.to) / 2.0 * seconds
            } else {
                0.0
            };
            let piece = Piece {
                from,
                until: from + seconds,
                rate: stage.rate,
                slope,
                first,
                end: first + area,
                spacing: stage.spacing,
            };
            (from, first) = (piece.until, piece.end);
            piece
        });
        Self {
            pieces: pieces.collect(),
        }
    }

    /// How many arrivals are due `since` the beginning of the plan; a part of one counts as that part.
    #[must_use]
    pub fn due(&self, since: Duration) -> f64 {
        let seconds = since.as_secs_f64();
        let at = self.pieces.partition_point(|piece| piece.until <= seconds);
        match (self.pieces.get(at), self.pieces.last()) {
            (Some(piece), _) => piece.due(seconds),
            (None, Some(last)) => last.end,
            (None, None) => 0.0,
        }
    }

    /// The stage in which the arrival at `count` is due, and when: since the beginning of the plan. `None` after the last
    /// one.
    #[must_use]
    pub fn at(&self, count: f64) -> Option<(Piece, Duration)> {
        let at = self.pieces.partition_point(|piece| piece.end <= count);
        let piece = self.pieces.get(at)?;
        Some((*piece, piece.moment(count)))
    }
}

impl Piece {
    /// Arrivals before the stage: a number and a part.
    #[must_use]
    pub fn first(&self) -> f64 {
        self.first
    }

    /// Arrivals before the next stage.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.end
    }

    fn due(&self, seconds: f64) -> f64 {
        let within = (seconds - self.from).max(0.0);
        (self.first + within * (self.rate + self.slope * within / 2.0)).min(self.end)
    }

    /// Solves `due(t) = count`, in the form that loses no digits when the slope is next to nothing.
    fn moment(&self, count: f64) -> Duration {
        let arrivals = (count - self.first).max(0.0);
        let root = (self.rate * self.rate + 2.0 * self.slope * arrivals)
            .max(0.0)
            .sqrt();
        let within = if arrivals > 0.0 {
            2.0 * arrivals / (self.rate + root)
        } else {
            0.0
        };
        let seconds = (self.from + within).min(self.until);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Lane {
    /// The part of the lane that one of `turns` places takes, all of which take turns.
    #[must_use]
    pub fn part(&self, turn: u32, turns: u32) -> Self {
        Self {
            turn: self.turn + self.turns * turn,
            turns: self.turns.saturating_mul(turns.max(1)),
            ..self.clone()
        }
    }

    /// Its share of all arrivals: 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.places.len() as f64 / f64::from(self.round.max(1)) / f64::from(self.turns.max(1))
    }

    /// How many numbers below `number` are its own, `first` left aside.
    #[must_use]
    pub fn before(&self, number: u64) -> u64 {
        let round = u64::from(self.round.max(1));
        let rest = number % round;
        let partial = self.places.partition_point(|place| u64::from(*place) < rest);
        let taken = number / round * self.places.len() as u64 + partial as u64;
        let (turn, turns) = (u64::from(self.turn), u64::from(self.turns.max(1)));
        // Counts below `taken` that are `turn` modulo `turns`.
        taken.saturating_sub(turn).div_ceil(turns)
    }

    /// The number that `index` numbers of its own lie below; `None` when it has none.
    #[must_use]
    pub fn nth(&self, index: u64) -> Option<u64> {
        let places = self.places.len() as u64;
        if places == 0 {
            return None;
        }
        let count = index * u64::from(self.turns.max(1)) + u64::from(self.turn);
        let place = self.places.get(usize::try_from(count % places).ok()?)?;
        Some(count / places * u64::from(self.round.max(1)) + u64::from(*place))
    }
}

/// Spreads arrivals from the number `first` on over places, by how many users each may have: the lanes of all.
///
/// `weights` say how many of all arrivals a place takes, relative to the others; one of 0 takes none. The numbers of a
/// place lie as far from each other as they can. Empty when nobody takes any.
#[must_use]
pub fn lanes(first: u64, weights: &[u32]) -> Vec<Lane> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let mut weights: Vec<u32> = weights.iter().map(|weight| weight / divisor).collect();
    while weights.iter().copied().map(u64::from).sum::<u64>() > LONGEST_ROUND
        && weights.iter().any(|weight| *weight > 1)
    {
        weights.iter_mut().for_each(|weight| *weight = weight.div_ceil(2));
    }
    let order = crate::dispatch::interleave(&weights);
    let round = u32::try_from(order.len()).unwrap_or(u32::MAX).max(1);
    let mut lanes: Vec<Lane> = weights
        .iter()
        .map(|weight| Lane {
            first,
            round,
            places: Vec::with_capacity(*weight as usize),
            turn: 0,
            turns: 1,
        })
        .collect();
    for (place, owner) in (0u32..).zip(order) {
        if let Some(lane) = lanes.get_mut(owner) {
            lane.places.push(place);
        }
    }
    lanes
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(seconds: f64, rate: f64, to: f64) -> ArrivalStage {
        ArrivalStage {
            duration: (seconds > 0.0).then(|| Duration::from_secs_f64(seconds)),
            rate,
            to,
            spacing: Spacing::Constant,
        }
    }

    #[test]
    fn a_constant_rate_is_due_evenly_and_ends() {
        let curve = Curve::new(&[stage(2.0, 4.0, 4.0)]);
        let moments: Vec<u128> = (0..9u32)
            .map_while(|number| Some(curve.at(number.into())?.1.as_millis()))
            .collect();
        assert_eq!(moments, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
        assert_eq!(curve.due(Duration::from_secs(1)), 4.0);
        assert_eq!(curve.due(Duration::from_secs(9)), 8.0);
    }

    #[test]
    fn stages_follow_each_other_with_pauses_between_them() {
        let curve = Curve::new(&[stage(1.0, 2.0, 2.0), stage(3.0, 0.0, 0.0), stage(0.0, 1.0, 1.0)]);
        let moment = |count: f64| curve.at(count).unwrap().1;
        assert_eq!(moment(1.0), Duration::from_millis(500));
        assert_eq!(moment(2.0), Duration::from_secs(4));
        assert_eq!(moment(1_002.0), Duration::from_secs(1_004));
        assert_eq!(curve.due(Duration::from_secs(3)), 2.0);
    }

    #[test]
    fn a_ramp_from_nothing_rises_evenly() {
        let curve = Curve::new(&[stage(10.0, 0.0, 10.0)]);
        assert_eq!(curve.due(Duration::from_secs(10)), 50.0);
        assert_eq!(curve.due(Duration::from_secs(5)), 12.5);
        assert_eq!(curve.at(12.5).unwrap().1, Duration::from_secs(5));
        assert!(curve.at(50.0).is_none());
    }

    #[test]
    fn nothing_is_due_where_there_are_no_stages() {
        assert_eq!(Curve::new(&[]).at(0.0), None);
        assert_eq!(Curve::new(&[stage(0.0, 0.0, 0.0)]).at(0.0), None);
        assert_eq!(Curve::new(&[]).due(Duration::from_secs(1)), 0.0);
    }

    #[test]
    fn bigger_places_take_more_in_between_each_other() {
        let lanes = lanes(0, &[4, 2, 0]);
        assert_eq!(lanes[0].round, 3);
        let numbers = |lane: &Lane| (0..4).map_while(|index| lane.nth(index)).collect::<Vec<_>>();
        assert_eq!(numbers(&lanes[0]), [0, 2, 3, 5]);
        assert_eq!(numbers(&lanes[1]), [1, 4, 7, 10]);
        assert!(numbers(&lanes[2]).is_empty());
    }

    #[test]
    fn rounds_stay_short_however_big_the_places_are() {
        let lanes = lanes(7, &[1_000_000, 1, 999_999]);
        let round: usize = lanes.iter().map(|lane| lane.places.len()).sum();
        assert!(round as u64 <= LONGEST_ROUND && lanes[0].round as usize == round);
        assert!(!lanes[1].places.is_empty());
    }

    fn any_stage() -> impl Strategy<Value = ArrivalStage> {
        (0.01..100.0f64, 0.0..1_000.0f64, 0.0..1_000.0f64)
            .prop_map(|(seconds, rate, to)| stage(seconds, rate, to))
    }

    proptest! {
        #[test]
        fn moments_and_numbers_are_each_others_inverse(
            stages in prop::collection::vec(any_stage(), 1..6), part in 0.0..1.0f64,
        ) {
            let curve = Curve::new(&stages);
            let total = curve.due(Duration::from_secs(1_000));
            let area: f64 = stages
                .iter()
                .map(|stage| (stage.rate + stage.to) / 2.0 * stage.duration.unwrap().as_secs_f64())
                .sum();
            prop_assert!((total - area).abs() < 1e-6 * (1.0 + area));
            let count = total * part;
            if let Some((_, moment)) = curve.at(count) {
                // A nanosecond of the highest rate is what a moment can be off.
                prop_assert!((curve.due(moment) - count).abs() < 1e-5 + count * 1e-9, "{count}: {moment:?}");
            }
        }

        #[test]
        fn moments_never_go_back(stages in prop::collection::vec(any_stage(), 1..6), step in 0.1..10.0f64) {
            let curve = Curve::new(&stages);
            let moments: Vec<Duration> = (0..2_000)
                .map_while(|k| Some(curve.at(f64::from(k) * step)?.1))
                .collect();
            prop_assert!(moments.is_sorted());
        }

        #[test]
        fn each_number_belongs_to_one_place(
            weights in prop::collection::vec(0u32..9, 1..8), threads in 1u32..5,
        ) {
            let lanes = lanes(0, &weights);
            let sum: u32 = weights.iter().sum();
            let mut seen: Vec<u64> = Vec::new();
            for (lane, weight) in lanes.iter().zip(&weights) {
                let share = f64::from(*weight) / f64::from(sum.max(1));
                prop_assert!((lane.share() - share).abs() < 1e-12);
                for thread in 0..threads {
                    let part = lane.part(thread, threads);
                    let numbers: Vec<u64> = (0..)
                        .map_while(|index| part.nth(index))
                        .take_while(|number| *number < 500)
                        .collect();
                    prop_assert!(numbers.is_sorted());
                    for number in 0..500u64 {
                        let below = numbers.iter().filter(|own| **own < number).count() as u64;
                        prop_assert_eq!(part.before(number), below);
                    }
                    seen.extend(numbers);
                }
            }
            seen.sort_unstable();
            let all: Vec<u64> = if sum == 0 { Vec::new() } else { (0..500).collect() };
            prop_assert_eq!(seen, all);
        }
    }
}
