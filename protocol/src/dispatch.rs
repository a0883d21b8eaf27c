//! Spreads users over the places that run them, moving as few as possible.
//!
//! A place is a worker of the fleet, or a load thread of a worker: the same rule serves both. In: who runs what now
//! ([`Assignment`]), each place's capacity and the number of users wanted per class. Out: who shall run what. Pure
//! and deterministic.

use crate::directive::Share;

/// Users per place and class: `assignment[place][class]`.
pub type Assignment = Vec<Vec<u32>>;

/// The parts of a share that bring each place from `current` to `wanted`, all of them together at the share's rate.
///
/// Starts and stops are two sequences, each at the rate; a place with both follows the longer one.
#[must_use]
pub fn parts(share: &Share, current: &[Vec<u32>], wanted: &[Vec<u32>]) -> Vec<Share> {
    let none = Vec::new();
    let change = |place: usize| changes(current.get(place).unwrap_or(&none), &wanted[place]);
    let (starting, stopping): (Vec<usize>, Vec<usize>) = (0..wanted.len()).partition(|place| {
        let (starts, stops) = change(*place);
        starts >= stops && starts > 0
    });
    let mut parts: Vec<Share> = wanted
        .iter()
        .map(|users| Share {
            users: users.clone(),
            ..share.clone()
        })
        .collect();
    for group in [starting, stopping] {
        let busy: Vec<usize> = group
            .into_iter()
            .filter(|place| change(*place) != (0, 0))
            .collect();
        let counts: Vec<u32> = busy
            .iter()
            .map(|place| {
                let (starts, stops) = change(*place);
                starts.max(stops)
            })
            .collect();
        for (index, place) in busy.into_iter().enumerate() {
            parts[place] = share.part(wanted[place].clone(), index, &counts);
        }
    }
    parts
}

/// Users to start and to stop on the way from `current` to `wanted`.
fn changes(current: &[u32], wanted: &[u32]) -> (u32, u32) {
    let of = |users: &[u32], class: usize| users.get(class).copied().unwrap_or(0);
    (0..current.len().max(wanted.len())).fold((0, 0), |(starts, stops), class| {
        let (from, to) = (of(current, class), of(wanted, class));
        (starts + to.saturating_sub(from), stops + from.saturating_sub(to))
    })
}

/// Moves `current` to the wanted class totals, starting and stopping as few users as possible.
///
/// Missing users go to the place with the lowest load for its capacity, surplus ones leave the place with the highest;
/// afterwards places that differ by more than one user's worth of load are levelled. Places with capacity 0 end empty
/// (they are leaving). When no place has capacity nobody runs. `current` rows shorter than `wanted` count as zeros.
///
/// ```
/// use katydid_protocol::dispatch::rebalance;
/// assert_eq!(rebalance(&[vec![0], vec![0]], &[1.0, 1.0], &[3]), [vec![2], vec![1]]);
/// // A third place joins: one user moves, nobody else is disturbed.
/// assert_eq!(rebalance(&[vec![2], vec![1], vec![0]], &[1.0, 1.0, 1.0], &[3]), [vec![1], vec![1], vec![1]]);
/// ```
#[must_use]
pub fn rebalance(current: &[Vec<u32>], capacities: &[f64], wanted: &[u32]) -> Assignment {
    let mut places: Vec<Place> = capacities
        .iter()
        .enumerate()
        .map(|(index, capacity)| {
            let mut users = current.get(index).cloned().unwrap_or_default();
            users.resize(wanted.len(), 0);
            let total = users.iter().sum();
            Place {
                users,
                total,
                capacity: if capacity.is_finite() {
                    capacity.max(0.0)
                } else {
                    0.0
                },
            }
        })
        .collect();
    for place in places.iter_mut().filter(|place| place.capacity == 0.0) {
        place.users.iter_mut().for_each(|count| *count = 0);
        place.total = 0;
    }
    if places.iter().all(|place| place.capacity == 0.0) {
        return places.into_iter().map(|place| place.users).collect();
    }
    for (class, target) in wanted.iter().enumerate() {
        let mut running: u32 = places.iter().map(|place| place.users[class]).sum();
        while running > *target {
            let Some(place) = fullest(&places, Some(class)) else {
                break;
            };
            places[place].remove(class);
            running -= 1;
        }
    }
    add_missing(&mut places, wanted);
    level(&mut places);
    places.into_iter().map(|place| place.users).collect()
}

struct Place {
    users: Vec<u32>,
    total: u32,
    capacity: f64,
}

impl Place {
    fn load(&self) -> f64 {
        if self.capacity == 0.0 {
            f64::INFINITY
        } else {
            f64::from(self.total) / self.capacity
        }
    }

    /// The load this place would have with one more user.
    fn next_load(&self) -> f64 {
        if self.capacity == 0.0 {
            f64::INFINITY
        } else {
            f64::from(self.total + 1) / self.capacity
        }
    }

    fn add(&mut self, class: usize) {
        self.users[class] += 1;
        self.total += 1;
    }

    fn remove(&mut self, class: usize) {
        self.users[class] -= 1;
        self.total -= 1;
    }
}

