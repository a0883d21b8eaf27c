//! The manifests of `k8s/`: every combination of overlay and components renders, is what Kubernetes expects, fits together,
//! and starts a fleet of the real program.
//!
//! In: `k8s/`, `Dockerfile`. Out: everything that is wrong with a combination, at once.

mod alerts;
mod broken;
mod combined;
mod container;
mod elastic;
mod image;
mod lint;
mod live;
mod monitoring;
mod network;
mod node;
mod objects;
mod program;
mod targets;
mod walkthrough;
