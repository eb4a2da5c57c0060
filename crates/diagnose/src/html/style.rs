//! The style of the report, light and dark. Colours say nothing that words do not say.

/// The style sheet.
pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; --ground: #ffffff; --text: #1a1a1a; --dim: #4a4a4a; \
--line: #767676; --error: #a80018; --warning: #7a4700; --note: #1f4f8a; --link: #0b4fb3; \
--mark: #ffd24d; --marked: #000000; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181c; --text: #ececec; --dim: #b8b8b8; \
--line: #8c8c8c; --error: #ff9a9a; --warning: #ffc36b; --note: #9cc8ff; --link: #9cc8ff; \
--mark: #ffd24d; --marked: #000000; } }
body { background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; \
margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
.verdict { font-weight: bold; font-size: 1.2rem; }
.error { color: var(--error); }
.warning { color: var(--warning); }
.note { color: var(--note); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; color: var(--dim); }
th, td { border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; \
vertical-align: top; }
tbody th { width: 11rem; }
.all th, .all td { overflow-wrap: break-word; }
.all td:last-child { overflow-wrap: anywhere; }
@media (max-width: 30rem) { th, td { padding: 0.2rem 0.3rem; } tbody th { width: 7rem; } }
figure { margin: 1rem 0; }
figcaption { color: var(--dim); }
pre { border: 1px solid var(--line); padding: 0.5rem; overflow-x: auto; \
font: 0.9rem/1.4 ui-monospace, monospace; }
mark { background: var(--mark); color: var(--marked); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
@media print { pre { white-space: pre-wrap; } section { break-inside: avoid; } }
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of one scheme by their names.
    fn colours(scheme: &str) -> impl Fn(&str) -> [f64; 3] + '_ {
        move |name| {
            let (_, rest) = scheme.split_once(&format!("--{name}: #")).expect(name);
            let number = u32::from_str_radix(&rest[..6], 16).expect("a colour");
            [number >> 16, number >> 8, number].map(|part| f64::from(part & 0xFF) / 255.0)
        }
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: [f64; 3]) -> f64 {
        let [red, green, blue] = colour.map(|part| match part <= 0.040_45 {
            true => part / 12.92,
            false => ((part + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_stands_out_from_its_ground_by_aa_and_lines_by_three_to_one() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").expect("two");
        assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.001);
        for scheme in [light, dark] {
            let colour = colours(scheme);
            for text in ["text", "dim", "error", "warning", "note", "link"] {
                let ratio = contrast(colour(text), colour("ground"));
                assert!(ratio >= 4.5, "{text}: {ratio}");
            }
            assert!(contrast(colour("line"), colour("ground")) >= 3.0);
            assert!(contrast(colour("marked"), colour("mark")) >= 4.5);
        }
    }
}
