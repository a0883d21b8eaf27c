//! The HorizontalPodAutoscaler: from a measured value to a number of replicas.
//!
//! In: what is measured, the replicas there are, the time. Out: the replicas there shall be. A recommendation comes from
//! the measured ratio, is held back by the stabilisation windows, then by the policies, and kept within bounds.

use anyhow::{Context, Result};
use serde_json::Value;

use super::behavior::{Policy, Rules, Select, Span};

/// A ratio this close to 1 changes nothing.
const TOLERANCE: f64 = 0.1;

/// An autoscaler and what it remembers.
#[derive(Debug, Clone)]
pub struct Hpa {
    /// Never fewer.
    pub least: u32,
    /// Never more.
    pub most: u32,
    up: Rules,
    down: Rules,
    /// When what was recommended.
    recommended: Vec<(u64, u32)>,
    /// When how many came.
    added: Vec<(u64, u32)>,
    /// When how many left.
    removed: Vec<(u64, u32)>,
}

impl Hpa {
    /// One with these bounds, and rules as `behavior` of a manifest says.
    ///
    /// # Errors
    ///
    /// When `behavior` makes no sense.
    pub fn new(least: u32, most: u32, behavior: &Value) -> Result<Self> {
        Ok(Self {
            least,
            most,
            up: Rules::usual_up().changed(&behavior["scaleUp"])?,
            down: Rules::usual_down().changed(&behavior["scaleDown"])?,
            recommended: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
        })
    }

    /// The one a manifest of the kind `HorizontalPodAutoscaler` describes, and its target: a share of the CPU that was
    /// requested.
    ///
    /// # Errors
    ///
    /// When something is missing in it.
    pub fn by_cpu(manifest: &Value) -> Result<(Self, f64)> {
        let spec = &manifest["spec"];
        let number = |name: &str| -> Result<u32> {
            let number = spec[name].as_u64().with_context(|| format!("no {name}"))?;
            Ok(u32::try_from(number)?)
        };
        let percent = spec
            .pointer("/metrics/0/containerResource/target/averageUtilization")
            .and_then(Value::as_f64)
            .context("no averageUtilization")?;
        let hpa = Self::new(number("minReplicas")?, number("maxReplicas")?, &spec["behavior"])?;
        Ok((hpa, percent / 100.0))
    }

    /// What an external value asks for that is shared out to so much per replica.
    #[must_use]
    pub fn wanted_by_value(current: u32, value: f64, per_replica: f64) -> u32 {
        let ratio = value / (per_replica * f64::from(current));
        if (ratio - 1.0).abs() <= TOLERANCE {
            return current;
        }
        (value / per_replica).ceil() as u32
    }

    /// What the use of a resource asks for: a share of what was requested for each replica that reports, of `current`.
    #[must_use]
    pub fn wanted_by_use(current: u32, shares: &[f64], target: f64) -> u32 {
        let reporting = shares.len() as f64;
        if shares.is_empty() {
            return current;
        }
        let sum: f64 = shares.iter().sum();
        let ratio = sum / reporting / target;
        let silent = f64::from(current) - reporting;
        if silent <= 0.0 {
            if (ratio - 1.0).abs() <= TOLERANCE {
                return current;
            }
            return (ratio * reporting).ceil() as u32;
        }
        // Those that say nothing are taken for idle before more come, and for busy before some leave.
        let assumed = if ratio > 1.0 { 0.0 } else { target.max(1.0) };
        let all = f64::from(current);
        let careful = (sum + silent * assumed) / all / target;
        if (careful - 1.0).abs() <= TOLERANCE || (ratio > 1.0) != (careful > 1.0) {
            return current;
        }
        (careful * all).ceil() as u32
    }

    /// What becomes of a wish at a moment, in seconds.
    pub fn decide(&mut self, now: u64, current: u32, wanted: u32) -> u32 {
        if current == 0 {
            // Somebody has switched it off.
            return 0;
        }
        let decided = if current > self.most {
            self.most
        } else if current < self.least {
            self.least
        } else {
            let steady = self.stabilised(now, current, wanted);
            let allowed = self.allowed(now, current, steady);
            allowed.clamp(self.least, self.most)
        };
        if decided > current {
            self.added.push((now, decided - current));
        } else if decided < current {
            self.removed.push((now, current - decided));
        }
        let oldest = now.saturating_sub(self.up.longest_period().max(self.down.longest_period()));
        self.added.retain(|(at, _)| *at >= oldest);
        self.removed.retain(|(at, _)| *at >= oldest);
        decided
    }