/// Adds users class by class in proportion, so that each place gets a like mix of classes.
fn add_missing(places: &mut [Place], wanted: &[u32]) {
    let missing: Vec<u32> = wanted
        .iter()
        .enumerate()
        .map(|(class, target)| target.saturating_sub(places.iter().map(|place| place.users[class]).sum()))
        .collect();
    // A heap of places by the load they would have next: ten thousand users on a thousand workers stay cheap.
    let mut heap: std::collections::BinaryHeap<Candidate> = (0..places.len())
        .filter(|index| places[*index].capacity > 0.0)
        .map(|index| Candidate {
            load: places[index].next_load(),
            index,
        })
        .collect();
    for class in interleave(&missing) {
        let Some(Candidate { index, .. }) = heap.pop() else {
            return;
        };
        places[index].add(class);
        heap.push(Candidate {
            load: places[index].next_load(),
            index,
        });
    }
}

/// Moves users from the most to the least loaded place while that narrows the gap.
fn level(places: &mut [Place]) {
    while let (Some(from), Some(to)) = (fullest(places, None), emptiest(places)) {
        if places[to].next_load() + 1e-9 >= places[from].load() {
            return;
        }
        // The class whose share is most in excess on `from` moves, so that mixes stay alike.
        let classes = 0..places[from].users.len();
        let Some(class) = classes
            .filter(|class| places[from].users[*class] > 0)
            .max_by_key(|class| i64::from(places[from].users[*class]) - i64::from(places[to].users[*class]))
        else {
            return;
        };
        places[from].remove(class);
        places[to].add(class);
    }
}

fn fullest(places: &[Place], class: Option<usize>) -> Option<usize> {
    (0..places.len())
        .filter(|index| places[*index].capacity > 0.0)
        .filter(|index| class.is_none_or(|class| places[*index].users[class] > 0))
        .max_by(|a, b| places[*a].load().total_cmp(&places[*b].load()).then(a.cmp(b)))
}

fn emptiest(places: &[Place]) -> Option<usize> {
    (0..places.len())
        .filter(|index| places[*index].capacity > 0.0)
        .min_by(|a, b| {
            places[*a]
                .next_load()
                .total_cmp(&places[*b].next_load())
                .then(a.cmp(b))
        })
}

/// Orders `counts[class]` users of each class so that every prefix has nearly the overall mix.
///
/// Each class's users sit at the middles of equal parts of the whole; ties go to the earlier class.
#[must_use]
pub fn interleave(counts: &[u32]) -> Vec<usize> {
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for (class, count) in counts.iter().enumerate() {
        for position in 0..*count {
            order.push(((f64::from(position) + 0.5) / f64::from(*count), class));
        }
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, class)| class).collect()
}

#[derive(PartialEq)]
struct Candidate {
    load: f64,
    index: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// Reversed, so that the heap's top is the lowest load and, among equals, the first place.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other
            .load
            .total_cmp(&self.load)
            .then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class_totals(assignment: &[Vec<u32>], classes: usize) -> Vec<u32> {
        (0..classes)
            .map(|class| assignment.iter().map(|place| place[class]).sum())
            .collect()
    }

    #[test]
    fn a_leaving_place_ends_empty_and_the_others_take_over() {
        let after = rebalance(&[vec![2, 1], vec![2, 1], vec![2, 1]], &[1.0, 0.0, 1.0], &[6, 3]);
        assert_eq!(after[1], [0, 0]);
        assert_eq!(class_totals(&after, 2), [6, 3]);
    }

    #[test]
    fn bigger_places_get_more() {
        assert_eq!(rebalance(&[], &[1.0, 3.0], &[8]), [vec![2], vec![6]]);
    }

    #[test]
    fn nobody_runs_where_there_is_no_place() {
        assert!(rebalance(&[], &[], &[5]).is_empty());
        assert_eq!(rebalance(&[vec![3]], &[0.0], &[5]), [vec![0]]);
    }

    #[test]
    fn interleaving_mixes_classes_evenly() {
        assert_eq!(interleave(&[2, 4]), [1, 0, 1, 1, 0, 1]);
        assert_eq!(interleave(&[0, 0]), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn totals_are_kept_loads_are_level_and_nothing_moves_needlessly(
            current in prop::collection::vec(prop::collection::vec(0u32..20, 3), 1..8),
            wanted in prop::collection::vec(0u32..60, 3),
        ) {
            let capacities = vec![1.0; current.len()];
            let after = rebalance(&current, &capacities, &wanted);
            prop_assert_eq!(class_totals(&after, 3), wanted.clone());
            let loads: Vec<u32> = after.iter().map(|place| place.iter().sum()).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
            // Applied again it changes nothing.
            prop_assert_eq!(rebalance(&after, &capacities, &wanted), after);
        }

        #[test]
        fn every_prefix_of_an_interleaving_has_the_mix(counts in prop::collection::vec(0u32..40, 1..6)) {
            let order = interleave(&counts);
            let total: u32 = counts.iter().sum();
            prop_assert_eq!(order.len(), total as usize);
            let mut seen = vec![0u32; counts.len()];
            for (position, class) in order.iter().enumerate() {
                seen[*class] += 1;
                let ideal = f64::from(counts[*class]) * (position + 1) as f64 / f64::from(total);
                prop_assert!((f64::from(seen[*class]) - ideal).abs() <= counts.len() as f64);
            }
        }
    }
}
