//! Where things are on a page, as a headless Chromium lays it out.

use crate::error::InteropError;
use crate::headless::{self, Look};

/// Where the first element that a CSS selector finds ends, in CSS pixels from the top of the page,
/// on each of these pages (a name and the HTML). The style sheet takes the place of the linked one.
///
/// # Errors
/// Chromium is not installed, or a page has no such element.
pub fn bottoms(
    pages: &[(&str, &str)],
    style: &str,
    look: Look,
    selector: &str,
) -> Result<Vec<f64>, InteropError> {
    let command = "a layout in Chromium";
    let said = headless::result(command, &measuring(pages, style, look, selector), look)?;
    let found: Vec<Option<f64>> = serde_json::from_str(&said)
        .map_err(|error| headless::failed(command, &error.to_string()))?;
    let bottoms: Option<Vec<_>> = found.into_iter().collect();
    bottoms
        .filter(|found| found.len() == pages.len())
        .ok_or_else(|| headless::failed(command, &format!("a page without {selector}")))
}

/// A page that shows each of the pages in a frame of this size: no window of Chromium's is as narrow as
/// a phone.
fn measuring(pages: &[(&str, &str)], style: &str, look: Look, selector: &str) -> String {
    let pages = headless::with_style(pages, style);
    let selector = serde_json::json!(selector)
        .to_string()
        .replace("</", "<\\/");
    let (width, height) = look.size;
    format!(
        r#"<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>layout</title>
</head><body><iframe width="{width}" height="{height}" style="border: 0"></iframe><script>
const frame = document.querySelector('iframe').contentDocument;
const show = html => {{
    const page = new DOMParser().parseFromString(html, 'text/html');
    for (const one of page.querySelectorAll('link, meta[http-equiv]')) one.remove();
    frame.open();
    frame.write('<!DOCTYPE html>' + page.documentElement.outerHTML);
    frame.close();
}};
const bottoms = {pages}.map(([_, html]) => {{
    show(html);
    const found = frame.querySelector({selector});
    return found && found.getBoundingClientRect().bottom;
}});
const told = document.createElement('pre');
told.id = 'result';
told.textContent = JSON.stringify(bottoms);
document.body.append(told);
</script></body></html>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_wide_as_the_look() {
        let html = "<!DOCTYPE html><html><head><title>a</title></head><body><b></b></body></html>";
        let style = "* { margin: 0 } b { display: block; height: 100vw }";
        for look in Look::ALL {
            let found = bottoms(&[("a", html)], style, look, "b").unwrap();
            assert_eq!(found, [f64::from(look.size.0)]);
        }
    }

    #[test]
    fn what_is_wider_than_the_window_goes_on_below() {
        let html = "<!DOCTYPE html><html><head><title>a</title></head><body>\
                    <p>aaaa bbbb</p><b>c</b></body></html>";
        let style = "* { margin: 0; padding: 0; font: 10px/20px monospace } \
                     p { width: 7ch } b { display: block }";
        let wide = style.replace("7ch", "20ch");
        let of = |style: &str, selector| bottoms(&[("a", html)], style, Look::PHONE, selector);
        assert_eq!(of(style, "b").unwrap(), [60.0]);
        assert_eq!(of(&wide, "b").unwrap(), [40.0]);
        assert!(of(style, "i").is_err());
    }
}
