//! The portal over HTTPS.

use core::fmt;

use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_api::certificates::{HccList, RevocationRequest};
use kortlab_portal_api::info::Info;
use kortlab_portal_api::orders::{
    ApprovalRequest, OrderBody, PairBody, ReceiptBody, SignedReceipt,
};
use kortlab_portal_api::session::NewSession;
use kortlab_portal_api::test_page::{RowBody, SignatureTrial, TestPage, TestPageRequest};
use kortlab_portal_api::{Serial, limits, paths};
use kortlab_portal_core::{
    Approval, HccEntry, IssuedPair, LogInKey, Order, OrderId, Portal, PortalError, Receipt,
    Session, SessionToken, TestPageRow,
};
use reqwest::Method;
use reqwest::blocking::Client;
use serde::Serialize;
use url::Url;

use crate::bounded::Timeouts;
use crate::card_key::{Lent, lend};
use crate::error::{ConnectError, Failure};
use crate::exchange::{Answer, Call, client, make, make_once};
use crate::trust::Trust;

/// A portal somewhere else, over HTTPS.
pub struct HttpPortal {
    main: Url,
    log_in: Url,
    trial: Url,
    info: Info,
    trust: Trust,
    timeouts: Timeouts,
    client: Client,
}

impl HttpPortal {
    /// Asks the portal at `address` (`https://HOST:PORT`) what it is and where it listens. Only
    /// servers that `trust` vouches for are talked to.
    ///
    /// # Errors
    /// That is no address, the portal cannot be reached or trusted, or what answers is none.
    pub fn connect(address: &str, trust: Trust) -> Result<Self, ConnectError> {
        Self::connect_within(address, trust, Timeouts::default())
    }

    /// As [`HttpPortal::connect`], with other time-outs.
    ///
    /// # Errors
    /// As for [`HttpPortal::connect`].
    pub fn connect_within(
        address: &str,
        trust: Trust,
        timeouts: Timeouts,
    ) -> Result<Self, ConnectError> {
        let main = base(address).map_err(ConnectError::Address)?;
        let failed = |reason: PortalError| ConnectError::Failed(reason.to_string());
        let client = client(&trust, timeouts, None).map_err(ConnectError::Failed)?;
        let call = get(paths::INFO, None);
        let info: Info = make(&client, &main, &call, timeouts)
            .map_err(|reason| failed(reason.into()))?
            .json()
            .map_err(|failure| failed(failure.into()))?;
        let listener = |what: &str, address: &str| {
            base(address).map_err(|why| {
                let why = format!("the portal's address for {what} makes no sense: {why}");
                failed(Failure::nonsense("GET /api/v1", why).into())
            })
        };
        Ok(Self {
            log_in: listener("log-in", &info.urls.log_in)?,
            trial: listener("trials", &info.urls.trial)?,
            main,
            info,
            trust,
            timeouts,
            client,
        })
    }

    /// What the portal said of itself.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Makes a call at the main listener.
    fn call(&self, call: &Call<'_>) -> Result<Answer, PortalError> {
        Ok(make(&self.client, &self.main, call, self.timeouts)?)
    }

    /// Makes a call with `key` as client certificate, at a listener that asks for one.
    fn call_with(
        &self,
        key: &mut dyn LogInKey,
        listener: &Url,
        path: &str,
    ) -> Result<Answer, PortalError> {
        let call = post(path, None, None);
        let lent = lend(key, |identity| {
            // A client of its own: no connection made with one card serves another.
            let client = client(&self.trust, self.timeouts, Some(identity))
                .map_err(|why| Failure::new(path, why))?;
            make_once(&client, listener, &call, self.timeouts)
        });
        match lent {
            Lent {
                refused: Some(refused),
                ..
            } => Err(refused.into()),
            Lent {
                result: Some(result),
                ..
            } => Ok(result?),
            Lent { result: None, .. } => {
                let what = "the thread of the request ended";
                Err(Failure::new(path, what).into())
            }
        }
    }
}

impl fmt::Debug for HttpPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPortal")
            .field("main", &self.main.as_str())
            .finish_non_exhaustive()
    }
}

