//! How fast replicas may change in one direction.
//!
//! In: `behavior.scaleUp` or `scaleDown` of a manifest. Out: [`Rules`], with what Kubernetes adds by itself.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One direction's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// At least one.
    pub policies: Vec<Policy>,
    /// Which of them counts.
    pub select: Select,
    /// For so long what was recommended before is looked at too.
    pub window_secs: u64,
}

/// So much within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How much.
    pub span: Span,
    /// Within how long.
    pub period_secs: u64,
}

/// How much replicas may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// By so many.
    Pods(u32),
    /// By a share of what there was at the beginning of the period.
    Percent(u32),
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the most.
    Max,
    /// The one that allows the least.
    Min,
    /// None: nothing changes in this direction.
    Disabled,
}

impl Rules {
    /// What holds for more replicas unless a manifest says otherwise.
    #[must_use]
    pub fn usual_up() -> Self {
        Self {
            policies: [Span::Percent(100), Span::Pods(4)]
                .map(|span| Policy {
                    span,
                    period_secs: 15,
                })
                .to_vec(),
            select: Select::Max,
            window_secs: 0,
        }
    }

    /// What holds for fewer.
    #[must_use]
    pub fn usual_down() -> Self {
        Self {
            policies: vec![Policy {
                span: Span::Percent(100),
                period_secs: 15,
            }],
            select: Select::Max,
            window_secs: 300,
        }
    }

    /// These, changed as a manifest says.
    ///
    /// # Errors
    ///
    /// When it says something that does not exist.
    pub fn changed(mut self, said: &Value) -> Result<Self> {
        if let Some(seconds) = said["stabilizationWindowSeconds"].as_u64() {
            self.window_secs = seconds;
        }
        if let Some(policies) = said["policies"].as_array() {
            self.policies = policies.iter().map(Policy::read).collect::<Result<_>>()?;
        }
        self.select = match said["selectPolicy"].as_str() {
            None => self.select,
            Some("Max") => Select::Max,
            Some("Min") => Select::Min,
            Some("Disabled") => Select::Disabled,
            Some(other) => bail!("there is no selectPolicy {other}"),
        };
        Ok(self)
    }

    /// The longest time a policy looks back.
    pub(super) fn longest_period(&self) -> u64 {
        let periods = self.policies.iter().map(|policy| policy.period_secs);
        periods.max().unwrap_or_default()
    }
}

impl Policy {
    fn read(said: &Value) -> Result<Self> {
        let number = |name: &str| {
            said[name]
                .as_u64()
                .with_context(|| format!("no {name} in {said}"))
        };
        let value = u32::try_from(number("value")?)?;
        Ok(Self {
            span: match said["type"].as_str() {
                Some("Pods") => Span::Pods(value),
                Some("Percent") => Span::Percent(value),
                _ => bail!("what is a policy of type {}?", said["type"]),
            },
            period_secs: number("periodSeconds")?,
        })
    }
}
