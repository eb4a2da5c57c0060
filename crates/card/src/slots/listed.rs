//! Whether the directory says of a certificate what it says itself (X509CertificateAttributes,
//! PKCS#15 §6.6.2): programs look for certificates by these fields, and do not find another one.

use kortlab_apdu::tlv::{Tag, object, read_one};
use kortlab_pkcs15::CertificateAttributes;

use super::SlotProblem;
use crate::certificate::{CertificateInfo, same_name, shortest};

/// What the entry says otherwise.
pub(super) fn otherwise(
    attributes: &CertificateAttributes,
    info: &CertificateInfo,
) -> Vec<SlotProblem> {
    let CertificateAttributes::X509 {
        subject,
        issuer,
        serial_number,
        ..
    } = attributes
    else {
        return Vec::new();
    };
    let subject = subject.as_ref().map(|subject| subject.bytes().to_vec());
    let issuer = issuer.as_ref().map(|issuer| untagged(issuer.bytes()));
    let is_other = |said: Option<&Vec<u8>>, own: &[u8]| {
        said.is_some_and(|said| !own.is_empty() && !same_name(said, own))
    };
    let number = serial_number.as_deref().map(shortest);
    let is_other_number = number.is_some_and(|number| number != shortest(&info.serial_number));
    [
        ("subject", is_other(subject.as_ref(), &info.subject_der)),
        ("issuer", is_other(issuer.as_ref(), &info.issuer_der)),
        ("serial number", is_other_number),
    ]
    .into_iter()
    .filter_map(|(what, is_other)| is_other.then_some(SlotProblem::ListedOtherwise { what }))
    .collect()
}

/// A Name without the tag that tells it from the subject: around it, or in the place of its own.
fn untagged(bytes: &[u8]) -> Vec<u8> {
    let Ok(tagged) = read_one(bytes) else {
        return bytes.to_vec();
    };
    match read_one(tagged.value) {
        Ok(inner) if inner.tag == Tag::SEQUENCE => tagged.value.to_vec(),
        _ => object(Tag::SEQUENCE, tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_either_tag() {
        let name = [0x30, 0x04, 0x31, 0x02, 0x30, 0x00];
        let around = object(Tag::context(0, true), &name);
        let in_place = object(Tag::context(0, true), &name[2..]);
        assert_eq!(untagged(&around), name);
        assert_eq!(untagged(&in_place), name);
        assert_eq!(untagged(&[0xA0, 0x05, 0x00]), [0xA0, 0x05, 0x00]);
    }
}
