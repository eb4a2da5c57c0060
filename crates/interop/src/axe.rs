//! Accessibility, judged by axe-core in a headless Chromium: pages as HTML go in, violations of its
//! rules come out. Whoever makes pages can ask: the portal, the agent, reports.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::InteropError;
pub use crate::headless::Look;
use crate::{headless, tools};

/// The version that judges: another may have other rules.
const VERSION: &str = "4.11.0";

/// What axe-core finds wrong with these pages (a name and the HTML), each a line: the page, the rule,
/// and the element. The style sheet takes the place of the linked one. Nothing is loaded from
/// anywhere.
///
/// # Errors
/// Chromium or npm is not installed, axe-core cannot be fetched, or the pages could not be judged:
/// that is never the same as no violation.
pub fn violations(
    pages: &[(&str, &str)],
    style: &str,
    look: Look,
) -> Result<Vec<String>, InteropError> {
    let axe = axe_core()?;
    let command = "axe-core in Chromium";
    let failed = |details: &str| headless::failed(command, details);
    let said = headless::result(command, &judge(pages, style, &axe), look)?;
    let judged: Judged = serde_json::from_str(&said).map_err(|error| failed(&error.to_string()))?;
    match judged {
        Judged {
            judged,
            violations,
            failed: None,
        } if judged == pages.len() => Ok(violations),
        Judged { failed: why, .. } => Err(failed(
            &why.unwrap_or_else(|| "some pages were not judged".to_owned()),
        )),
    }
}

#[derive(serde::Deserialize)]
struct Judged {
    judged: usize,
    violations: Vec<String>,
    failed: Option<String>,
}

/// A page that shows each of the pages in its own place, and has axe-core look at it.
fn judge(pages: &[(&str, &str)], style: &str, axe: &Path) -> String {
    let pages = headless::with_style(pages, style);
    format!(
        r#"<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>axe</title>
<script src="file://{axe}"></script></head><body><script>
const pages = {pages};
const result = {{ judged: 0, violations: [], failed: null }};
const show = html => {{
    const page = new DOMParser().parseFromString(html, 'text/html');
    for (const one of page.querySelectorAll('link, meta[http-equiv]')) one.remove();
    document.replaceChild(document.adoptNode(page.documentElement), document.documentElement);
}};
(async () => {{
    for (const [name, html] of pages) {{
        show(html);
        const said = await axe.run(document, {{ resultTypes: ['violations'] }});
        for (const rule of said.violations) for (const node of rule.nodes)
            result.violations.push(`${{name}}: ${{rule.id}}: ${{node.html.slice(0, 200)}}`);
        result.judged += 1;
    }}
}})().catch(error => {{ result.failed = String(error); }}).finally(() => {{
    show('<html><head><title>axe</title></head><body></body></html>');
    const told = document.createElement('pre');
    told.id = 'result';
    told.textContent = JSON.stringify(result);
    document.body.append(told);
}});
</script></body></html>
"#,
        axe = axe.display()
    )
}

/// axe-core, which npm fetches once into the target directory.
fn axe_core() -> Result<PathBuf, InteropError> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe");
    let script = place.join(format!("{VERSION}/node_modules/axe-core/axe.min.js"));
    if script.is_file() {
        return absolute(&script);
    }
    let npm = tools::find("npm".as_ref())?;
    fs::create_dir_all(&place).map_err(InteropError::io("a directory for axe-core"))?;
    // Tests run side by side: the first fetches, the others wait.
    let lock = File::create(place.join("lock")).map_err(InteropError::io("a lock for axe-core"))?;
    lock.lock()
        .map_err(InteropError::io("the lock for axe-core"))?;
    if script.is_file() {
        return absolute(&script);
    }
    let output = Command::new(npm)
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--no-save",
            "--prefix",
        ])
        .arg(place.join(VERSION))
        .arg(format!("axe-core@{VERSION}"))
        .stdin(Stdio::null())
        .output()
        .map_err(InteropError::io("npm"))?;
    match output.status.success() && script.is_file() {
        true => absolute(&script),
        false => Err(InteropError::Failed {
            command: format!("npm install axe-core@{VERSION}"),
            status: output.status.to_string(),
            details: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, InteropError> {
    path.canonicalize().map_err(InteropError::io("axe-core"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_found_and_what_is_right_is_not() {
        let right = "<!DOCTYPE html><html lang=\"sv\"><head><title>a</title></head><body><main>\
                     <h1>A</h1><p>text</p></main></body></html>";
        let wrong = right
            .replace(" lang=\"sv\"", "")
            .replace("<p>", "<p class=\"faint\">")
            .replace("</main>", "<input></main>");
        let style = "body { background: #fff; color: #000 } .faint { color: #ccc } \
                     @media (prefers-color-scheme: dark) { p { color: #111; background: #000 } }";
        let pages = [
            ("right", right),
            ("wrong", wrong.as_str()),
            ("right again", right),
        ];
        let [laptop, phone, night] = Look::ALL.map(|look| violations(&pages, style, look).unwrap());
        for found in [&laptop, &phone] {
            for rule in [
                "wrong: color-contrast",
                "wrong: html-has-lang",
                "wrong: label",
            ] {
                assert!(
                    found.iter().any(|line| line.starts_with(rule)),
                    "{rule}: {found:?}"
                );
            }
            assert!(
                found.iter().all(|line| line.starts_with("wrong: ")),
                "{found:?}"
            );
        }
        assert!(
            night
                .iter()
                .any(|line| line.starts_with("right: color-contrast")),
            "{night:?}"
        );
    }
}