    fn stabilised(&mut self, now: u64, current: u32, wanted: u32) -> u32 {
        let window = self.up.window_secs.max(self.down.window_secs);
        self.recommended.retain(|(at, _)| at + window > now);
        let within = |seconds: u64| {
            let recent = self.recommended.iter().filter(move |(at, _)| at + seconds > now);
            recent.map(|(_, wanted)| *wanted)
        };
        let up = within(self.up.window_secs)
            .min()
            .map_or(wanted, |least| least.min(wanted));
        let down = within(self.down.window_secs)
            .max()
            .map_or(wanted, |most| most.max(wanted));
        self.recommended.push((now, wanted));
        current.max(up).min(down)
    }

    fn allowed(&self, now: u64, current: u32, wanted: u32) -> u32 {
        let rules = if wanted > current { &self.up } else { &self.down };
        if rules.select == Select::Disabled {
            return current;
        }
        let begun = |policy: &Policy| {
            let within = |events: &[(u64, u32)]| -> u32 {
                let recent = events.iter().filter(|(at, _)| at + policy.period_secs > now);
                recent.map(|(_, count)| count).sum()
            };
            (current + within(&self.removed)).saturating_sub(within(&self.added))
        };
        if wanted > current {
            let limits = rules.policies.iter().map(|policy| match policy.span {
                Span::Pods(pods) => begun(policy) + pods,
                Span::Percent(percent) => {
                    (f64::from(begun(policy)) * (1.0 + f64::from(percent) / 100.0)).ceil() as u32
                }
            });
            let limit = match rules.select {
                Select::Min => limits.min(),
                _ => limits.max(),
            };
            wanted.min(limit.unwrap_or(current).max(current))
        } else if wanted < current {
            let limits = rules.policies.iter().map(|policy| match policy.span {
                Span::Pods(pods) => begun(policy).saturating_sub(pods),
                Span::Percent(percent) => {
                    (f64::from(begun(policy)) * (1.0 - f64::from(percent) / 100.0)) as u32
                }
            });
            // The policy that allows the most change leaves the fewest.
            let limit = match rules.select {
                Select::Min => limits.max(),
                _ => limits.min(),
            };
            wanted.max(limit.unwrap_or(current).min(current))
        } else {
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ratio_close_to_one_changes_nothing() {
        assert_eq!(Hpa::wanted_by_value(10, 10_900.0, 1_000.0), 10);
        assert_eq!(Hpa::wanted_by_value(10, 11_100.0, 1_000.0), 12);
        assert_eq!(Hpa::wanted_by_value(10, 8_900.0, 1_000.0), 9);
        assert_eq!(Hpa::wanted_by_use(3, &[0.7, 0.75, 0.72], 0.7), 3);
        assert_eq!(Hpa::wanted_by_use(2, &[1.0, 1.0], 0.7), 3);
        assert_eq!(Hpa::wanted_by_use(4, &[0.1; 4], 0.7), 1);
    }

    #[test]
    fn those_that_say_nothing_hold_changes_back() {
        // Two busy ones ask for more; the two that have just come will do.
        assert_eq!(Hpa::wanted_by_use(4, &[1.0, 1.0], 0.7), 4);
        // Two idle ones ask for fewer; the others may be busy.
        assert_eq!(Hpa::wanted_by_use(4, &[0.1, 0.1], 0.7), 4);
        assert_eq!(Hpa::wanted_by_use(4, &[], 0.7), 4);
    }

    #[test]
    fn policies_limit_what_comes_within_their_period() {
        let behavior =
            json!({"scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}]}});
        let mut hpa = Hpa::new(1, 100, &behavior).unwrap();
        assert_eq!(hpa.decide(0, 2, 50), 4);
        assert_eq!(hpa.decide(15, 4, 50), 4, "doubled once within a minute");
        assert_eq!(hpa.decide(60, 4, 50), 8);
        assert_eq!(hpa.decide(200, 8, 500), 16);
    }

    #[test]
    fn fewer_only_after_the_window_and_step_by_step() {
        let behavior = json!({"scaleDown": {
            "stabilizationWindowSeconds": 120,
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
        }});
        let mut hpa = Hpa::new(1, 100, &behavior).unwrap();
        let mut replicas = 10;
        let mut seen = Vec::new();
        for now in (0..=240).step_by(15) {
            let wanted = if now == 0 { 10 } else { 5 };
            replicas = hpa.decide(now, replicas, wanted);
            seen.push(replicas);
        }
        let expected = [vec![10; 8], vec![8, 8, 6, 6], vec![5; 5]].concat();
        assert_eq!(seen, expected);
    }

    #[test]
    fn bounds_and_switches_hold() {
        let disabled = json!({"scaleDown": {"selectPolicy": "Disabled"}});
        let mut hpa = Hpa::new(2, 5, &disabled).unwrap();
        assert_eq!(hpa.decide(0, 0, 9), 0);
        assert_eq!(hpa.decide(0, 1, 0), 2);
        assert_eq!(hpa.decide(0, 9, 9), 5);
        assert_eq!(hpa.decide(1_000, 5, 0), 5);
    }
}
