//! The administrator's token, and how it comes with a request.

use core::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use kortlab_issuer::random::IssuerRng;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The secret that makes a client of the administrator's listener the administrator: 32 random
/// bytes, written as 64 hexadecimal digits. It is not printed, and compared in constant time.
#[derive(Clone)]
pub struct AdminToken(Zeroizing<String>);

impl AdminToken {
    pub(crate) fn create(rng: &mut IssuerRng) -> Self {
        Self(Zeroizing::new(hex::encode(rng.bytes::<32>())))
    }

    /// The token with these 64 hexadecimal digits.
    pub fn from_text(text: &str) -> Option<Self> {
        let is_one = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(Zeroizing::new(text.to_ascii_lowercase())))
    }

    /// The token itself, to be sent or stored.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a request comes with this token.
    pub(crate) fn came_with(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|text| text.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn only_the_whole_token_opens_the_administrators_side() {
        let token = AdminToken::create(&mut IssuerRng::from_seed(1, "admin token"));
        let text = token.expose().to_owned();
        assert!(token.came_with(&headers(&format!("Bearer {text}"))));
        assert!(token.came_with(&headers(&format!("bearer {text}"))));
        for wrong in [
            "Bearer ".to_owned(),
            format!("Basic {text}"),
            text.clone(),
            format!("Bearer {}", &text[..63]),
            format!("Bearer {text}0"),
        ] {
            assert!(!token.came_with(&headers(&wrong)), "{wrong}");
        }
        assert!(!token.came_with(&HeaderMap::new()));
    }

    #[test]
    fn the_token_is_not_printed() {
        let token = AdminToken::create(&mut IssuerRng::from_seed(1, "admin token"));
        assert_eq!(format!("{token:?}"), "AdminToken(…)");
        assert!(AdminToken::from_text("0").is_none());
        assert!(AdminToken::from_text(&"g".repeat(64)).is_none());
    }
}
