//! Open files: tests with thousands of connections need more than most shells allow.
//!
//! In: nothing. Out: the soft limit raised to the hard one, for this process and those it starts.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files as far as it goes and returns it. A system that refuses leaves it as it is.
pub fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 0;
    };
    if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        hard
    } else {
        soft
    }
}
