//! Which language a page is in: what the visitor chose, else what the browser asks for, else
//! Swedish.

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
pub(crate) use kortlab_portal_api::task::Language;

use super::cookies;

/// The cookie of the choice. It says nothing but `sv` or `en`.
const COOKIE: &str = "kortlab-language";
/// The parameter of the link that chooses.
const PARAMETER: &str = "lang";

/// The other one.
pub(crate) const fn other(language: Language) -> Language {
    match language {
        Language::Swedish => Language::English,
        Language::English => Language::Swedish,
    }
}

fn from_tag(tag: &str) -> Option<Language> {
    match tag {
        "sv" => Some(Language::Swedish),
        "en" => Some(Language::English),
        _ => None,
    }
}

/// What the browser asks for in Accept-Language (RFC 9110 §12.5.4): the known language with the
/// greatest weight, the first of several.
fn accepted(header: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let primary = tag.split('-').next().unwrap_or_default();
        let Some(language) = from_tag(&primary.to_ascii_lowercase()) else {
            continue;
        };
        let weight = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(Some(1000), thousandths)
            .unwrap_or(0);
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// What is added to an address, so that whatever is answered there is in this language. The result
/// of a task comes from another site, and so without the cookie.
pub(crate) fn query(language: Language) -> String {
    format!("{PARAMETER}={}", language.tag())
}

/// The language of a request.
pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Language {
    chosen(uri.query())
        .or_else(|| cookies::value(headers, COOKIE).and_then(from_tag))
        .or_else(|| accepted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?))
        .unwrap_or_default()
}

/// The cookie that keeps a choice made by a link (`?lang=en`). What is posted chooses nothing.
pub(crate) fn cookie(method: &Method, uri: &Uri) -> Option<HeaderValue> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let tag = chosen(uri.query())?.tag();
    let cookie =
        format!("{COOKIE}={tag}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(cookie).ok()
}

fn chosen(query: Option<&str>) -> Option<Language> {
    query?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == PARAMETER)
        .and_then(|(_, tag)| from_tag(tag))
}

/// `0.8` as 800 (RFC 9110 §12.4.2: at most three decimals).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_wins_and_nonsense_is_passed_over() {
        let cases = [
            ("en-GB,en;q=0.9,sv;q=0.8", Some(Language::English)),
            ("de, sv-SE;q=0.7, en;q=0.3", Some(Language::Swedish)),
            ("en;q=0, sv;q=0.001", Some(Language::Swedish)),
            ("sv;q=2, en;q=0.1", Some(Language::English)),
            ("sv;q=0.12345", None),
            ("fr, *", None),
            ("", None),
            (";;;q=,,", None),
        ];
        for (header, expected) in cases {
            assert_eq!(accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn a_cookie_beats_the_browser_and_swedish_is_the_default() {
        let here = Uri::from_static("/menu");
        let mut headers = HeaderMap::new();
        assert_eq!(of(&here, &headers), Language::Swedish);
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        assert_eq!(of(&here, &headers), Language::English);
        headers.insert(
            "cookie",
            HeaderValue::from_static("a=b; kortlab-language=sv"),
        );
        assert_eq!(of(&here, &headers), Language::Swedish);
        let link = Uri::from_static("/menu?lang=en");
        assert_eq!(of(&link, &headers), Language::English);
    }

    #[test]
    fn only_the_two_known_languages_can_be_chosen() {
        assert_eq!(chosen(Some("a=1&lang=en")), Some(Language::English));
        assert_eq!(chosen(Some("lang=%0d%0aSet-Cookie")), None);
        assert_eq!(chosen(None), None);
    }
}
