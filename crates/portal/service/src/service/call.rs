//! What a call is: an operation, by whom, and about what.

use kortlab_portal_core::SessionToken;

use crate::event::{Actor, Subject};
use crate::operation::Operation;

/// What is known of a call before it is carried out. An [`Operation`] alone is a call by a
/// visitor, about whatever it changes.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) operation: Operation,
    pub(super) actor: Actor,
    pub(super) subject: Subject,
    pub(super) session: Option<SessionToken>,
    /// The certificate (DER) that whoever calls has shown to prove who it is.
    pub(super) shown: Option<Vec<u8>>,
}

impl Call {
    /// A call in this session: the audit log names its card.
    #[must_use]
    pub fn in_session(operation: Operation, token: &SessionToken) -> Self {
        Self {
            actor: Actor::Holder,
            session: Some(token.clone()),
            ..operation.into()
        }
    }

    /// A call by the administrator.
    #[must_use]
    pub fn by_administrator(operation: Operation) -> Self {
        Self {
            actor: Actor::Administrator,
            ..operation.into()
        }
    }

    /// A call by the portal itself.
    #[must_use]
    pub fn by_portal(operation: Operation) -> Self {
        Self {
            actor: Actor::Portal,
            ..operation.into()
        }
    }

    /// A call by somebody who has shown this certificate (DER). If nobody here has issued it, it
    /// proves nothing, and the audit log is told how many such calls were refused, and no more.
    #[must_use]
    pub fn showing(self, certificate: Vec<u8>) -> Self {
        Self {
            actor: Actor::Holder,
            shown: Some(certificate),
            ..self
        }
    }

    /// A call about this.
    #[must_use]
    pub fn about(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }
}

impl From<Operation> for Call {
    fn from(operation: Operation) -> Self {
        Self {
            operation,
            actor: Actor::Visitor,
            subject: Subject::default(),
            session: None,
            shown: None,
        }
    }
}
