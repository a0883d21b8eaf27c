//! Who may use which rows of a data set: each row is handed out once in a run, over all workers.
//!
//! In: what workers ask for and what leaving ones give back. Out: rows nobody else has. It is plain data, so that it can
//! be written down with the run and read again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use katydid_protocol::fleet::Rows;
use serde::{Deserialize, Serialize};

/// The rows of a run's data sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowLedger {
    sets: BTreeMap<Arc<str>, DataSetRows>,
    /// Which process has given back what it had of which set; it does so once, however often it says it.
    settled: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// The rows of one data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct DataSetRows {
    len: u64,
    /// The first row nobody has had yet.
    next: u64,
    /// Rows given back: in order, apart from each other, all before `next`.
    returned: VecDeque<Rows>,
}

impl RowLedger {
    /// Hands out `count` rows of a data set that has `len`, or as many as there are, and says whether these were the
    /// last. The first to ask decides how long the set is.
    pub(crate) fn grant(&mut self, data: &Arc<str>, len: u64, count: u32) -> (Vec<Rows>, bool) {
        let set = self.sets.entry(Arc::clone(data)).or_insert_with(|| DataSetRows {
            len,
            ..DataSetRows::default()
        });
        let mut wanted = u64::from(count.max(1));
        let mut granted = Vec::new();
        while wanted > 0 {
            let Some(rows) = set.take(wanted) else { break };
            wanted -= rows.end - rows.start;
            granted.push(rows);
        }
        (granted, set.is_empty())
    }

    /// Rows that were granted and could not be handed out.
    pub(crate) fn keep(&mut self, data: &Arc<str>, rows: Vec<Rows>) {
        if let Some(set) = self.sets.get_mut(data) {
            rows.into_iter().for_each(|rows| set.take_back(rows));
        }
    }

    /// Takes back rows that a worker got and has not used, the first time its process says so: it may say so again when its
    /// connection breaks, and somebody else may have them by then. What was never handed out is left alone.
    pub(crate) fn take_back(&mut self, instance: &Arc<str>, data: &Arc<str>, rows: Vec<Rows>) {
        if let Some(set) = self.sets.get_mut(data)
            && self.settled.insert((Arc::clone(instance), Arc::clone(data)))
        {
            rows.into_iter().for_each(|rows| set.take_back(rows));
        }
    }
}

impl DataSetRows {
    /// The next rows in one piece, `most` at most; those given back first.
    fn take(&mut self, most: u64) -> Option<Rows> {
        if let Some(first) = self.returned.front_mut() {
            let end = first.end.min(first.start.saturating_add(most));
            let rows = first.start..end;
            first.start = end;
            if first.is_empty() {
                self.returned.pop_front();
            }
            return Some(rows);
        }
        let rows = self.next..self.len.min(self.next.saturating_add(most));
        self.next = rows.end;
        (!rows.is_empty()).then_some(rows)
    }

    fn is_empty(&self) -> bool {
        self.returned.is_empty() && self.next >= self.len
    }

    fn take_back(&mut self, rows: Rows) {
        let rows = rows.start..rows.end.min(self.next);
        if rows.is_empty() {
            return;
        }
        let mut merged: Vec<Rows> = self.returned.drain(..).chain([rows]).collect();
        merged.sort_by_key(|rows| rows.start);
        for rows in merged {
            match self.returned.back_mut() {
                Some(last) if rows.start <= last.end => last.end = last.end.max(rows.end),
                _ => self.returned.push_back(rows),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: u64, end: u64) -> Rows {
        start..end
    }

    #[test]
    fn rows_go_out_in_order_and_come_back() {
        let (mut ledger, data) = (RowLedger::default(), Arc::from("a"));
        assert_eq!(ledger.grant(&data, 10, 4), (vec![span(0, 4)], false));
        assert_eq!(ledger.grant(&data, 10, 4), (vec![span(4, 8)], false));
        ledger.take_back(&"w0".into(), &data, vec![2..4, 6..8, 6..7, 9..10, 90..99]);
        assert_eq!(ledger.grant(&data, 10, 5), (vec![2..4, 6..8, 8..9], false));
        assert_eq!(ledger.grant(&data, 10, 5), (vec![span(9, 10)], true));
        assert_eq!(ledger.grant(&data, 10, 5), (vec![], true));
        ledger.take_back(&"w0".into(), &data, vec![span(2, 4)]);
        assert_eq!(ledger.grant(&data, 10, 5), (vec![], true), "said again");
        ledger.take_back(&"w1".into(), &data, vec![span(5, 6)]);
        assert_eq!(ledger.grant(&data, 10, 5), (vec![span(5, 6)], true));
        assert_eq!(ledger.grant(&Arc::from("b"), 0, 5), (vec![], true));
    }

    #[test]
    fn the_ledger_can_be_written_down() {
        let mut ledger = RowLedger::default();
        let data = Arc::from("a");
        ledger.grant(&data, 10, 4);
        ledger.take_back(&"w0".into(), &data, vec![span(1, 3)]);
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<RowLedger>(&text).unwrap(), ledger);
    }

    proptest! {
        /// Workers ask for rows, use some, leave and give back the rest, perhaps twice: nobody uses a row somebody else
        /// has used, and in the end all of them have been used.
        #[test]
        fn each_row_is_used_at_most_once(
            len in 0u64..300,
            steps in prop::collection::vec((0usize..4, 1u32..40, 0usize..40, any::<bool>()), 0..80),
        ) {
            let data: Arc<str> = Arc::from("a");
            let mut ledger = RowLedger::default();
            let mut stocks: Vec<Vec<u64>> = vec![Vec::new(); 4];
            let mut generations = [0; 4];
            let mut used = vec![0u32; usize::try_from(len).unwrap()];
            for (worker, count, uses, leaves) in steps {
                let (rows, exhausted) = ledger.grant(&data, len, count);
                let granted: Vec<u64> = rows.into_iter().flatten().collect();
                prop_assert!(granted.len() <= count as usize);
                prop_assert!(exhausted || granted.len() == count as usize);
                stocks[worker].extend(granted);
                let uses = uses.min(stocks[worker].len());
                for row in stocks[worker].drain(..uses) {
                    used[usize::try_from(row).unwrap()] += 1;
                }
                if leaves {
                    let rest: Vec<Rows> = stocks[worker].drain(..).map(|row| row..row + 1).collect();
                    let instance: Arc<str> = format!("{worker}-{}", generations[worker]).into();
                    ledger.take_back(&instance, &data, rest.clone());
                    ledger.take_back(&instance, &data, rest);
                    // Another one comes in its place.
                    generations[worker] += 1;
                }
            }
            prop_assert!(used.iter().all(|count| *count <= 1), "{:?}", used);
            let rest: Vec<u64> = stocks.into_iter().flatten().collect();
            let mut last: Vec<u64> = Vec::new();
            loop {
                let (rows, exhausted) = ledger.grant(&data, len, 7);
                last.extend(rows.into_iter().flatten());
                if exhausted {
                    break;
                }
            }
            for row in rest.into_iter().chain(last) {
                used[usize::try_from(row).unwrap()] += 1;
            }
            prop_assert!(used.iter().all(|count| *count == 1), "{:?}", used);
        }
    }
}
