//! What tests of the state machine begin with: plans, classes, expectations, hellos.

use katydid_protocol::fleet::{Hello, PROTOCOL_VERSION};

use super::{GRACE, secs};
use crate::control::controller::{Duration, Expectations, LoadPlan, UserClass};

pub(super) fn class(name: &str, weight: f64, fixed_count: u32) -> UserClass {
    UserClass {
        name: name.to_owned(),
        weight,
        fixed_count,
    }
}

pub(super) fn plan(users: u32, run_time: Option<Duration>) -> LoadPlan {
    LoadPlan {
        users,
        spawn_rate: 2.0,
        run_time,
        stop_timeout: GRACE,
        arrivals: None,
    }
}

pub(super) fn expecting(workers: u32) -> Expectations {
    Expectations {
        workers,
        max_wait: Some(secs(20)),
        worker_grace: secs(30),
        master_grace: secs(600),
    }
}

pub(super) fn hello(instance: &str) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        version: String::new(),
        name: instance.to_owned(),
        instance: instance.to_owned(),
        cores: 1,
        threads: 1,
        open_files: 1_000,
        running: None,
    }
}
