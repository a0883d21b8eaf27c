//! How long a CPU quota keeps this process from running.
//!
//! In: the control groups the process is in, and those above them: a container's quota may be that of its pod. Out: the
//! time since the last look. Groups of version 1 and 2 are known, in a namespace of their own or not.

use std::fs;
use std::path::{Path, PathBuf};

/// Where groups are found.
const ROOT: &str = "/sys/fs/cgroup";

/// The groups whose quotas concern this process.
#[derive(Debug, Default)]
pub(super) struct Throttle(Vec<Group>);

/// One of them.
#[derive(Debug)]
struct Group {
    stat: PathBuf,
    throttled_us: u64,
}

impl Throttle {
    /// Looks for this process's groups; nothing is found where there is no quota.
    pub(super) fn find() -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::of(&own, Path::new(ROOT))
    }

    /// The groups a process is in according to `/proc/self/cgroup`, where they are mounted at `root`.
    fn of(own: &str, root: &Path) -> Self {
        let found = stat_files(own, root).into_iter().filter_map(|stat| {
            let throttled_us = throttled_us(&fs::read_to_string(&stat).ok()?)?;
            Some(Group { stat, throttled_us })
        });
        Self(found.collect())
    }

    /// Time without the CPU since the last call, in µs. Groups within each other are kept waiting at the same time, so the
    /// longest counts.
    pub(super) fn read_us(&mut self) -> u64 {
        let since_last = |group: &mut Group| {
            let now = fs::read_to_string(&group.stat)
                .ok()
                .and_then(|text| throttled_us(&text));
            let before = group.throttled_us;
            group.throttled_us = now.unwrap_or(before);
            group.throttled_us.saturating_sub(before)
        };
        self.0.iter_mut().map(since_last).max().unwrap_or(0)
    }
}

/// Every `cpu.stat` that may be there: of each group and of those above it. Without a namespace of groups a container is
/// told paths of its host, of which it sees only the last part, mounted as if it were the whole.
fn stat_files(own: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let mounts = if controllers.is_empty() {
            vec![root.to_owned(), root.join("unified")]
        } else if controllers.split(',').any(|controller| controller == "cpu") {
            vec![root.join(controllers), root.join("cpu")]
        } else {
            continue;
        };
        let group = Path::new(group.trim_start_matches('/'));
        // Two names of one folder would only tell the same twice.
        let Some(mount) = mounts
            .iter()
            .find(|mount| mount.join("cpu.stat").exists() || mount.join(group).join("cpu.stat").exists())
        else {
            continue;
        };
        files.extend(group.ancestors().map(|group| mount.join(group).join("cpu.stat")));
    }
    files
}

/// What a group's `cpu.stat` says; `None` for a group without a quota.
fn throttled_us(stat: &str) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        stat.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|number| number.trim().parse().ok())
    };
    number("throttled_usec ").or_else(|| Some(number("throttled_time ")? / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, group: &str, text: &str) {
        let folder = root.join(group);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cpu.stat"), text).unwrap();
    }

    #[test]
    fn version_2_in_a_namespace() {
        let root = tempfile::tempdir().unwrap();
        let stat = |us: u64| format!("usage_usec 5\nnr_throttled 3\nthrottled_usec {us}\n");
        write(root.path(), "", &stat(1_000));
        let mut throttle = Throttle::of("0::/\n", root.path());
        assert_eq!(throttle.read_us(), 0);
        write(root.path(), "", &stat(151_000));
        assert_eq!(throttle.read_us(), 150_000);
        assert_eq!(throttle.read_us(), 0);
    }

    #[test]
    fn version_2_without_a_namespace_and_with_a_quota_above() {
        let root = tempfile::tempdir().unwrap();
        let (pod, container) = ("kubepods.slice/pod7.slice", "kubepods.slice/pod7.slice/c.scope");
        write(root.path(), "", "usage_usec 5\n");
        write(root.path(), "kubepods.slice", "throttled_usec 0\n");
        write(root.path(), pod, "throttled_usec 10\n");
        write(root.path(), container, "throttled_usec 20\n");
        let mut throttle = Throttle::of(&format!("0::/{container}\n"), root.path());
        write(root.path(), pod, "throttled_usec 510\n");
        write(root.path(), container, "throttled_usec 320\n");
        assert_eq!(throttle.read_us(), 500);
    }

    #[test]
    fn version_1_with_and_without_the_path_of_the_host() {
        let own = "12:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n";
        for group in ["cpu,cpuacct/docker/abc", "cpu,cpuacct"] {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), group, "nr_periods 1\nthrottled_time 5000\n");
            let mut throttle = Throttle::of(own, root.path());
            write(root.path(), group, "nr_periods 2\nthrottled_time 205000\n");
            assert_eq!(throttle.read_us(), 200, "{group}");
        }
    }

    #[test]
    fn no_groups_keep_nobody_waiting() {
        let root = tempfile::tempdir().unwrap();
        for own in ["", "nonsense", "0::/a/b", "1:cpu:/a"] {
            assert_eq!(Throttle::of(own, root.path()).read_us(), 0, "{own}");
        }
    }
}
