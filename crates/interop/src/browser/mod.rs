//! Chromium as a card holder uses it: on a display, with OpenSC's PKCS#11 module, and with a
//! keyboard for the dialogues that are the browser's own.
//!
//! Everything runs inside a [`Sandbox`], so the browser sees the sandbox's card, its servers and
//! its home, and nothing else. The pages are read and clicked over WebDriver; a dialogue for a PIN
//! or a certificate is none of a page's business, so it is seen and answered on the display.
//!
//! ```no_run
//! use kortlab_interop::{Sandbox, browser::Browser};
//!
//! # fn main() -> Result<(), kortlab_interop::InteropError> {
//! let sandbox = Sandbox::new()?;
//! let browser = Browser::builder(&sandbox, "target/tmp/log-in".as_ref())
//!     .trust("tls-ca.pem".as_ref())
//!     .with_card()
//!     .start()?;
//! browser.open("https://localhost:8444/")?;
//! browser.enter_pin("123456")?;
//! browser.choose_certificate(0)?;
//! browser.wait_for_text("HCC")?;
//! # Ok(())
//! # }
//! ```
//!
//! What a wait waited for in vain is told with the path of a picture of the display. The same picture
//! is taken when a test panics with a browser in its hands. Pictures stay then; those of a test that
//! succeeds are removed unless the environment variable `KORTLAB_KEEP_PICTURES` is set.

mod card_dialogues;
mod chromium;
mod display;
mod nss;
mod page;
mod web_driver;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::InteropError;
use crate::process::{Output, Running};
use crate::sandbox::Sandbox;
use chromium::Chromium;
use display::Display;
use web_driver::WebDriver;

/// How long anything in the browser may take. It is for a busy machine; what is there is seen
/// within a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(45);

/// A Chromium on a display of its own.
pub struct Browser {
    // Fields drop in this order: the driver, the browser, then the display.
    driver: WebDriver,
    _driver_program: Running,
    chromium: Chromium,
    display: Display,
    pictures: PathBuf,
}

/// How a browser is to be made.
#[must_use]
pub struct Builder {
    sandbox: Sandbox,
    pictures: PathBuf,
    trusted: Vec<PathBuf>,
    with_card: bool,
    flags: Vec<String>,
}

impl Browser {
    /// A browser in the sandbox; pictures of it go to the directory, which is made when needed and
    /// belongs to this browser alone.
    pub fn builder(sandbox: &Sandbox, pictures: &Path) -> Builder {
        Builder {
            sandbox: sandbox.clone(),
            pictures: pictures.to_path_buf(),
            trusted: Vec::new(),
            with_card: false,
            flags: Vec::new(),
        }
    }

