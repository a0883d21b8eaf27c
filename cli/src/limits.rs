//! What the system lets this process do: open files.
//!
//! In: the number of users planned. Out: the limit raised as far as it goes, and a warning with what to do if that
//! is not far enough.

use nix::fcntl::{FcntlArg, fcntl};

/// Files there is room for from the start; of kernel memory it takes half a megabyte.
const ROOM: u64 = 65_536;
/// Files a process has open besides its users' connections.
const OWN_FILES: u64 = 100;

/// Raises the limit of open files and makes room for them, which is done before there are threads.
///
/// Else Linux makes room as it is needed, at 256, 512, 1,024... open files, and each time the thread that opens one
/// waits for tens of milliseconds until no other can see the old table (`expand_fdtable` in the kernel's `fs/file.c`).
/// Users started then would be late.
pub(crate) fn make_room() {
    let Some(highest) = raise_open_files().map(|limit| limit.min(ROOM)) else {
        return;
    };
    let Ok(highest) = i32::try_from(highest.saturating_sub(1)) else {
        return;
    };
    // The table that files are kept in never becomes smaller again.
    if let Ok(file) = fcntl(std::io::stdin(), FcntlArg::F_DUPFD_CLOEXEC(highest)) {
        // It was ours alone a moment ago: there is nothing it could fail for.
        let _closed = nix::unistd::close(file);
    }
}

/// Raises the limit of open files to what the system allows; gives the limit reached, if it is known.
pub(crate) fn raise_open_files() -> Option<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
        .map_err(|error| tracing::debug!("the limit of open files cannot be raised: {error}"))
        .ok()
}

/// A warning when `users` with a connection each do not fit into `limit` open files.
pub(crate) fn open_files_warning(users: u32, limit: u64) -> Option<String> {
    let needed = u64::from(users) + OWN_FILES;
    (needed > limit).then(|| {
        format!(
            "{users} users need {needed} open files or more, and the system allows {limit}: connections beyond will \
             fail with \"too many open files\". Raise the limit first (`ulimit -n {needed}`; LimitNOFILE= in systemd; \
             `--ulimit nofile={needed}` in Docker) or run fewer users"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_beyond_the_limit_are_warned_about() {
        assert_eq!(open_files_warning(900, 1_024), None);
        assert_eq!(open_files_warning(u32::MAX, u64::MAX), None);
        let warning = open_files_warning(10_000, 1_024).unwrap();
        assert!(warning.contains("ulimit -n 10100"), "{warning}");
    }

    #[test]
    fn there_is_room_for_many_files_and_none_is_left_open() {
        let room = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
            line.unwrap().trim().parse::<u64>().unwrap()
        };
        make_room();
        let limit = raise_open_files().unwrap();
        assert!(room() >= limit.min(ROOM), "{} of {limit}", room());
        let highest = format!("/proc/self/fd/{}", limit.min(ROOM) - 1);
        assert!(!std::path::Path::new(&highest).exists());
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert!(raise_open_files().is_some_and(|limit| limit <= hard));
    }
}
