//! A client of chromedriver: the few commands of WebDriver (W3C, <https://www.w3.org/TR/webdriver2/>)
//! that the tests need.
//!
//! It speaks through `curl` inside the sandbox, since chromedriver listens on the sandbox's own
//! loopback, which nothing outside reaches.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::InteropError;
use crate::process::Running;
use crate::sandbox::Sandbox;

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often chromedriver is started where another program has its port.
const MOST_STARTS: usize = 8;

/// The key under which WebDriver gives an element's reference (§11, "web element identifier").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session of chromedriver with a browser that runs already.
pub(super) struct WebDriver {
    sandbox: Sandbox,
    session: String,
}

/// An element of the page shown. It is no element of another page, also not of the same one loaded
/// again.
#[derive(PartialEq, Eq)]
pub(super) struct Element {
    id: String,
}

impl WebDriver {
    /// Starts chromedriver, and a session with the browser behind this DevTools port.
    pub(super) fn start(
        sandbox: &Sandbox,
        debugging_port: u16,
    ) -> Result<(Running, Self), InteropError> {
        let (running, port) = listening(sandbox)?;
        let base = format!("http://127.0.0.1:{port}/session");
        // Clicks and navigations must not wait for the page: a dialogue may come first.
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "pageLoadStrategy": "none",
            "goog:chromeOptions": {"debuggerAddress": format!("127.0.0.1:{debugging_port}")},
        }}});
        let value = exchange(sandbox, "POST", &base, Some(&capabilities))?;
        let session = value["sessionId"].as_str().unwrap_or_default();
        let driver = Self {
            sandbox: sandbox.clone(),
            session: format!("{base}/{session}"),
        };
        Ok((running, driver))
    }

    /// Starts to open an address.
    pub(super) fn open(&self, url: &str) -> Result<(), InteropError> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    /// The address of the page shown.
    pub(super) fn address(&self) -> Result<String, InteropError> {
        self.text_at("/url")
    }

    /// The text of the page shown, as rendered.
    pub(super) fn text(&self) -> Result<String, InteropError> {
        let value = self.script("return document.body ? document.body.innerText : ''")?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// What a script in the page returns.
    pub(super) fn script(&self, script: &str) -> Result<Value, InteropError> {
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &body)
    }

    /// The page's own element, by which it can be told from another page.
    pub(super) fn document(&self) -> Result<Option<Element>, InteropError> {
        Ok(self.elements("/html")?.pop())
    }

    /// The elements that an XPath expression finds, in document order.
    pub(super) fn elements(&self, xpath: &str) -> Result<Vec<Element>, InteropError> {
        let body = json!({ "using": "xpath", "value": xpath });
        let found = self.post("/elements", &body)?;
        let found = found.as_array().into_iter().flatten();
        let ids = found.filter_map(|element| element[ELEMENT].as_str());
        Ok(ids.map(|id| Element { id: id.to_owned() }).collect())
    }

    /// Clicks an element, scrolling to it if need be.
    pub(super) fn click(&self, element: &Element) -> Result<(), InteropError> {
        let path = format!("/element/{}/click", element.id);
        self.post(&path, &json!({})).map(drop)
    }

    /// Types into an element.
    pub(super) fn type_into(&self, element: &Element, text: &str) -> Result<(), InteropError> {
        let path = format!("/element/{}/value", element.id);
        self.post(&path, &json!({ "text": text })).map(drop)
    }

    /// Gives the window another size.
    pub(super) fn resize(&self, width: u32, height: u32) -> Result<(), InteropError> {
        let size = json!({ "width": width, "height": height });
        self.post("/window/rect", &size).map(drop)
    }

    fn text_at(&self, path: &str) -> Result<String, InteropError> {
        let url = format!("{}{path}", self.session);
        let value = exchange(&self.sandbox, "GET", &url, None)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, InteropError> {
        let url = format!("{}{path}", self.session);
        exchange(&self.sandbox, "POST", &url, Some(body))
    }
}

/// One command and the `value` of its answer.
fn exchange(
    sandbox: &Sandbox,
    method: &str,
    url: &str,
    body: Option<&Value>,
) -> Result<Value, InteropError> {
    // While a dialogue is up, chromedriver does not answer; whoever asks then asks again.
    let mut curl = sandbox
        .command("curl")
        .args(["--silent", "--show-error", "--max-time", "10"])
        .args(["--request", method, url]);
    if let Some(body) = body {
        curl = curl
            .args(["--header", "content-type: application/json"])
            .args(["--data-binary", "@-"])
            .input(body.to_string());
    }
    let answer = curl.run()?.success()?;
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    let value = &answer["value"];
    match value["error"].as_str() {
        None => Ok(value.clone()),
        Some(error) => Err(InteropError::Failed {
            command: format!("WebDriver {method} {url}"),
            status: error.to_owned(),
            details: value["message"].as_str().unwrap_or_default().to_owned(),
        }),
    }
}

/// Starts chromedriver. It takes a free port of IPv6 first, and ends if the same one of IPv4 is another
/// program's by chance: then it is started again.
fn listening(sandbox: &Sandbox) -> Result<(Running, u16), InteropError> {
    const TAKEN: &str = "port not available";
    let mut tries = 0;
    loop {
        let mut running = sandbox.command("chromedriver").arg("--port=0").spawn()?;
        tries += 1;
        match listening_port(&mut running) {
            Ok(port) => return Ok((running, port)),
            Err(_) if tries < MOST_STARTS && running.printed().contains(TAKEN) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until chromedriver tells the port it has taken.
fn listening_port(running: &mut Running) -> Result<u16, InteropError> {
    const ANNOUNCED: &str = "started successfully on port ";
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let said = running.stdout_text();
        let rest = said.split_once(ANNOUNCED).map(|(_, rest)| rest);
        let number = rest.and_then(|rest| rest.split_once('.'));
        if let Some(port) = number.and_then(|(port, _)| port.parse().ok()) {
            return Ok(port);
        }
        if !running.is_running() || Instant::now() > deadline {
            return Err(InteropError::TimedOut {
                what: "chromedriver's start".to_owned(),
                after: START_TIMEOUT,
                details: running.printed(),
            });
        }
        thread::sleep(Duration::from_millis(10));
    }
}
