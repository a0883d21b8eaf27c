//! chromedriver, which steers browsers on behalf of tests.
//!
//! In: an installed chromedriver and chromium. Out: where it listens, and a folder for what its browsers write. When it is
//! dropped it ends, and with it every browser and every process they have started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Map, Value, json};

use crate::eventually::retry;
use crate::process_tree::descendants;
use crate::running::Running;
use crate::scratch::Scratch;

/// The first start after a boot reads a few hundred megabytes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long browsers may take to end by themselves.
const FAREWELL: Duration = Duration::from_secs(5);

/// chromedriver, running.
#[derive(Debug)]
pub(crate) struct Driver {
    /// `None` once it has been ended.
    process: Option<Running>,
    url: String,
    folder: Scratch,
    browsers: AtomicU32,
}

impl Driver {
    /// Starts it on a port of its own choice.
    pub(crate) fn start() -> Result<Self> {
        let folder = Scratch::new()?;
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Running::start(command, None)
            .context("tests of the page in a browser need chromedriver: apt-get install chromium-driver")?;
        let port = retry(PATIENCE, || {
            let said = process.stdout();
            let port = said
                .split_once("started successfully on port ")
                .and_then(|(_, rest)| rest.split_once('.'))
                .map(|(port, _)| port.to_owned());
            ensure!(
                port.is_some() || process.is_running(),
                "chromedriver ended: {said}{}",
                process.stderr()
            );
            port.ok_or_else(|| anyhow!("chromedriver does not listen: {said}"))
        })?;
        Ok(Self {
            process: Some(process),
            url: format!("http://127.0.0.1:{port}"),
            folder,
            browsers: AtomicU32::new(0),
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the next browser is asked to be, and where it puts what it downloads.
    pub(crate) fn capabilities(&self) -> Result<(Map<String, Value>, PathBuf)> {
        let number = self.browsers.fetch_add(1, Ordering::Relaxed);
        let profile = self.folder.file(&format!("profile-{number}"));
        let downloads = self.folder.file(&format!("downloads-{number}"));
        std::fs::create_dir_all(&downloads)?;
        let asked = json!({
            "browserName": "chrome",
            "pageLoadStrategy": "normal",
            "timeouts": { "pageLoad": 60_000, "script": 120_000 },
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "args": arguments(&profile),
                "prefs": {
                    "download.default_directory": downloads,
                    "download.prompt_for_download": false,
                },
            },
        });
        Ok((serde_json::from_value(asked)?, downloads))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else {
            return;
        };
        let children = descendants(process.id());
        drop(process);
        // The pipe they are steered by is closed: they end by themselves.
        let ended = retry(FAREWELL, || {
            let left = children.iter().filter(|child| child.is_running()).count();
            ensure!(left == 0, "{left} processes are left");
            Ok(())
        });
        if ended.is_err() {
            children.iter().for_each(|child| child.end());
        }
    }
}

fn arguments(profile: &Path) -> Vec<String> {
    let profile = format!("--user-data-dir={}", profile.display());
    [
        "--headless=new",
        // Where root runs the tests there is no sandbox to be had.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        // Colours on their way from one theme to the other are nobody's.
        "--force-prefers-reduced-motion",
        // Nothing leaves this machine.
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--disable-breakpad",
        // A pipe instead of a port: a browser whose driver was killed notices, and ends.
        "--remote-debugging-pipe",
        &profile,
    ]
    .map(str::to_owned)
    .to_vec()
}
