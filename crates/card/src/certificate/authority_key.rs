//! Which of its keys an issuer has signed with, by what is signed: authorityKeyIdentifier (RFC 5280
//! §4.2.1.1, and §5.2.1 in lists).

use kortlab_apdu::tlv::{Tag, Tlv, read_one};

use super::{CertificateInfo, same_name, shortest};

/// keyIdentifier, authorityCertIssuer and authorityCertSerialNumber.
const KEY_IDENTIFIER: Tag = Tag::context(0, false);
const ISSUER: Tag = Tag::context(1, true);
const SERIAL_NUMBER: Tag = Tag::context(2, false);
/// The directoryName among GeneralNames.
const DIRECTORY_NAME: Tag = Tag::context(4, true);

/// Whether the value of an authorityKeyIdentifier can be that of the certificate `issuer`: nothing in it
/// is other than there. What one of the two does not say speaks against nothing.
pub(crate) fn names(identifier: &[u8], issuer: &CertificateInfo) -> bool {
    let Ok(identifier) = read_one(identifier) else {
        return true;
    };
    identifier
        .children()
        .map_while(Result::ok)
        .all(|part| match part.tag {
            KEY_IDENTIFIER => issuer
                .subject_key_identifier()
                .is_none_or(|own| own == part.value),
            ISSUER => directory_name(&part).is_none_or(|name| same_name(name, &issuer.issuer_der)),
            SERIAL_NUMBER => shortest(part.value) == shortest(&issuer.serial_number),
            _ => true,
        })
}

fn directory_name<'a>(names: &Tlv<'a>) -> Option<&'a [u8]> {
    let mut names = names.children().map_while(Result::ok);
    let wrapper = names.find(|name| name.tag == DIRECTORY_NAME)?;
    Some(wrapper.value)
}
