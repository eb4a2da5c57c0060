//! Profiles: what the cards of one issuer have in common that no standard says, as data.
//!
//! The rest of this crate works with any PKCS#15 card; where such a card leaves open which key and
//! which PIN are for what, and where new files go, a profile tells. A new profile is one file here,
//! and one line in `ALL`.

mod staff;

use core::ops::RangeInclusive;

use kortlab_apdu::Fid;
use kortlab_pkcs15::Id;

use crate::contents::Contents;
use crate::pin::PinFormat;
use crate::role::PinRole;

pub use staff::STAFF_CARD;

/// The profiles there are, each asked in turn whether it knows the card; the first is that of cards
/// which none of them knows.
const ALL: &[&Profile] = &[&STAFF_CARD];

/// What the cards of one issuer have in common.
#[derive(Debug)]
pub struct Profile {
    /// What these cards are called.
    pub name: &'static str,
    /// What there is for proving who the holder is.
    pub authentication: Purpose,
    /// What there is for signing in the holder's name.
    pub signature: Purpose,
    /// The form in which their PINs go to the card; their lengths may differ.
    pub pin_format: PinFormat,
    /// The identifiers that files of new certificates may have, below DF(PKCS15).
    pub certificate_files: RangeInclusive<Fid>,
}

/// What a key and its PIN are for, on the cards of one profile.
#[derive(Debug)]
pub struct Purpose {
    /// What the holder calls it.
    pub name: &'static str,
    /// The identifier of its key.
    pub key_id: &'static [u8],
    /// Words of which one stands in the label of its PIN, in lower case.
    pub words: &'static [&'static str],
}

impl Profile {
    /// The profile of the card with these contents.
    pub fn of(contents: &Contents) -> &'static Self {
        Self::known(contents).unwrap_or(&STAFF_CARD)
    }

    /// The same; `None` if no profile knows the card.
    pub(crate) fn known(contents: &Contents) -> Option<&'static Self> {
        let mut profiles = ALL.iter().copied();
        profiles.find(|profile| profile.knows(contents))
    }

    /// What there is for `role`.
    pub const fn purpose(&self, role: PinRole) -> &Purpose {
        match role {
            PinRole::Authentication => &self.authentication,
            PinRole::Signature => &self.signature,
        }
    }

    /// The role of a PIN with this label, if it says one and no other.
    pub fn role_of_label(&self, label: &str) -> Option<PinRole> {
        let label = label.to_lowercase();
        let says = |role| {
            let mut words = self.purpose(role).words.iter();
            words.any(|word| label.contains(word))
        };
        match PinRole::ALL.map(says) {
            [true, false] => Some(PinRole::Authentication),
            [false, true] => Some(PinRole::Signature),
            _ => None,
        }
    }

    /// Whether a card with these contents is one of these: it has a key with one of their
    /// identifiers.
    fn knows(&self, contents: &Contents) -> bool {
        PinRole::ALL.into_iter().any(|role| {
            let id = Id::from(self.purpose(role).key_id.to_vec());
            contents.private_key(&id).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_says_both_or_neither_says_nothing() {
        for (label, role) in [
            ("PIN1 Legitimering", Some(PinRole::Authentication)),
            ("Signature PIN", Some(PinRole::Signature)),
            ("PIN for authentication and signature", None),
            ("PIN", None),
        ] {
            assert_eq!(STAFF_CARD.role_of_label(label), role, "{label}");
        }
    }
}
