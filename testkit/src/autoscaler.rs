//! What a cluster does about a number: the algorithms of Kubernetes' HorizontalPodAutoscaler and of KEDA, as documented,
//! with the numbers of rendered manifests and a clock that is moved by hand.
//!
//! In: a manifest, what is measured at a moment. Out: how many replicas there shall be. Nothing here starts or measures
//! anything.

mod behavior;
mod hpa;
mod keda;

pub use behavior::{Policy, Rules, Select, Span};
pub use hpa::Hpa;
pub use keda::{Keda, Told};
