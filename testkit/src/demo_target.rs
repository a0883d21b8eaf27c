//! The demo target on threads of the test itself.
//!
//! In: settings. Out: a target that serves until dropped, with its URL and its counts.

use std::thread::JoinHandle;

use anyhow::{Context, Result};
use katydid_demo_target::{StatisticsReader, Target, TargetSettings, TargetStats};
use tokio::sync::oneshot;

use crate::limits::raise_open_files;

/// A target that serves.
#[derive(Debug)]
pub struct DemoTarget {
    url: String,
    statistics: StatisticsReader,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DemoTarget {
    /// Starts one on a free port of loopback; a tenth of `/flaky` fails.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start() -> Result<Self> {
        Self::start_with(0.1)
    }

    /// Starts one that fails this share of `/flaky`.
    ///
    /// # Errors
    ///
    /// When it cannot listen, or the share is none.
    pub fn start_with(flaky_rate: f64) -> Result<Self> {
        raise_open_files();
        let settings = TargetSettings {
            bind: ([127, 0, 0, 1], 0).into(),
            flaky_rate,
            threads: None,
            redis: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let target = runtime
            .block_on(Target::bind(settings))
            .context("the demo target")?;
        let (url, statistics) = (format!("http://{}", target.address()), target.statistics());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("target-accept".to_owned())
            .spawn(move || {
                let until_stopped = async move {
                    let _dropped = stopped.await;
                };
                // Its counts tell a test whether it served as it should.
                let _served = runtime.block_on(target.serve(until_stopped));
            })?;
        Ok(Self {
            url,
            statistics,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has received.
    #[must_use]
    pub fn stats(&self) -> TargetStats {
        self.statistics.read()
    }

    /// Arrivals at `/spawn/:n`: (n, µs of the target's clock), in order of arrival.
    #[must_use]
    pub fn spawns(&self) -> Vec<(u64, u64)> {
        self.statistics.spawns()
    }

    /// Starts counting anew.
    pub fn reset(&self) {
        self.statistics.reset();
    }
}

impl Drop for DemoTarget {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _panicked = thread.join();
        }
    }
}
