//! Pages in a headless Chromium, which a script on a page of our own looks at: what it finds out, it
//! leaves in an element.

use std::fs;
use std::process::{Command, Stdio};

use crate::error::InteropError;
use crate::tools;

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width and height of the window, in CSS pixels.
    pub size: (u16, u16),
    /// Whether the user prefers dark colours (Media Queries Level 5, prefers-color-scheme).
    pub dark: bool,
}

impl Look {
    /// A phone.
    pub const PHONE: Self = Self {
        size: (390, 844),
        dark: false,
    };

    /// A laptop, a phone, and a laptop at night.
    pub const ALL: [Self; 3] = [
        Self {
            size: (1366, 720),
            dark: false,
        },
        Self::PHONE,
        Self {
            size: (1366, 720),
            dark: true,
        },
    ];
}

/// Opens a page that looks at others, and gives what it has left in the element `result`.
///
/// # Errors
/// Chromium is not installed, or the page has left nothing.
pub(crate) fn result(command: &str, page: &str, look: Look) -> Result<String, InteropError> {
    let chromium = tools::find("chromium".as_ref())?;
    let directory = tempfile::tempdir().map_err(InteropError::io("a directory for pages"))?;
    let file = directory.path().join("page.html");
    fs::write(&file, page).map_err(InteropError::io("the page that looks"))?;
    let (width, height) = look.size;
    let mut chromium = Command::new(chromium);
    chromium
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--allow-file-access-from-files",
            "--hide-scrollbars",
            "--virtual-time-budget=600000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("profile").display()
        ))
        .arg(format!("--window-size={width},{height}"))
        // 0 is dark, 1 is light.
        .arg(format!(
            "--blink-settings=preferredColorScheme={}",
            u8::from(!look.dark)
        ))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null());
    let output = chromium.output().map_err(InteropError::io("Chromium"))?;
    let dom = String::from_utf8_lossy(&output.stdout);
    let said = between(&dom, "<pre id=\"result\">", "</pre>").ok_or_else(|| {
        let details = String::from_utf8_lossy(&output.stderr);
        failed(command, &format!("{}: {details}", output.status))
    })?;
    Ok(said
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&"))
}

/// That looking came to nothing.
pub(crate) fn failed(command: &str, details: &str) -> InteropError {
    InteropError::Failed {
        command: command.to_owned(),
        status: "no result".to_owned(),
        details: details.to_owned(),
    }
}

/// Names and pages as JSON for a script, with this style sheet in the place of a linked one.
pub(crate) fn with_style(pages: &[(&str, &str)], style: &str) -> String {
    let pages: Vec<_> = pages
        .iter()
        .map(|(name, html)| {
            let style = format!("<style>{style}</style></head>");
            (*name, html.replacen("</head>", &style, 1))
        })
        .collect();
    // JSON in a script must not end it.
    serde_json::json!(pages).to_string().replace("</", "<\\/")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(between, _)| between)
}
