//! The Swedish staff card of health and social care, with its two purposes *Legitimering* and
//! *Underskrift*.

use kortlab_apdu::Fid;

use super::{Profile, Purpose};
use crate::pin::PinFormat;

/// The staff card.
pub static STAFF_CARD: Profile = Profile {
    name: "staff card",
    authentication: Purpose {
        name: "Legitimering",
        key_id: &[0x45],
        words: &["legitimering", "autent", "authent", "identifi"],
    },
    signature: Purpose {
        name: "Underskrift",
        key_id: &[0x46],
        words: &["underskrift", "signer", "signat", "oavvis"],
    },
    pin_format: PinFormat::DEFAULT,
    certificate_files: Fid(0x4331)..=Fid(0x43FE),
};
