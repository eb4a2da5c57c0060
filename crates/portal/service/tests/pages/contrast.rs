//! The colours of the style sheet, by the formula of WCAG 2.2 (relative luminance, contrast
//! ratio): 4.5:1 for text (1.4.3), 3:1 for what shows focus and edges of fields (1.4.11).

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../assets/kortlab.css");

/// Text, and what it stands on.
const TEXT: &[(&str, &str)] = &[
    ("ink", "page"),
    ("ink", "surface"),
    ("ink", "good-soft"),
    ("ink", "bad-soft"),
    ("ink", "remark-soft"),
    ("muted", "page"),
    ("muted", "surface"),
    ("link", "page"),
    ("link", "surface"),
    ("link", "good-soft"),
    ("link", "bad-soft"),
    ("link", "remark-soft"),
    ("on-brand", "brand"),
    ("on-action", "action"),
    ("on-action", "action-strong"),
    ("on-danger", "danger"),
    ("on-danger", "bad"),
    ("blue", "blue-soft"),
    ("pink", "pink-soft"),
    ("other", "other-soft"),
    ("good", "surface"),
    ("good", "page"),
    ("bad", "surface"),
    ("waiting", "surface"),
];

/// Shapes, and what is beside them.
const SHAPES: &[(&str, &str)] = &[
    ("focus", "page"),
    ("focus", "surface"),
    ("action", "page"),
    ("action", "surface"),
    ("field", "surface"),
    ("blue", "surface"),
    ("pink", "surface"),
    ("good", "good-soft"),
    ("bad", "bad-soft"),
    ("remark", "remark-soft"),
];

/// The custom properties of a block that begins at `from`.
fn colours(from: &str) -> BTreeMap<&'static str, [f64; 3]> {
    let start = STYLE.find(from).unwrap();
    let block = &STYLE[start..];
    let block = &block[block.find(":root {").unwrap()..];
    let block = &block[..block.find('}').unwrap()];
    block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
        .map(|(name, value)| {
            let digits = value.trim_end_matches(';');
            let channel = |index: usize| {
                let digits = &digits[index * 2..index * 2 + 2];
                f64::from(u8::from_str_radix(digits, 16).unwrap()) / 255.0
            };
            (name, [channel(0), channel(1), channel(2)])
        })
        .collect()
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = colour.map(|channel| {
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_shapes_stand_out_in_light_and_in_dark() {
    let black_on_white = ratio([0.0; 3], [1.0; 3]);
    assert!((black_on_white - 21.0).abs() < 1e-9, "{black_on_white}");
    let mut low = Vec::new();
    for (scheme, from) in [("light", ":root {"), ("dark", "prefers-color-scheme: dark")] {
        let colours = colours(from);
        for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
            for (front, back) in pairs {
                let ratio = ratio(colours[front], colours[back]);
                if ratio < least {
                    low.push(format!("{scheme}: {front} on {back}: {ratio:.2} < {least}"));
                }
            }
        }
    }
    assert_eq!(low, Vec::<String>::new());
}

#[test]
fn every_colour_is_one_of_those_that_are_measured() {
    let light = colours(":root {");
    assert_eq!(
        light.keys().collect::<Vec<_>>(),
        colours("prefers-color-scheme: dark")
            .keys()
            .collect::<Vec<_>>(),
        "each colour has its dark counterpart"
    );
    // After the two blocks of custom properties nothing names a colour itself, except for print.
    let screen = &STYLE[STYLE.find("*,\n*::before").unwrap()..STYLE.find("@media print").unwrap()];
    for line in screen.lines() {
        let (property, value) = line.trim().split_once(": ").unwrap_or_default();
        if property.ends_with("color") || property == "background" || property == "fill" {
            let value = value.trim_end_matches(';');
            let known = ["none", "currentcolor", "transparent"].contains(&value)
                || value
                    .strip_prefix("var(--")
                    .is_some_and(|name| light.contains_key(name.trim_end_matches(')')));
            assert!(known, "{line}");
        }
    }
}

#[test]
fn the_style_sheet_honours_what_people_have_set() {
    for query in [
        "prefers-color-scheme: dark",
        "prefers-reduced-motion: no-preference",
        "forced-colors: active",
        "@media print",
        ":focus-visible",
    ] {
        assert!(STYLE.contains(query), "{query}");
    }
    // What moves, moves only for those who have not asked for less; and nothing is loaded.
    assert_eq!(STYLE.matches("transition:").count(), 1);
    assert!(!STYLE.contains("animation") && !STYLE.contains("url("));
}
