//! The harness of the end-to-end tests: real processes, targets with known behaviour, servers with bad manners.
//!
//! In: what a test wants to happen. Out: what did happen, as values to assert on. Nothing here is published; nothing
//! here talks to anything but loopback; everything started is stopped when its handle is dropped. All of it returns
//! `anyhow` errors with enough context to understand a failed test from its output alone.

mod accounts;
mod alone;
mod autoscaler;
mod axe;
mod binary;
mod browser;
mod certificates;
mod collector;
mod combinations;
mod container;
mod debian_server;
mod demo_target;
mod dnsmasq;
mod drain;
mod eventually;
mod exporter;
mod fake_master;
mod fake_worker;
mod fleet;
mod haproxy;
mod hostile;
mod http_call;
mod http_get;
mod katydid;
mod kubernetes;
mod limits;
mod load_run;
mod metronome;
mod mounted;
mod namespace;
mod nginx;
mod outcome;
mod page;
mod ports;
mod process_stat;
mod process_tree;
mod prometheus;
mod redact;
mod redis;
mod running;
mod scaler_client;
mod schemathesis;
mod scratch;
mod served;
mod tinyproxy;
mod tls_server;
mod tty;

pub use accounts::Accounts;
pub use alone::{Alone, alone};
pub use autoscaler::{Hpa, Keda, Policy, Rules, Select, Span, Told};
pub use axe::Axe;
pub use binary::{katydid_bin, katydid_debug_bin};
pub use browser::{Browser, Key, Screen};
pub use certificates::{Certificates, Flaw};
pub use collector::{Collector, CollectorManners, Pushed};
pub use combinations::{Combination, combinations, overlays};
pub use container::{Container, Containers};
pub use demo_target::DemoTarget;
pub use dnsmasq::Dnsmasq;
pub use eventually::{PATIENCE, retry};
pub use exporter::Exporter;
pub use fake_master::{FakeCall, FakeMaster};
pub use fake_worker::{FakeLink, FakeWorker};
pub use fleet::Fleet;
pub use haproxy::Haproxy;
pub use hostile::{Counters, HostileServer, Malformed, Manners, refused_url};
pub use http_call::{HttpAnswer, HttpCall};
pub use http_get::http_get;
pub use katydid::Katydid;
pub use kubernetes::{Kustomize, VERSIONS, Verdict, manifests, validate};
pub use limits::raise_open_files;
pub use load_run::{LoadRun, Report, RunningLoad};
pub use metronome::{Lateness, Metronome};
pub use mounted::Mounted;
pub use namespace::Namespace;
pub use nginx::Nginx;
pub use outcome::{
    CheckResult, CsvTable, ErrorResult, ExceptionResult, JsonResult, JsonTimes, RequestResult,
};
pub use page::Page;
pub use process_stat::ProcessStat;
pub use prometheus::Prometheus;
pub use redact::redact;
pub use redis::Redis;
pub use running::{Finished, Running};
pub use scaler_client::{ScalerClient, ScalerStream};
pub use schemathesis::{ask, schemathesis};
pub use scratch::Scratch;
pub use served::Served;
pub use tinyproxy::Tinyproxy;
pub use tls_server::TlsServer;
pub use tty::{CTRL_C, Tty};

pub use nix::sys::signal::Signal;
pub use tonic::Code;
