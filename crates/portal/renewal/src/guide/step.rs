//! The steps of the user guide.

use core::fmt;

/// One step of the guide, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The card is put in and noticed.
    InsertCard,
    /// Log-in with the carrier's certificate.
    LogIn,
    /// Expired and revoked HCCs are removed until none is left.
    RemoveOld,
    /// A pair of HCCs is ordered; the personal data are checked.
    Order,
    /// The order is approved with the signature key.
    Approve,
    /// The two certificates are written to the card.
    Write,
    /// The receipt is signed.
    Receipt,
    /// The session at the portal is ended.
    LogOut,
    /// Two blue and two pink certificates are there.
    Check,
    /// The new certificate for authentication is tried.
    TryAuthentication,
    /// The new certificate for signature is tried.
    TrySignature,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 11] = [
        Self::InsertCard,
        Self::LogIn,
        Self::RemoveOld,
        Self::Order,
        Self::Approve,
        Self::Write,
        Self::Receipt,
        Self::LogOut,
        Self::Check,
        Self::TryAuthentication,
        Self::TrySignature,
    ];

    /// Its number, from 1.
    pub const fn number(self) -> usize {
        self as usize + 1
    }

    /// A stable name for data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsertCard => "insert-card",
            Self::LogIn => "log-in",
            Self::RemoveOld => "remove-old",
            Self::Order => "order",
            Self::Approve => "approve",
            Self::Write => "write",
            Self::Receipt => "receipt",
            Self::LogOut => "log-out",
            Self::Check => "check",
            Self::TryAuthentication => "try-authentication",
            Self::TrySignature => "try-signature",
        }
    }

    /// What the guide calls it.
    pub const fn swedish(self) -> &'static str {
        match self {
            Self::InsertCard => "Sätt i kortet",
            Self::LogIn => "Logga in",
            Self::RemoveOld => "Ta bort utgångna/spärrade HCC",
            Self::Order => "Hämta nytt HCC",
            Self::Approve => "Nästa: skriv under beställningen",
            Self::Write => "Slutför: certifikaten skrivs till kortet",
            Self::Receipt => "Kvittera kort",
            Self::LogOut => "Logga ut",
            Self::Check => "Kontrollera: två blå och två rosa certifikat",
            Self::TryAuthentication => "Prova legitimering",
            Self::TrySignature => "Prova underskrift",
        }
    }

    /// The same in English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::InsertCard => "Insert the card",
            Self::LogIn => "Log in with the certificate issued by Telia Card Identifier",
            Self::RemoveOld => "Remove expired and revoked HCCs",
            Self::Order => "Fetch new HCCs: check the data",
            Self::Approve => "Approve the order with the PIN for Underskrift",
            Self::Write => "Write the two certificates to the card",
            Self::Receipt => "Sign the receipt",
            Self::LogOut => "Log out",
            Self::Check => "Check: two blue and two pink certificates",
            Self::TryAuthentication => "Try authentication",
            Self::TrySignature => "Try signature",
        }
    }
}

impl fmt::Display for Step {
    /// `Kvittera kort (Sign the receipt)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.swedish(), self.english())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_in_the_order_of_the_guide() {
        for (index, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step.number(), index + 1);
        }
        assert!(Step::ALL.is_sorted());
    }
}
