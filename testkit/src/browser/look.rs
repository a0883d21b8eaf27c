//! What is shown, and waiting for what will be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Browser;
use crate::binary::target_folder;

/// How long something may take to be shown.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks: the page and what it shows share the machine with whoever looks.
const PAUSE: Duration = Duration::from_millis(50);
/// So much of a page's text is told.
const TOLD_CHARACTERS: usize = 2_000;

impl Browser {
    /// Calls `attempt` until it succeeds.
    ///
    /// # Errors
    ///
    /// When it has not within a minute: its last error, and all there is to know about the page.
    pub fn wait<T>(&self, attempt: impl Fn() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(error) if began.elapsed() > PATIENCE => return Err(self.explained(&error)),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Waits until an expression of JavaScript is truthy, and returns its value.
    ///
    /// # Errors
    ///
    /// See [`Self::wait`].
    pub fn wait_until(&self, expression: &str) -> Result<Value> {
        let script = format!("return ({expression});");
        self.wait(|| {
            let value = self.script(&script, &[])?;
            let falsy = [Value::Null, Value::Bool(false), json!(0), json!("")];
            ensure!(!falsy.contains(&value), "{value} is what `{expression}` is");
            Ok(value)
        })
    }

    /// Waits until something visible that a selector finds contains a text.
    ///
    /// # Errors
    ///
    /// See [`Self::wait`].
    pub fn wait_text(&self, selector: &str, text: &str) -> Result<()> {
        self.wait(|| {
            let shown = self.text(selector)?;
            ensure!(
                shown.contains(text),
                "`{shown}` is shown in {selector}, not `{text}`"
            );
            Ok(())
        })
    }

    /// The text of the first visible element that a selector finds, its white space made one.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn text(&self, selector: &str) -> Result<String> {
        let script = "const visible = (element) => element.checkVisibility({ visibilityProperty: true });\n\
             const element = [...document.querySelectorAll(arguments[0])].find(visible);\n\
             return element ? element.textContent.replace(/\\s+/g, ' ').trim() : null;";
        let text = self.script(script, &[json!(selector)])?;
        let text = text
            .as_str()
            .with_context(|| format!("{selector} is not shown"))?;
        Ok(text.to_owned())
    }

    /// The rows of the table that a selector finds: cells by the heads of their columns.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn rows(&self, selector: &str) -> Result<Vec<BTreeMap<String, String>>> {
        let rows = self.script(include_str!("table.js"), &[json!(selector)])?;
        serde_json::from_value(rows).with_context(|| format!("there is no table {selector}"))
    }

    /// What the page is like, for whoever has to find out why a test failed.
    fn explained(&self, error: &Error) -> Error {
        let url = self.url().unwrap_or_default();
        let text = self.script("return document.body?.innerText ?? '';", &[]);
        let text = text.map_or_else(
            |error| format!("({error:#})"),
            |text| text.as_str().unwrap_or_default().to_owned(),
        );
        let text: String = text.chars().take(TOLD_CHARACTERS).collect();
        drop(self.hear());
        let console = self.console.borrow().join("\n");
        let picture = self
            .picture()
            .map_or_else(|error| format!("({error:#})"), |path| path.display().to_string());
        anyhow!(
            "{error:#}\n--- at {url}\n--- console\n{console}\n--- picture\n{picture}\n--- page\n{text}\n---"
        )
    }

    /// Takes a picture of the page and returns the file, which outlives the test.
    fn picture(&self) -> Result<PathBuf> {
        let folder = target_folder()?.join("browser-pictures");
        std::fs::create_dir_all(&folder)?;
        let test = std::thread::current();
        let name = test.name().unwrap_or("test").replace("::", "-");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, self.run(self.client.screenshot())?)?;
        Ok(path)
    }
}
