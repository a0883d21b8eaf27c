//! Virtual users: how one lives, and how a load thread keeps as many as it was told to.
//!
//! A user's life is `session`; each iteration of it is a coroutine (`fiber`) on a borrowed stack (`stacks`); what its
//! script asks for comes in through `script_host`; `pool` starts and stops users: by a `schedule`, or for arrivals that are
//! due by a `timetable` and meet them at a `desk`.

pub(crate) mod class;
pub(crate) mod context;
mod default_tags;
pub(crate) mod desk;
pub(crate) mod fiber;
pub(crate) mod pacing;
pub(crate) mod pool;
pub(crate) mod restarts;
pub(crate) mod schedule;
pub(crate) mod script_host;
pub(crate) mod sending;
pub(crate) mod session;
pub(crate) mod stacks;
pub(crate) mod stop;
pub(crate) mod timetable;
pub(crate) mod turnstile;
mod verdicts;
mod weights;
