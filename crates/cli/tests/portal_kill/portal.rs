//! The portal as the holder's client sees it, with an eye on every call.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use kortlab_issuer::revocation::RevocationReason;
use kortlab_portal_client::{HttpPortal, Trust};
use kortlab_portal_core::{
    Approval, HccEntry, IssuedPair, LogInKey, Order, OrderId, Portal, PortalError, Receipt,
    Session, SessionToken, TestPageRow,
};

use super::acknowledged::Acknowledged;

/// The calls of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    TestPage,
    LogIn,
    List,
    Removed,
    Order,
    Approve,
    Fetch,
    Receipt,
    SignReceipt,
    LogOut,
}

impl Step {
    pub const ALL: [Self; 10] = [
        Self::TestPage,
        Self::LogIn,
        Self::List,
        Self::Removed,
        Self::Order,
        Self::Approve,
        Self::Fetch,
        Self::Receipt,
        Self::SignReceipt,
        Self::LogOut,
    ];
}

/// When the blow falls: at the first call of this step in an attempt, so long after it was begun.
#[derive(Clone, Debug)]
pub struct Strike {
    pub step: Step,
    pub delay: Duration,
}

/// How long each step takes that nobody disturbs.
#[derive(Default)]
pub struct Timings(BTreeMap<Step, Duration>);

impl Timings {
    pub fn of(&self, step: Step) -> Duration {
        *self.0.get(&step).expect("every step was seen undisturbed")
    }

    /// The mean, of which the latest is an eighth.
    fn note(&mut self, step: Step, took: Duration) {
        let mean = self.0.entry(step).or_insert(took);
        *mean = (*mean * 7 + took) / 8;
    }
}

pub struct Watched<'a> {
    portal: HttpPortal,
    strike: Option<Strike>,
    arm: Option<Sender<Duration>>,
    /// Whether the call at which the blow fell was answered.
    struck: Option<bool>,
    timings: &'a mut Timings,
    acknowledged: &'a mut Acknowledged,
}

impl<'a> Watched<'a> {
    pub fn connect(
        url: &str,
        ca: &Path,
        strike: Option<Strike>,
        arm: Sender<Duration>,
        timings: &'a mut Timings,
        acknowledged: &'a mut Acknowledged,
    ) -> Result<Self, String> {
        let trust = Trust::from_pem(&fs::read(ca).unwrap()).unwrap();
        let portal = HttpPortal::connect(url, trust).map_err(|error| error.to_string())?;
        Ok(Self {
            portal,
            strike,
            arm: Some(arm),
            struck: None,
            timings,
            acknowledged,
        })
    }

    /// If the blow was let fall: whether the call at which it was had its answer all the same.
    pub fn struck(&self) -> Option<bool> {
        self.struck
    }

    fn call<T>(
        &mut self,
        step: Step,
        call: impl FnOnce(&mut HttpPortal) -> Result<T, PortalError>,
    ) -> Result<T, PortalError> {
        let arm = match &self.strike {
            Some(strike) if strike.step == step => self.arm.take().map(|arm| (arm, strike.delay)),
            _ => None,
        };
        let strikes = arm.is_some();
        if let Some((arm, delay)) = arm {
            arm.send(delay).expect("the blow waits");
        }
        let since = Instant::now();
        let result = call(&mut self.portal);
        if strikes {
            self.struck = Some(result.is_ok());
        } else if self.struck.is_none() && result.is_ok() {
            self.timings.note(step, since.elapsed());
        }
        result
    }
}

impl Portal for Watched<'_> {
    fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
        self.call(Step::LogIn, |portal| portal.log_in(key))
    }

    fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError> {
        self.call(Step::LogOut, |portal| portal.log_out(token))
    }

    fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError> {
        self.call(Step::List, |portal| portal.certificates(token))
    }

    fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError> {
        self.call(Step::Removed, |portal| portal.removed(token, serial))
    }

    fn order(&mut self, token: &SessionToken) -> Result<Order, PortalError> {
        let order = self.call(Step::Order, |portal| portal.order(token))?;
        self.acknowledged.order(order.id);
        Ok(order)
    }

    fn approve(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        approval: &Approval,
    ) -> Result<IssuedPair, PortalError> {
        let pair = self.call(Step::Approve, |portal| {
            portal.approve(token, order, approval)
        })?;
        self.acknowledged.pair(&pair);
        Ok(pair)
    }

    fn fetch(&mut self, token: &SessionToken, order: OrderId) -> Result<IssuedPair, PortalError> {
        let pair = self.call(Step::Fetch, |portal| portal.fetch(token, order))?;
        self.acknowledged.pair(&pair);
        Ok(pair)
    }

    fn receipt(&mut self, token: &SessionToken) -> Result<Option<Receipt>, PortalError> {
        self.call(Step::Receipt, |portal| portal.receipt(token))
    }

    fn sign_receipt(
        &mut self,
        token: &SessionToken,
        order: OrderId,
        signed: &[u8],
    ) -> Result<(), PortalError> {
        self.call(Step::SignReceipt, |portal| {
            portal.sign_receipt(token, order, signed)
        })?;
        self.acknowledged.receipt(order);
        Ok(())
    }

    fn revoke(
        &mut self,
        token: &SessionToken,
        serial: &[u8],
        reason: RevocationReason,
    ) -> Result<(), PortalError> {
        self.portal.revoke(token, serial, reason)
    }

    fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError> {
        self.call(Step::TestPage, |portal| portal.test_page(certificates))
    }

    fn try_authentication(&mut self, key: &mut dyn LogInKey) -> Result<TestPageRow, PortalError> {
        self.portal.try_authentication(key)
    }

    fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
        self.portal.try_signature(signed)
    }
}
