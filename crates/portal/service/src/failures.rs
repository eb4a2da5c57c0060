//! Failures on purpose: what goes wrong next, so that clients can be tested with it.

use core::fmt;
use core::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::operation::Operation;

/// More plans than this are not kept.
const MAX_PLANS: usize = 256;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No answer comes, and nothing is done: after half a minute the connection is closed.
    Timeout,
    /// The answer is status 500, and nothing is done.
    #[serde(rename = "status-500")]
    Status500,
    /// The certificate for authentication of the order that is approved by this call is issued for
    /// a key that is not the card's. If the call is refused, nothing is issued at all.
    WrongKey,
    /// OCSP requests find the connection closed.
    OcspUnreachable,
    /// CRL requests find the connection closed.
    CrlUnreachable,
    /// What was asked is done and stored; then the connection is closed without an answer.
    LostAnswer,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Timeout,
        Self::Status500,
        Self::WrongKey,
        Self::OcspUnreachable,
        Self::CrlUnreachable,
        Self::LostAnswer,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Status500 => "status-500",
            Self::WrongKey => "wrong-key",
            Self::OcspUnreachable => "ocsp-unreachable",
            Self::CrlUnreachable => "crl-unreachable",
            Self::LostAnswer => "lost-answer",
        }
    }

    /// Whether it can befall this operation.
    const fn befalls(self, operation: Operation) -> bool {
        match self {
            Self::OcspUnreachable => matches!(operation, Operation::Ocsp),
            Self::CrlUnreachable => matches!(operation, Operation::Crl),
            Self::WrongKey => matches!(operation, Operation::Approve),
            Self::Timeout | Self::Status500 | Self::LostAnswer => !matches!(
                operation,
                Operation::Start | Operation::Settle | Operation::PlanFailure
            ),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "there is no failure {0:?}; there are timeout, status-500, wrong-key, ocsp-unreachable, crl-unreachable and lost-answer"
)]
pub struct UnknownFailure(pub String);

impl FromStr for FailureKind {
    type Err = UnknownFailure;

    fn from_str(text: &str) -> Result<Self, UnknownFailure> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownFailure(text.chars().take(64).collect()))
    }
}

/// What is to go wrong, where, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What goes wrong.
    pub kind: FailureKind,
    /// In which operation; in any that it can befall, but the administrator's, if this is not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// How often; each time until the plans are ended if this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if let Some(operation) = self.operation {
            write!(f, " in {operation}")?;
        }
        match self.times {
            Some(1) => f.write_str(", once"),
            Some(times) => write!(f, ", {times} times"),
            None => f.write_str(", each time"),
        }
    }
}

/// Why a plan is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The failure cannot befall the operation.
    #[error("{kind} cannot befall {operation}; leave the operation out, or name another")]
    CannotBefall {
        /// The failure.
        kind: FailureKind,
        /// The operation.
        operation: Operation,
    },
    /// It would never happen.
    #[error("a failure that happens 0 times never happens; give 1 or more, or leave it out")]
    Never,
    /// There are too many plans.
    #[error("there are {MAX_PLANS} plans already; end them first")]
    TooMany,
}

/// The plans. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Vec<Plan>>>);

impl Failures {
    /// Plans a failure, after those planned before.
    ///
    /// # Errors
    /// It cannot happen, or there are too many plans.
    pub fn plan(&self, plan: Plan) -> Result<(), PlanError> {
        self.check(&plan)?;
        self.add(plan);
        Ok(())
    }

    /// Looks whether a failure can be planned.
    ///
    /// # Errors
    /// It cannot happen, or there are too many plans.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        if plan.times == Some(0) {
            return Err(PlanError::Never);
        }
        if let Some(operation) = plan.operation
            && !plan.kind.befalls(operation)
        {
            let kind = plan.kind;
            return Err(PlanError::CannotBefall { kind, operation });
        }
        match self.lock().len() < MAX_PLANS {
            true => Ok(()),
            false => Err(PlanError::TooMany),
        }
    }

    /// Plans a failure that was checked.
    pub(crate) fn add(&self, plan: Plan) {
        self.lock().push(plan);
    }

    /// What is planned, in the order of planning.
    pub fn plans(&self) -> Vec<Plan> {
        self.lock().clone()
    }

    /// Ends all plans.
    pub fn end(&self) {
        self.lock().clear();
    }

    /// What befalls this operation now; each call is one time.
    pub fn strike(&self, operation: Operation) -> Option<FailureKind> {
        let mut plans = self.lock();
        let index = plans.iter().position(|plan| {
            plan.kind.befalls(operation)
                && match plan.operation {
                    Some(only) => only == operation,
                    None => !operation.is_the_administrators(),
                }
        })?;
        let plan = plans.get_mut(index)?;
        let kind = plan.kind;
        match &mut plan.times {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => {
                plans.remove(index);
            }
            None => {}
        }
        Some(kind)
    }

    /// A panic elsewhere leaves plans that are still whole.
    fn lock(&self) -> MutexGuard<'_, Vec<Plan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(kind: FailureKind, operation: Option<Operation>, times: Option<u32>) -> Plan {
        Plan {
            kind,
            operation,
            times,
        }
    }

    #[test]
    fn a_plan_strikes_its_operation_as_often_as_it_says() {
        let failures = Failures::default();
        let twice = plan(FailureKind::Status500, Some(Operation::Order), Some(2));
        failures.plan(twice).unwrap();
        assert_eq!(failures.strike(Operation::Approve), None);
        for _ in 0..2 {
            let struck = failures.clone().strike(Operation::Order);
            assert_eq!(struck, Some(FailureKind::Status500));
        }
        assert_eq!(failures.strike(Operation::Order), None);
        assert!(failures.plans().is_empty());
    }

    #[test]
    fn a_plan_without_a_number_strikes_until_it_is_ended() {
        let failures = Failures::default();
        failures
            .plan(plan(FailureKind::OcspUnreachable, None, None))
            .unwrap();
        for _ in 0..5 {
            assert!(failures.strike(Operation::Ocsp).is_some());
            assert_eq!(failures.strike(Operation::LogIn), None);
        }
        failures.end();
        assert_eq!(failures.strike(Operation::Ocsp), None);
    }

    #[test]
    fn what_cannot_happen_is_not_planned() {
        let failures = Failures::default();
        let refused = failures.plan(plan(FailureKind::WrongKey, Some(Operation::LogIn), None));
        assert!(matches!(refused, Err(PlanError::CannotBefall { .. })));
        let refused = failures.plan(plan(FailureKind::Timeout, None, Some(0)));
        assert_eq!(refused, Err(PlanError::Never));
        for _ in 0..MAX_PLANS {
            failures
                .plan(plan(FailureKind::Timeout, None, None))
                .unwrap();
        }
        let refused = failures.plan(plan(FailureKind::Timeout, None, None));
        assert_eq!(refused, Err(PlanError::TooMany));
    }

    #[test]
    fn kinds_read_back_from_their_names() {
        for kind in FailureKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.name());
        }
    }
}