impl Portal for HttpPortal {
    fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
        let answer = self.call_with(key, &self.log_in, paths::SESSION)?;
        Ok(answer.value::<_, NewSession>()?)
    }

    fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError> {
        self.call(&Call {
            method: Method::DELETE,
            path: paths::SESSION.to_owned(),
            token: Some(token),
            body: None,
            repeatable: false,
        })?;
        Ok(())
    }

    fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError> {
        let answer = self.call(&get(paths::CERTIFICATES, Some(token)))?;
        Ok(answer.value::<_, HccList>()?)
    }

    fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError> {
        let path = paths::of_certificate(paths::REMOVED, &known(serial)?);
        self.call(&repeatable(post(&path, Some(token), None)))?;
        Ok(())
    }

    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        let answer = self.call(&repeatable(post(paths::ORDERS, Some(token), None)))?;
        Ok(answer.value::<_, OrderBody>()?)
    }

    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        let path = paths::of_order(paths::APPROVAL, &order);
        let body = json(&ApprovalRequest::from(approval))?;
        let answer = self.call(&post(&path, Some(token), Some(body)))?;
        Ok(answer.value::<_, PairBody>()?)
    }

    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let path = paths::of_order(paths::ORDER_CERTIFICATES, &order);
        let answer = self.call(&get(&path, Some(token)))?;
        Ok(answer.value::<_, PairBody>()?)
    }

    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        let answer = self.call(&get(paths::RECEIPT, Some(token)))?;
        if answer.is_empty() {
            return Ok(None);
        }
        Ok(Some(answer.value::<_, ReceiptBody>()?))
    }

    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed_receipt: &[u8],
    ) -> Result<(), PortalError> {
        let path = paths::of_order(paths::SIGNED_RECEIPT, &order);
        let body = json(&SignedReceipt {
            signed_receipt: signed_receipt.into(),
        })?;
        self.call(&post(&path, Some(token), Some(body)))?;
        Ok(())
    }

    fn revoke(
        &mut self,
        token: &SessionToken,
        serial: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError> {
        let path = paths::of_certificate(paths::REVOCATION, &known(serial)?);
        let body = json(&RevocationRequest::from(reason))?;
        self.call(&post(&path, Some(token), Some(body)))?;
        Ok(())
    }

    fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError> {
        let mut rows = Vec::with_capacity(certificates.len());
        for part in certificates.chunks(limits::CERTIFICATES) {
            let body = json(&TestPageRequest::from(part))?;
            let answer = self.call(&repeatable(post(paths::TEST_PAGE, None, Some(body))))?;
            let found: Vec<TestPageRow> = answer.value::<_, TestPage>()?;
            let same = found.iter().map(|row| &row.certificate).eq(part);
            if !same {
                let what = "the rows are not those of the certificates that were asked for";
                return Err(Failure::nonsense(paths::TEST_PAGE, what).into());
            }
            rows.extend(found);
        }
        Ok(rows)
    }

    fn try_authentication(&mut self, key: &mut dyn LogInKey) -> Result<TestPageRow, PortalError> {
        let answer = self.call_with(key, &self.trial, paths::AUTHENTICATION_TRIAL)?;
        Ok(answer.value::<_, RowBody>()?)
    }

    fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
        let body = json(&SignatureTrial {
            signed: signed.into(),
        })?;
        let answer = self.call(&repeatable(post(paths::SIGNATURE_TRIAL, None, Some(body))))?;
        Ok(answer.value::<_, RowBody>()?)
    }
}

fn get<'a>(path: &str, token: Option<&'a SessionToken>) -> Call<'a> {
    Call {
        method: Method::GET,
        path: path.to_owned(),
        token,
        body: None,
        repeatable: true,
    }
}

fn post<'a>(path: &str, token: Option<&'a SessionToken>, body: Option<Vec<u8>>) -> Call<'a> {
    Call {
        method: Method::POST,
        path: path.to_owned(),
        token,
        body,
        repeatable: false,
    }
}

/// A call that changes nothing the second time.
fn repeatable(call: Call<'_>) -> Call<'_> {
    Call {
        repeatable: true,
        ..call
    }
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, PortalError> {
    serde_json::to_vec(body).map_err(|error| PortalError::Transport(error.to_string()))
}

/// A serial number that can be asked for; another one the portal cannot have issued.
fn known(serial: &[u8]) -> Result<Serial, PortalError> {
    Serial::new(serial).map_err(|_| PortalError::UnknownHcc {
        serial: String::from("of more than 32 bytes"),
    })
}

/// `https://HOST:PORT`, without anything after it but a slash.
fn base(address: &str) -> Result<Url, String> {
    if address.len() > limits::URL {
        return Err("it is too long".to_owned());
    }
    let url = Url::parse(address).map_err(|error| error.to_string())?;
    if url.scheme() != "https" {
        return Err("it does not begin with https".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or password in it".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("something follows the host and port".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_with_host_and_port_only() {
        for right in [
            "https://localhost:8443",
            "https://127.0.0.1/",
            "https://[::1]:1",
        ] {
            assert!(base(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "localhost:8443",
            "http://localhost:8443",
            "https://user:secret@localhost",
            "https://localhost/path",
            "https://localhost/?a",
            "https://localhost/#a",
            &format!("https://{}", "a".repeat(3000)),
        ] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }
}
