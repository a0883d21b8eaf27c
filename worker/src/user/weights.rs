//! Drawing by weight: which task a user runs, which class an arrival is of.
//!
//! In: weights. Out: an index, each as often as its weight says.

use fastrand::Rng;

/// Weights that are drawn from.
#[derive(Debug)]
pub(crate) struct Weights {
    /// Of each, the sum of the weights up to and including its own.
    up_to: Vec<f64>,
}

impl Weights {
    /// These; one that is not above 0 is never drawn.
    pub(crate) fn new(weights: impl Iterator<Item = f64>) -> Self {
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += f64::max(weight, 0.0);
            Some(*sum)
        });
        Self {
            up_to: sums.collect(),
        }
    }

    /// One of them; `None` when no weight is above 0.
    pub(crate) fn draw(&self, random: &mut Rng) -> Option<usize> {
        let sum = self.up_to.last().copied().filter(|sum| *sum > 0.0)?;
        // The one that brings the sum to its end: after it nothing is left to be drawn.
        let last = self.up_to.partition_point(|up_to| *up_to < sum);
        if last == 0 {
            return Some(0);
        }
        let drawn = random.f64() * sum;
        let index = self.up_to.partition_point(|up_to| *up_to <= drawn);
        Some(index.min(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_drawn_as_often_as_its_weight_says() {
        let weights = Weights::new([1.0, 0.0, 3.0, 0.0].into_iter());
        let mut random = Rng::with_seed(7);
        let mut counts = [0u32; 4];
        for _ in 0..40_000 {
            counts[weights.draw(&mut random).unwrap()] += 1;
        }
        assert_eq!((counts[1], counts[3]), (0, 0));
        assert!(counts[0].abs_diff(10_000) < 400, "{counts:?}");
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        let draw = |weights: &[f64]| Weights::new(weights.iter().copied()).draw(&mut Rng::with_seed(1));
        assert_eq!((draw(&[]), draw(&[0.0, 0.0])), (None, None));
        assert_eq!((draw(&[2.0]), draw(&[0.0, 2.0])), (Some(0), Some(1)));
    }
}
