//! Who may ask: the checks that every request passes before anything is done for it.
//!
//! A page of any web site can make the browser send a request to this computer. What such a page
//! cannot do is write the headers that say where the request comes from, so they decide:
//!
//! - `Host` must be the agent's own address. A name that was made to point at this computer (DNS
//!   rebinding) is another one.
//! - `Origin` must be on the list where a portal asks, and the agent's own where one of its own
//!   forms is sent in. `null`, and none at all, are nobody.
//! - The `Sec-Fetch-` headers, where a browser sends them, must say that a person went to a page
//!   in a window of its own: not a script, not a frame, not an image.

use axum::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::origin::Origin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Why a request was not served. None of them repeats what the request said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// `Host` is not the agent's address.
    Host,
    /// `Origin` is missing, `null`, or not one that may ask.
    Origin,
    /// The `Sec-Fetch-` headers say something else than a visit.
    Fetch,
    /// The body is no form.
    NoForm,
}

/// The agent's own address, and who may ask it.
#[derive(Debug)]
pub(crate) struct Guard {
    host: String,
    own_origin: String,
    allowed: Vec<Origin>,
}

impl Guard {
    /// A guard for the agent at `host` (`127.0.0.1:47800`).
    pub(crate) fn new(host: String, allowed: Vec<Origin>) -> Self {
        Self {
            own_origin: format!("http://{host}"),
            host,
            allowed,
        }
    }

    /// The portals that may ask.
    pub(crate) fn allowed(&self) -> &[Origin] {
        &self.allowed
    }

    /// A portal's form: who it is.
    pub(crate) fn portal(&self, headers: &HeaderMap) -> Result<Origin, Denied> {
        self.host(headers)?;
        let origin = only(headers, &ORIGIN).ok_or(Denied::Origin)?;
        let origin = self
            .allowed
            .iter()
            .find(|allowed| allowed.as_str().as_bytes() == origin)
            .ok_or(Denied::Origin)?;
        visit(headers, &["cross-site", "same-site"])?;
        form(headers)?;
        Ok(origin.clone())
    }

    /// A form of the agent's own pages.
    pub(crate) fn own_form(&self, headers: &HeaderMap) -> Result<(), Denied> {
        self.host(headers)?;
        let origin = only(headers, &ORIGIN).ok_or(Denied::Origin)?;
        if origin != self.own_origin.as_bytes() {
            return Err(Denied::Origin);
        }
        visit(headers, &["same-origin"])?;
        form(headers)
    }

    /// A page or file that is fetched by the agent's own pages, or by hand.
    pub(crate) fn own_page(&self, headers: &HeaderMap) -> Result<(), Denied> {
        self.host(headers)?;
        match one(headers, &SEC_FETCH_SITE)? {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => Err(Denied::Fetch),
        }
    }

    /// The target of a request: where it is a whole address, it is the agent's.
    pub(crate) fn target(&self, target: &Uri) -> Result<(), Denied> {
        let own = |host: &Authority| host.as_str() == self.host;
        match target.authority() {
            Some(host) if !own(host) => Err(Denied::Host),
            _ => Ok(()),
        }
    }

    fn host(&self, headers: &HeaderMap) -> Result<(), Denied> {
        match only(headers, &HOST) {
            Some(host) if host == self.host.as_bytes() => Ok(()),
            _ => Err(Denied::Host),
        }
    }
}

/// A navigation of a whole window, from one of these relations (Fetch Metadata Request Headers
/// §2).
fn visit(headers: &HeaderMap, sites: &[&str]) -> Result<(), Denied> {
    let site = one(headers, &SEC_FETCH_SITE)?;
    let mode = one(headers, &SEC_FETCH_MODE)?;
    let destination = one(headers, &SEC_FETCH_DEST)?;
    let expected = site.is_none_or(|site| sites.iter().any(|known| known.as_bytes() == site))
        && mode.is_none_or(|mode| mode == b"navigate")
        && destination.is_none_or(|destination| destination == b"document");
    expected.then_some(()).ok_or(Denied::Fetch)
}

fn form(headers: &HeaderMap) -> Result<(), Denied> {
    let kind = only(headers, &CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(|&byte| byte == b';').next().unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        .then_some(())
        .ok_or(Denied::NoForm)
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value.as_bytes())
}

/// The value of a header that is there at most once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, Denied> {
    match headers.contains_key(name) {
        false => Ok(None),
        true => only(headers, name).map(Some).ok_or(Denied::Fetch),
    }
}
