//! Files that change while this process runs, as secrets do that are mounted into a container.
//!
//! In: files that belong together and what takes their contents. Out: the contents, whenever they are others. They are looked
//! at again and again rather than watched: what is mounted is a link to a link, of which the middle one is swapped. Content that cannot be used is
//! said once, and what was there before goes on counting.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A file that is longer is no secret.
const LONGEST: u64 = 1024 * 1024;

/// Files that belong together, with what they held when they were read last.
#[derive(Clone)]
pub(crate) struct Files(Vec<(PathBuf, Vec<u8>)>);

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(path, _)| path))
            .finish()
    }
}

impl Files {
    /// Some, and what they hold.
    pub(crate) fn new(files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        Self(files)
    }

    /// What they held, in their order.
    pub(crate) fn contents(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|(_, content)| content.clone()).collect()
    }

    /// Looks after the files until this process ends; `take` gets their contents whenever one differs from the last, or says
    /// what is wrong. What is wrong is said when it still is at the next look: files are replaced one after the other.
    pub(crate) async fn follow<F>(self, mut take: F)
    where
        F: FnMut(&[Vec<u8>]) -> Result<(), String> + Send + 'static,
    {
        let paths: Vec<PathBuf> = self.0.iter().map(|(path, _)| path.clone()).collect();
        let mut taken = Ok(self.contents());
        let mut last = taken.clone();
        let mut is_said = true;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let now = read(&paths).await;
            let is_new = now != last;
            if is_new {
                last.clone_from(&now);
                is_said = now == taken;
            }
            if is_said {
                continue;
            }
            let names = changed(&paths, &taken, &now);
            match now.as_deref().map_err(String::clone).and_then(&mut take) {
                Ok(()) => {
                    tracing::info!("{names} changed and counts from now on");
                    taken = now;
                    is_said = true;
                }
                Err(_) if is_new => {}
                Err(why) => {
                    tracing::warn!(
                        "{names} changed and cannot be used: {why}; what it held before still counts"
                    );
                    is_said = true;
                }
            }
        }
    }
}

/// The names of those that hold something else, for people; in the perfect tense's singular or plural.
fn changed(
    paths: &[PathBuf],
    before: &Result<Vec<Vec<u8>>, String>,
    now: &Result<Vec<Vec<u8>>, String>,
) -> String {
    let differs = |index: usize| match (before, now) {
        (Ok(before), Ok(now)) => before.get(index) != now.get(index),
        _ => true,
    };
    let names: Vec<String> = paths
        .iter()
        .enumerate()
        .filter(|(index, _)| differs(*index))
        .map(|(_, path)| path.display().to_string())
        .collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    format!("{} {verb}", names.join(", "))
}

/// Their contents, or why there are none.
async fn read(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    let paths = paths.to_owned();
    let task = tokio::task::spawn_blocking(move || {
        let each = paths
            .iter()
            .map(|path| content(path).map_err(|error| format!("{} cannot be read: {error}", path.display())));
        each.collect::<Result<Vec<_>, _>>()
    });
    task.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_swapped_is_taken_once_and_what_is_bad_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let put = |number: u32, text: &str| {
            let version = here.join(format!("..{number}"));
            std::fs::create_dir(&version).unwrap();
            std::fs::write(version.join("secret"), text).unwrap();
            symlink(format!("..{number}"), here.join("..data_tmp")).unwrap();
            std::fs::rename(here.join("..data_tmp"), here.join("..data")).unwrap();
        };
        put(1, "one");
        symlink("..data/secret", here.join("secret")).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&seen);
        let files = Files::new(vec![(here.join("secret"), b"one".to_vec())]);
        let task = tokio::spawn(files.follow(move |contents| {
            let text = String::from_utf8_lossy(&contents[0]).into_owned();
            if text == "bad" {
                return Err("it is bad".to_owned());
            }
            taken.lock().unwrap().push(text);
            Ok(())
        }));
        let after = |expected: &'static [&'static str]| {
            let seen = Arc::clone(&seen);
            async move {
                // Reading is not paused, time is: some looks may come while a file is still being read.
                for _ in 0..1_000 {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if *seen.lock().unwrap() == expected {
                        break;
                    }
                }
                tokio::time::sleep(LOOK_EVERY * 5).await;
                assert_eq!(*seen.lock().unwrap(), expected);
            }
        };
        after(&[]).await;
        put(2, "two");
        after(&["two"]).await;
        put(3, "bad");
        after(&["two"]).await;
        put(4, "four");
        after(&["two", "four"]).await;
        task.abort();
    }
}
