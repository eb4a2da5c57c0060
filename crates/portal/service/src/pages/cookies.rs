//! Cookies, and the secrets in them.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use kortlab_portal_core::SessionToken;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The session's token. The prefix keeps other hosts, and pages without TLS, from setting it
/// (RFC 6265bis §4.1.3.2); the port it was set from does not matter.
const SESSION: &str = "__Host-kortlab";
/// A random value for whoever uses the test page, where nobody logs in.
const VISITOR: &str = "__Host-kortlab-visitor";
/// Not sent with requests from other sites, except when a link is followed.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// The value of a cookie, the first of several.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The session's token, if a cookie holds one.
pub(crate) fn session(headers: &HeaderMap) -> Option<SessionToken> {
    value(headers, SESSION).and_then(SessionToken::from_text)
}

/// The cookie of a session that begins.
pub(crate) fn begin_session(token: &SessionToken) -> Option<HeaderValue> {
    secret_cookie(SESSION, token.expose())
}

/// The cookie that makes the browser forget the session.
pub(crate) fn end_session() -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{SESSION}=; Max-Age=0; {ATTRIBUTES}")).ok()
}

/// A visitor's secret. It is not printed, and overwritten when dropped.
#[derive(Clone)]
pub(crate) struct VisitorSecret(Zeroizing<String>);

impl VisitorSecret {
    /// A new one.
    pub(crate) fn new(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(hex::encode(random)))
    }

    /// The one that a cookie holds: 64 hexadecimal digits.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = value(headers, VISITOR)?;
        let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Its cookie.
    pub(crate) fn cookie(&self) -> Option<HeaderValue> {
        secret_cookie(VISITOR, &self.0)
    }

    /// What is derived from it.
    pub(crate) fn seal(&self) -> Seal {
        Seal::new(&self.0, Owner::Visitor)
    }
}

impl core::fmt::Debug for VisitorSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("VisitorSecret(…)")
    }
}

fn secret_cookie(name: &str, secret: &str) -> Option<HeaderValue> {
    let cookie = Zeroizing::new(format!("{name}={secret}; {ATTRIBUTES}"));
    let mut cookie = HeaderValue::from_str(&cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// What the pages derive from the secret of a cookie: a name for its owner, and a token for its
/// forms. The secret has 256 bits, so neither leads back to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    /// The owner's name in memory.
    pub(crate) owner: Owner,
    csrf: [u8; 32],
}

/// The name of a browser, or of a session, in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// Somebody on the test page.
    Visitor([u8; 32]),
    /// A session, or what somebody says is one.
    Session([u8; 32]),
}

impl core::fmt::Debug for Owner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Owner(…)")
    }
}

impl core::fmt::Debug for Seal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// Of a session.
    pub(crate) fn of_session(token: &SessionToken) -> Self {
        Self::new(token.expose(), Owner::Session)
    }

    fn new(secret: &str, owner: fn([u8; 32]) -> Owner) -> Self {
        let derive = |purpose: &[u8]| Sha256::new().chain_update(purpose).chain_update(secret);
        Self {
            owner: owner(derive(b"Kortlab pages, owner 1\0").finalize().into()),
            csrf: derive(b"Kortlab pages, form 1\0").finalize().into(),
        }
    }

    /// The token that goes into each form.
    pub(crate) fn csrf(&self) -> String {
        hex::encode(self.csrf)
    }

    /// Whether a form carried it. Takes as long wherever the two differ.
    pub(crate) fn is_on(&self, form_token: &str) -> bool {
        self.csrf().as_bytes().ct_eq(form_token.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_only_whole_tokens_are_read() {
        let token = "ab".repeat(32);
        let headers = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_str(text).unwrap());
            headers
        };
        let found = session(&headers(&format!("a=1; __Host-kortlab={token};b")));
        assert_eq!(found.unwrap().expose(), token);
        assert!(session(&headers(&format!("kortlab={token}"))).is_none());
        assert!(session(&headers("__Host-kortlab=abc")).is_none());
        assert!(VisitorSecret::of(&headers("__Host-kortlab-visitor=g")).is_none());
    }

    #[test]
    fn each_secret_has_its_own_form_token_and_owner_and_neither_is_the_secret() {
        let seal = |byte| VisitorSecret::new([byte; 32]).seal();
        let (one, other) = (seal(1), seal(2));
        assert!(one.is_on(&one.csrf()));
        assert!(!one.is_on(&other.csrf()) && !one.is_on("") && one.owner != other.owner);
        assert_ne!(one.csrf(), hex::encode([1; 32]));
        assert_ne!(Owner::Visitor(one.csrf), one.owner);
        assert!(!format!("{:?}", VisitorSecret::new([1; 32])).contains("01"));
    }

    #[test]
    fn secret_cookies_keep_away_from_scripts_other_sites_and_logs() {
        let cookie = VisitorSecret::new([7; 32]).cookie().unwrap();
        assert!(cookie.is_sensitive());
        let text = cookie.to_str().unwrap();
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(text.contains(attribute), "{text}");
        }
        assert!(!text.contains("Domain"), "{text}");
    }
}
