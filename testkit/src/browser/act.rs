//! What a person does: click, type, press keys.

use anyhow::{Context, Result, bail};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::key::Key;
use serde_json::json;

use super::Browser;

/// Under this name the WebDriver standard hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Clicks the button, link, tab, checkbox or field of a name, as soon as it can be.
    ///
    /// The name may be the beginning of what is read, up to the end of a word.
    ///
    /// # Errors
    ///
    /// When there is none within a minute, or several.
    pub fn click(&self, role: &str, name: &str) -> Result<()> {
        // What the page has swapped since it was found is found again.
        self.wait(|| self.run(self.find(role, name)?.click()))
    }

    /// Types into the field with a label, in place of what is there.
    ///
    /// # Errors
    ///
    /// When there is none within a minute, or several.
    pub fn fill(&self, label: &str, text: &str) -> Result<()> {
        self.wait(|| {
            let field = self.find("field", label)?;
            self.run(field.clear())?;
            self.run(field.send_keys(text))
        })
    }

    /// Presses keys, one after the other, wherever the focus is.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn press(&self, keys: &str) -> Result<()> {
        let mut pressed = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            pressed = pressed
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.run(self.client.perform_actions(pressed))
    }

    /// Presses a key without a letter.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn press_key(&self, key: Key) -> Result<()> {
        self.press(&char::from(key).to_string())
    }

    fn find(&self, role: &str, name: &str) -> Result<Element> {
        let found = self.script(include_str!("find.js"), &[json!(role), json!(name)])?;
        if let Some(why) = found.as_str() {
            bail!("{why}");
        }
        let id = found[ELEMENT].as_str().context("no element")?;
        let element = ElementRef::from(id.to_owned());
        Ok(Element::from_element_id(self.client.clone(), element))
    }
}