    /// Starts to open an address; it does not wait for the page.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn open(&self, url: &str) -> Result<(), InteropError> {
        self.unless_ended(url, self.driver.open(url))
    }

    /// A picture of the whole display, `NAME.png` in the directory of pictures; gives its path.
    ///
    /// # Errors
    /// It cannot be taken or written.
    pub fn picture(&self, name: &str) -> Result<PathBuf, InteropError> {
        fs::create_dir_all(&self.pictures).map_err(InteropError::io(format!(
            "creating {}",
            self.pictures.display()
        )))?;
        let path = self.pictures.join(format!("{name}.png"));
        self.display.picture(&path)?;
        Ok(path)
    }

    /// Waits until the pixel of the display is darker than half way from black to white: what covers
    /// a page, such as the browser's offer to keep a password, is no part of the page.
    ///
    /// # Errors
    /// It is not in time.
    pub fn wait_for_dark(&self, x: u32, y: u32) -> Result<(), InteropError> {
        self.wait_for(&format!("a dark pixel at {x}, {y}"), || {
            self.display.is_dark(x, y).ok()?.then_some(())
        })
    }

    /// Ends the program that was started for the browser (SIGTERM), and says how it ended.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn terminate(&self, patience: Duration) -> Result<Output, InteropError> {
        self.chromium.terminate(patience)
    }

    /// What the program that was started for the browser has printed.
    pub fn printed(&self) -> String {
        self.chromium.printed()
    }

    /// Waits until the condition gives something.
    fn wait_for<T>(
        &self,
        what: &str,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Result<T, InteropError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = condition() {
                return Ok(found);
            }
            if !self.chromium.is_running() {
                return Err(self.ended(what));
            }
            if Instant::now() > deadline {
                return Err(InteropError::TimedOut {
                    what: what.to_owned(),
                    after: PATIENCE,
                    details: self.situation(),
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The outcome, or that the browser is gone, if that is why it failed.
    fn unless_ended<T>(
        &self,
        what: &str,
        outcome: Result<T, InteropError>,
    ) -> Result<T, InteropError> {
        let Err(error) = outcome else {
            return outcome;
        };
        // The connection breaks before the process is gone.
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            if !self.chromium.is_running() {
                return Err(self.ended(what));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(error)
    }

    fn ended(&self, what: &str) -> InteropError {
        InteropError::BrowserEnded {
            what: what.to_owned(),
            details: self.chromium.printed(),
        }
    }

    /// What the browser shows, for messages.
    fn situation(&self) -> String {
        let picture = match self.picture("failure") {
            Ok(path) => path.display().to_string(),
            Err(error) => format!("none ({error})"),
        };
        format!(
            "windows: {:?}\naddress: {}\npage: {}\npicture: {picture}",
            self.display.window_titles().unwrap_or_default(),
            self.driver.address().unwrap_or_default(),
            self.driver.text().unwrap_or_default(),
        )
    }
}

impl Builder {
    /// The certificate (a PEM file) of an authority that the browser trusts for servers.
    pub fn trust(mut self, certificate: &Path) -> Self {
        self.trusted.push(certificate.to_path_buf());
        self
    }

    /// The browser finds the card in the reader, by OpenSC's PKCS#11 module.
    pub fn with_card(mut self) -> Self {
        self.with_card = true;
        self
    }

    /// A further command-line option for Chromium, for example `--ssl-version-max=tls1.2`.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Starts the display, the browser and its driver.
    ///
    /// # Errors
    /// A tool is missing, or something does not start.
    pub fn start(self) -> Result<Browser, InteropError> {
        nss::prepare(&self.sandbox, &self.trusted, self.with_card)?;
        let display = Display::start(&self.sandbox)?;
        let chromium = Chromium::start(&self.sandbox, &display, &self.flags)?;
        self.with(display, chromium)
    }

    /// Starts the display, a program that starts the browser there by itself, and a driver. What
    /// was said of authorities and the card is for the program to say. It is given what a test
    /// needs of Chromium's options, and the further ones, after its `arguments` and `--`; the
    /// profile that it makes is in a directory of its own in `profiles` (`TMPDIR`).
    ///
    /// # Errors
    /// A tool is missing, or something does not start.
    pub fn start_by(
        self,
        program: &Path,
        arguments: &[String],
        profiles: &Path,
    ) -> Result<Browser, InteropError> {
        let display = Display::start(&self.sandbox)?;
        let chromium = Chromium::start_by(&display, program, arguments, &self.flags, profiles)?;
        self.with(display, chromium)
    }

    fn with(self, display: Display, chromium: Chromium) -> Result<Browser, InteropError> {
        let (program, driver) = WebDriver::start(&self.sandbox, chromium.debugging_port())?;
        Ok(Browser {
            driver,
            _driver_program: program,
            chromium,
            display,
            pictures: self.pictures,
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- browser\n{}", self.situation());
            eprintln!("{}", self.chromium.printed());
        } else if env::var_os("KORTLAB_KEEP_PICTURES").is_none() {
            let _ = fs::remove_dir_all(&self.pictures);
        }
    }
}
