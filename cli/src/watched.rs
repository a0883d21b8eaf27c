//! Files that change while this process runs, as secrets do that are mounted into a container.
//!
//! In: a file and what takes its content. Out: the content, whenever it is another one. It is looked at again and again rather
//! than watched: what is mounted is a link to a link, of which the middle one is swapped. Content that cannot be used is
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

/// Looks after a file until this process ends; `take` gets each content that differs from the last one, or says what is wrong with
/// it.
pub(crate) async fn follow<F>(path: PathBuf, mut take: F)
where
    F: FnMut(&[u8]) -> Result<(), String> + Send + 'static,
{
    let mut last = read(&path).await;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let now = read(&path).await;
        if now == last {
            continue;
        }
        let taken = now.as_deref().map_err(String::clone).and_then(&mut take);
        let name = path.display();
        match taken {
            Ok(()) => tracing::info!("{name} has changed and counts from now on"),
            Err(why) => tracing::warn!(
                "{name} has changed and cannot be used: {why}; what it held before still counts"
            ),
        }
        last = now;
    }
}

/// Its content, or why there is none.
async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let path = path.to_owned();
    let task = tokio::task::spawn_blocking(move || content(&path));
    match task.await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
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
        let task = tokio::spawn(follow(here.join("secret"), move |content| {
            let text = String::from_utf8_lossy(content).into_owned();
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
