//! What the portal is asked to do: the names for the audit log, the metrics and failures on purpose.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! operations {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, $recorded:literal; )+) => {
        /// One kind of call. Its name is stable: it is in the audit log, in metrics and in the
        /// admin interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Operation {
            $( $(#[doc = $doc])+ #[serde(rename = $name)] $variant, )+
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// Whether the audit log tells of it, also when it was refused. What only reads is
            /// told of only if it changed something, because an order lapsed.
            pub const fn is_recorded(self) -> bool {
                match self { $( Self::$variant => $recorded, )+ }
            }
        }
    };
}

operations! {
    /// The portal has started.
    Start = "start", true;
    /// Time has passed: orders lapse.
    Settle = "settle", false;
    /// Logging in with a carrier certificate.
    LogIn = "log-in", true;
    /// Logging out.
    LogOut = "log-out", true;
    /// Asking whose session it is.
    Session = "session", false;
    /// The list of HCCs.
    Certificates = "certificates", false;
    /// Noting that an HCC was removed from the card (*Ta bort utgångna/spärrade HCC*).
    Removed = "removed", true;
    /// The holder revokes an HCC.
    Revoke = "revoke", true;
    /// Placing an order (*Hämta nytt HCC*).
    Order = "order", true;
    /// Approving an order: the certificates are issued.
    Approve = "approve", true;
    /// Fetching the certificates of an order, also to put them back (*lägga tillbaka HCC*).
    Fetch = "fetch", true;
    /// Asking for the receipt that waits.
    Receipt = "receipt", false;
    /// Sending in the signed receipt (*Kvittera kort*).
    SignReceipt = "sign-receipt", true;
    /// The test page: what certificates are worth.
    TestPage = "test-page", false;
    /// The test page's trial of *legitimering*.
    TryAuthentication = "try-authentication", false;
    /// The test page's trial of *underskrift*.
    TrySignature = "try-signature", false;
    /// A task that the web page gave to the agent.
    Task = "task", false;
    /// Making a CRL.
    Crl = "crl", false;
    /// Answering about a certificate's state (RFC 6960).
    Ocsp = "ocsp", false;
    /// The administrator enrols a card.
    Enrol = "enrol", true;
    /// The administrator revokes a certificate.
    RevokeAtTheCounter = "revoke-at-the-counter", true;
    /// The administrator sets the clock.
    SetClock = "set-clock", true;
    /// The administrator plans or ends failures on purpose.
    PlanFailure = "plan-failure", true;
}

impl Operation {
    /// Whether it is the administrator who asks for it.
    pub const fn is_the_administrators(self) -> bool {
        matches!(
            self,
            Self::Enrol | Self::RevokeAtTheCounter | Self::SetClock | Self::PlanFailure
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no operation {0:?}; the operations are {list}", list = names())]
pub struct UnknownOperation(pub String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL
            .iter()
            .copied()
            .find(|operation| operation.name() == text)
            .ok_or_else(|| UnknownOperation(text.chars().take(64).collect()))
    }
}

fn names() -> String {
    let names: Vec<_> = Operation::ALL.iter().map(|one| one.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_operations_and_are_those_of_the_json() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse(), Ok(*operation));
            assert_eq!(
                serde_json::to_value(operation).unwrap(),
                serde_json::Value::from(operation.name())
            );
        }
        let error = "log in".parse::<Operation>().unwrap_err();
        assert!(error.to_string().contains("log-in"), "{error}");
    }
}
