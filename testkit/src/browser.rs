//! A real browser, as a person would use it: headless Chromium steered by WebDriver.
//!
//! In: where to go, what to click, press and type, by the names people read. Out: what is shown, and what the browser
//! complains about. Whatever comes after an event is waited for; an error says what was shown instead, where, what the
//! console said, and where a picture of it is.

mod act;
mod command;
mod driver;
mod look;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use self::command::Extension;
use self::driver::Driver;

pub use fantoccini::key::Key;

/// How long one command may take; a page that is loaded or a script that runs may take long on a busy machine.
const COMMAND: Duration = Duration::from_secs(150);
/// Waits until the page has been laid out anew, and until what it does when its size changes has been done.
const SETTLE: &str = "for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);";
/// How long a browser may take to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    client: Client,
    downloads: PathBuf,
    /// What the console has said that nobody has asked for yet.
    console: RefCell<Vec<String>>,
    driver: Arc<Driver>,
}

/// How wide the window is, and what its user prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Pixels from left to right.
    pub width: u32,
    /// Whether dark colours are preferred.
    pub is_dark: bool,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When chromedriver or chromium is not installed, or does not start.
    pub fn start() -> Result<Self> {
        Self::with(Arc::new(Driver::start()?))
    }

    /// Starts one more, with nothing in common: another person.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn another(&self) -> Result<Self> {
        Self::with(Arc::clone(&self.driver))
    }

    fn with(driver: Arc<Driver>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (capabilities, downloads) = driver.capabilities()?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let client = runtime
            .block_on(async { timeout(COMMAND, builder.connect(driver.url())).await })
            .context("the browser does not start")?
            .context("the browser was not started; is chromium installed?")?;
        let browser = Self {
            runtime,
            client,
            downloads,
            console: RefCell::new(Vec::new()),
            driver,
        };
        // There is no page yet that could settle.
        browser.resize(Screen {
            width: 1280,
            is_dark: false,
        })?;
        Ok(browser)
    }

    /// Goes to an address, and waits until the page there has been loaded.
    ///
    /// # Errors
    ///
    /// When there is nothing.
    pub fn goto(&self, url: &str) -> Result<()> {
        self.run(self.client.goto(url)).with_context(|| url.to_owned())
    }

    /// Loads the page anew.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn reload(&self) -> Result<()> {
        self.run(self.client.refresh())
    }

    /// The page's address.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn url(&self) -> Result<String> {
        Ok(self.run(self.client.current_url())?.into())
    }

    /// Changes the window, as a phone or a person with other preferences would have it, and waits until the page has
    /// taken it in: charts, for one, take a new width with the next frame.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn screen(&self, screen: Screen) -> Result<()> {
        self.resize(screen)?;
        self.promise(SETTLE, &[])?;
        Ok(())
    }

    fn resize(&self, screen: Screen) -> Result<()> {
        // A window of a desktop cannot be made as narrow as a phone.
        let size = json!({ "width": screen.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size)?;
        let colours = if screen.is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.devtools("Emulation.setEmulatedMedia", &features)
    }

    /// The folder of what has been downloaded.
    #[must_use]
    pub fn downloads(&self) -> &Path {
        &self.downloads
    }

    /// Runs a script, the body of a function of `arguments`, and returns what it returns.
    ///
    /// # Errors
    ///
    /// When it throws.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        self.run(self.client.execute(body, arguments.to_vec()))
    }

    /// Runs a script that may wait, and returns what it returns in the end.
    ///
    /// # Errors
    ///
    /// When it throws.
    pub fn promise(&self, body: &str, arguments: &[Value]) -> Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1];\n\
             const run = async function () {{ {body} }};\n\
             run.apply(null, arguments).then((value) => done({{ value }}), (error) => done({{ error: String(error) }}));"
        );
        let mut outcome = self.run(self.client.execute_async(&script, arguments.to_vec()))?;
        if let Some(error) = outcome["error"].as_str() {
            bail!("the script threw {error}");
        }
        Ok(outcome["value"].take())
    }

    /// What went wrong in the page since this was asked the last time: exceptions, what the Content-Security-Policy
    /// forbade, what could not be loaded.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn complaints(&self) -> Result<Vec<String>> {
        self.hear()?;
        Ok(self.console.take())
    }

    /// Takes over what the console has said.
    fn hear(&self) -> Result<()> {
        let lines = self.run(self.client.issue_cmd(Extension::console()))?;
        let severe = lines.as_array().into_iter().flatten().filter(|line| {
            let source = line["source"].as_str().unwrap_or_default();
            line["level"] == "SEVERE" || matches!(source, "security" | "violation")
        });
        let texts = severe.map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        self.console.borrow_mut().extend(texts);
        Ok(())
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Result<()> {
        self.run(self.client.issue_cmd(Extension::devtools(command, parameters)))?;
        Ok(())
    }

    /// Waits for a command's end.
    fn run<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> Result<T> {
        let outcome = self
            .runtime
            .block_on(async { timeout(COMMAND, command).await })
            .context("the browser does not answer")?;
        Ok(outcome?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let closing = self.client.clone().close();
        // One that does not listen is ended with its driver.
        drop(self.runtime.block_on(async { timeout(FAREWELL, closing).await }));
    }
}
