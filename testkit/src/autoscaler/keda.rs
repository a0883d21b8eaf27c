//! KEDA: from nothing to something and back, and an autoscaler in between.
//!
//! In: a ScaledObject, what its scaler says, the time. Out: the replicas there shall be. As long as nothing is to do and
//! the cooldown is over there are as few as when idle; otherwise an HPA, which KEDA makes, has the say.

use anyhow::{Context, Result};
use serde_json::Value;

use super::hpa::Hpa;

/// How often an HPA looks, in seconds, as clusters have it unless told otherwise.
const SYNC_SECS: u64 = 15;

/// A ScaledObject and what KEDA remembers of it.
#[derive(Debug, Clone)]
pub struct Keda {
    /// Replicas while nothing is to do.
    pub idle: u32,
    /// Seconds between two questions.
    pub polling_secs: u64,
    /// Seconds from the last activity to idleness.
    pub cooldown_secs: u64,
    /// The first trigger's metadata.
    pub metadata: Vec<(String, String)>,
    hpa: Hpa,
    last_active: Option<u64>,
}

/// What a scaler says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// Whether there is something to do.
    pub is_active: bool,
    /// How much.
    pub value: f64,
    /// How much of it is one replica's.
    pub per_replica: f64,
}

impl Keda {
    /// What a manifest of the kind `ScaledObject` describes.
    ///
    /// # Errors
    ///
    /// When something is missing in it.
    pub fn new(manifest: &Value) -> Result<Self> {
        let spec = &manifest["spec"];
        let number = |name: &str| spec[name].as_u64().with_context(|| format!("no {name}"));
        let small = |name: &str| -> Result<u32> { Ok(u32::try_from(number(name)?)?) };
        let behavior = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
        let metadata = spec
            .pointer("/triggers/0/metadata")
            .and_then(Value::as_object)
            .context("no trigger")?;
        let text = |(name, value): (&String, &Value)| {
            let value = value.as_str().with_context(|| format!("{name} is no text"))?;
            Ok((name.clone(), value.to_owned()))
        };
        Ok(Self {
            idle: small("idleReplicaCount")?,
            polling_secs: number("pollingInterval")?,
            cooldown_secs: number("cooldownPeriod")?,
            metadata: metadata.into_iter().map(text).collect::<Result<_>>()?,
            hpa: Hpa::new(small("minReplicaCount")?, small("maxReplicaCount")?, behavior)?,
            last_active: None,
        })
    }

    /// The most replicas there may be.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.hpa.most
    }

    /// The scaler says by itself whether there is something to do.
    pub fn pushed(&mut self, now: u64, replicas: u32, is_active: bool) -> u32 {
        if is_active {
            self.last_active = Some(now);
            return if replicas <= self.idle {
                self.hpa.least
            } else {
                replicas
            };
        }
        let cooled_down = self
            .last_active
            .is_none_or(|active| now >= active + self.cooldown_secs);
        if cooled_down && replicas > self.idle {
            self.idle
        } else {
            replicas
        }
    }

    /// The scaler is asked, if it is time to; and the HPA decides, if it is time for that.
    ///
    /// # Errors
    ///
    /// What `ask` fails with.
    pub fn tick(&mut self, now: u64, mut replicas: u32, ask: impl Fn() -> Result<Told>) -> Result<u32> {
        if now.is_multiple_of(self.polling_secs) {
            replicas = self.pushed(now, replicas, ask()?.is_active);
        }
        if now.is_multiple_of(SYNC_SECS) && replicas > 0 {
            let told = ask()?;
            let wanted = Hpa::wanted_by_value(replicas, told.value, told.per_replica);
            replicas = self.hpa.decide(now, replicas, wanted);
        }
        Ok(replicas)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn from_nothing_to_something_and_back() {
        let manifest = json!({"spec": {
            "pollingInterval": 5, "cooldownPeriod": 60, "idleReplicaCount": 0, "minReplicaCount": 1,
            "maxReplicaCount": 10, "triggers": [{"metadata": {"usersPerWorker": "10"}}],
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {
                "scaleDown": {"stabilizationWindowSeconds": 0},
            }}},
        }});
        let mut keda = Keda::new(&manifest).unwrap();
        let told = |is_active, value| {
            move || {
                Ok(Told {
                    is_active,
                    value,
                    per_replica: 10.0,
                })
            }
        };
        assert_eq!(keda.tick(0, 0, told(false, 0.0)).unwrap(), 0);
        assert_eq!(keda.pushed(2, 0, true), 1, "at once");
        assert_eq!(keda.tick(5, 1, told(true, 44.0)).unwrap(), 1, "not yet");
        assert_eq!(keda.tick(15, 1, told(true, 44.0)).unwrap(), 5);
        assert_eq!(keda.tick(30, 5, told(false, 0.0)).unwrap(), 1, "it cools down");
        assert_eq!(keda.tick(70, 1, told(false, 0.0)).unwrap(), 1);
        assert_eq!(keda.tick(75, 1, told(false, 0.0)).unwrap(), 0);
    }
}
