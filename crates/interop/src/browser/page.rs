//! The page shown, as a person reads and uses it: by the texts on it.

use super::Browser;
use crate::error::InteropError;

impl Browser {
    /// The address of the page shown.
    ///
    /// # Errors
    /// The browser is gone, or a dialogue is up.
    pub fn address(&self) -> Result<String, InteropError> {
        self.unless_ended("the page's address", self.driver.address())
    }

    /// The text of the page shown, as rendered.
    ///
    /// # Errors
    /// The browser is gone, or a dialogue is up.
    pub fn text(&self) -> Result<String, InteropError> {
        self.unless_ended("the page's text", self.driver.text())
    }

    /// Waits until the page shows the text.
    ///
    /// # Errors
    /// It does not in time; the error shows what the page says instead.
    pub fn wait_for_text(&self, text: &str) -> Result<(), InteropError> {
        self.wait_for(&format!("a page with the text {text:?}"), || {
            self.driver.text().ok()?.contains(text).then_some(())
        })
    }

    /// Waits until the page and its images are there, or were refused.
    ///
    /// # Errors
    /// They are not in time.
    pub fn wait_for_images(&self) -> Result<(), InteropError> {
        self.wait_for("the page's images", || self.is_complete())
    }

    /// Clicks the first link or button with this text. It does not wait for what comes of it.
    ///
    /// # Errors
    /// There is none in time, or it cannot be clicked.
    pub fn press(&self, text: &str) -> Result<(), InteropError> {
        self.click(&button(text))
    }

    /// Clicks the first link or button with this text, and waits until another page is shown.
    ///
    /// # Errors
    /// There is none in time, it cannot be clicked, or no other page comes.
    pub fn follow(&self, text: &str) -> Result<(), InteropError> {
        let before = self.wait_for("a page", || self.driver.document().ok())?;
        self.press(text)?;
        self.wait_for(&format!("another page after {text:?}"), || {
            let shown = self.driver.document().ok()?;
            (shown != before).then(|| self.is_complete()).flatten()
        })
    }

    fn is_complete(&self) -> Option<()> {
        let script = "return document.readyState === 'complete'";
        (self.driver.script(script).ok()? == true).then_some(())
    }

    /// Clicks the first element that the XPath expression finds.
    ///
    /// # Errors
    /// There is none in time, or it cannot be clicked.
    pub fn click(&self, xpath: &str) -> Result<(), InteropError> {
        self.wait_for(&format!("a click on {xpath}"), || {
            let elements = self.driver.elements(xpath).ok()?;
            self.driver.click(elements.first()?).ok()
        })
    }

    /// Clicks every element that the XPath expression finds, and says how many they were.
    ///
    /// # Errors
    /// There is none in time, or one cannot be clicked.
    pub fn click_all(&self, xpath: &str) -> Result<usize, InteropError> {
        let elements = self.wait_for(&format!("an element {xpath}"), || {
            let elements = self.driver.elements(xpath).ok()?;
            (!elements.is_empty()).then_some(elements)
        })?;
        for element in &elements {
            self.unless_ended(xpath, self.driver.click(element))?;
        }
        Ok(elements.len())
    }

    /// How many elements the XPath expression finds now.
    ///
    /// # Errors
    /// The browser is gone, or a dialogue is up.
    pub fn count(&self, xpath: &str) -> Result<usize, InteropError> {
        let elements = self.unless_ended(xpath, self.driver.elements(xpath))?;
        Ok(elements.len())
    }

    /// The name of the field that has the keyboard, if all of it is in sight while the page is at
    /// its top.
    ///
    /// # Errors
    /// The browser is gone, or a dialogue is up.
    pub fn focused_field(&self) -> Result<Option<String>, InteropError> {
        let script = "const field = document.activeElement; \
            const place = field.getBoundingClientRect(); \
            return window.scrollY === 0 && place.bottom <= window.innerHeight ? field.name : null";
        let name = self.unless_ended("the focused field", self.driver.script(script))?;
        Ok(name
            .as_str()
            .filter(|name| !name.is_empty())
            .map(str::to_owned))
    }

    /// Gives the browser's window another size, in pixels.
    ///
    /// # Errors
    /// The browser is gone, or refuses.
    pub fn resize(&self, width: u32, height: u32) -> Result<(), InteropError> {
        self.unless_ended("the window's size", self.driver.resize(width, height))
    }

    /// Types into the field with this name.
    ///
    /// # Errors
    /// There is none in time.
    pub fn fill(&self, name: &str, text: &str) -> Result<(), InteropError> {
        let xpath = format!("//input[@name = {}]", literal(name));
        self.wait_for(&format!("a field {name}"), || {
            let elements = self.driver.elements(&xpath).ok()?;
            self.driver.type_into(elements.first()?, text).ok()
        })
    }
}

/// The links and buttons with a text, as XPath.
fn button(text: &str) -> String {
    let text = literal(text);
    format!("//*[(self::a or self::button) and normalize-space() = {text}]")
}

/// Text as an XPath 1.0 literal, which has no escapes.
fn literal(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(r#", "'", "#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_text_are_put_together_for_xpath() {
        assert_eq!(literal("Logga ut"), "'Logga ut'");
        assert_eq!(literal("it's"), r#"concat('it', "'", 's')"#);
    }
}
