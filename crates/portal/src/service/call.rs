//! What a call is: an operation, by whom, and about what.

use kortlab_issuer::portal::SessionToken;

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
        }
    }
}
