//! Directives the worker has no room for yet: never more than one of a kind, but for rows.
//!
//! In: directives in the order control gave them. Out: the same, less those a later one of their kind has overtaken;
//! a share and a reset are absolute, so that the last one says it all. Rows are nobody else's any more and must all
//! arrive; they are bounded by a worker's asking for one lease of a data set at a time.

use std::collections::VecDeque;
use std::mem::discriminant;

use katydid_protocol::directive::Directive;

/// Directives waiting to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Directive>,
}

impl Outbox {
    /// Adds a directive, which replaces a waiting one of its kind unless it carries rows.
    pub(super) fn push(&mut self, directive: Directive) {
        if !matches!(directive, Directive::Rows { .. }) {
            self.waiting
                .retain(|waiting| discriminant(waiting) != discriminant(&directive));
        }
        self.waiting.push_back(directive);
    }

    /// Takes the first.
    pub(super) fn pop(&mut self) -> Option<Directive> {
        self.waiting.pop_front()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_later_directive_replaces_a_waiting_one_of_its_kind() {
        let mut outbox = Outbox::default();
        outbox.push(Directive::Begin {
            elapsed: Duration::ZERO,
            setup: None,
        });
        outbox.push(Directive::ResetStats { generation: 1 });
        outbox.push(Directive::Stop {
            grace: Duration::ZERO,
        });
        outbox.push(Directive::ResetStats { generation: 2 });
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(
            order,
            [
                Directive::Begin {
                    elapsed: Duration::ZERO,
                    setup: None
                },
                Directive::Stop {
                    grace: Duration::ZERO
                },
                Directive::ResetStats { generation: 2 }
            ]
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn rows_all_arrive() {
        let mut outbox = Outbox::default();
        let rows = |start: u64| {
            let row = start..start + 1;
            Directive::Rows {
                data: "a".into(),
                rows: vec![row],
                exhausted: false,
            }
        };
        for directive in [rows(0), Directive::Partition { index: 0, count: 2 }, rows(1)] {
            outbox.push(directive);
        }
        outbox.push(Directive::Partition { index: 1, count: 2 });
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(
            order,
            [rows(0), rows(1), Directive::Partition { index: 1, count: 2 }]
        );
    }
}
