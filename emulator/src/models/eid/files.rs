//! The contents of the PKCS#15 files.

use kortlab_pkcs15::{
    Aodf, Application, AuthenticationObject, Cdf, Certificate, CommonKeyAttributes,
    CommonObjectAttributes, EfDir, EncodeError, KeyAccess, KeyUsage, ObjectFlags, ObjectKind,
    ObjectValue, Odf, Path, PinAttributes, PinFlags, PinType, PrKdf, PrivateKey, PuKdf, PublicKey,
    TokenFlags, TokenInfo,
};

use super::super::CardCertificate;
use super::card::EidCard;
use super::layout as l;
use crate::crypto::UsableKey;

type Encoded = Result<Vec<u8>, EncodeError>;

pub(super) fn dir(card: &EidCard) -> Encoded {
    let [high, low] = l::DF_PKCS15.to_be_bytes();
    let application = Application::pkcs15(&card.label, [0x3F, 0x00, high, low]);
    EfDir::new([application]).encode()
}

pub(super) fn odf() -> Encoded {
    let file = |kind, fid| (kind, Path::file(l::path(fid)));
    Odf::of_files([
        file(ObjectKind::PrivateKeys, l::EF_PRKDF),
        file(ObjectKind::PublicKeys, l::EF_PUKDF),
        file(ObjectKind::Certificates, l::EF_CDF),
        file(ObjectKind::AuthObjects, l::EF_AODF),
    ])
    .encode()
}

/// The serial number is the card number in packed digits, the last half byte F.
pub(super) fn token_info(card: &EidCard) -> Encoded {
    let digits: Vec<u8> = card.serial.bytes().map(|digit| digit & 0x0F).collect();
    let packed: Vec<u8> = digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => high << 4 | low,
            [high] => high << 4 | 0x0F,
            _ => 0xFF,
        })
        .collect();
    let flags = TokenFlags::LOGIN_REQUIRED | TokenFlags::PRN_GENERATION | TokenFlags::EID_COMPLIANT;
    TokenInfo {
        manufacturer_id: Some("Kortlab (virtual card)".to_owned()),
        ..TokenInfo::new(packed, &card.label, flags)
    }
    .encode()
}

/// The two PINs. The PUK has no object: `pkcs15-tool -D` would list it as a third PIN, and OpenSC
/// unblocks without one.
pub(super) fn aodf() -> Encoded {
    let pin = |label, auth_id: u8, reference: u8| {
        let attributes = PinAttributes {
            flags: PinFlags::INITIALIZED | PinFlags::NEEDS_PADDING | PinFlags::LOCAL,
            pin_type: PinType::AsciiNumeric,
            min_length: super::card::PIN_LENGTH.into(),
            stored_length: l::STORED_LENGTH.into(),
            max_length: Some(l::STORED_LENGTH.into()),
            reference: reference.into(),
            pad_char: Some(0x00),
            path: Some(Path::file([0x3F, 0x00, 0x50, 0x15])),
            ..PinAttributes::default()
        };
        let flags = ObjectFlags::PRIVATE | ObjectFlags::MODIFIABLE;
        AuthenticationObject::pin(common(label, flags), auth_id, attributes)
    };
    Aodf::new([
        pin(
            super::card::LABEL_AUTHENTICATION,
            l::AUTH_ID_AUTHENTICATION,
            l::PIN_AUTHENTICATION,
        ),
        pin(
            super::card::LABEL_SIGNATURE,
            l::AUTH_ID_SIGNATURE,
            l::PIN_SIGNATURE,
        ),
    ])
    .encode()
}

pub(super) fn prkdf(card: &EidCard) -> Encoded {
    let access = KeyAccess::SENSITIVE
        | KeyAccess::ALWAYS_SENSITIVE
        | KeyAccess::NEVER_EXTRACTABLE
        | KeyAccess::LOCAL;
    let key = |label, id: u8, auth_id: u8, usage, fid, key: &UsableKey, consent: bool| {
        let mut common = common(label, ObjectFlags::PRIVATE).with_auth_id(auth_id);
        if consent {
            common = common.with_user_consent(1);
        }
        let attributes = CommonKeyAttributes {
            access_flags: Some(access),
            ..CommonKeyAttributes::new(id, usage)
        };
        PrivateKey::rsa(common, attributes, Path::file(l::path(fid)), bits(key))
    };
    PrKdf::new([
        key(
            super::card::LABEL_AUTHENTICATION,
            l::ID_AUTHENTICATION,
            l::AUTH_ID_AUTHENTICATION,
            KeyUsage::SIGN | KeyUsage::DECRYPT,
            l::EF_AUTHENTICATION_KEY,
            &card.authentication_key,
            false,
        ),
        key(
            super::card::LABEL_SIGNATURE,
            l::ID_SIGNATURE,
            l::AUTH_ID_SIGNATURE,
            KeyUsage::NON_REPUDIATION,
            l::EF_SIGNATURE_KEY,
            &card.signature_key,
            card.user_consent,
        ),
    ])
    .encode()
}

pub(super) fn pukdf(card: &EidCard) -> Encoded {
    let key = |label, id: u8, usage, key: &UsableKey| {
        // The alternative "raw" of RSAPublicKeyChoice (PKCS#15 §6.4.2).
        let value = ObjectValue::Direct(key.public_key_der());
        let attributes = CommonKeyAttributes {
            access_flags: Some(KeyAccess::EXTRACTABLE | KeyAccess::LOCAL),
            ..CommonKeyAttributes::new(id, usage)
        };
        let common = CommonObjectAttributes::labelled(label);
        PublicKey::rsa(common, attributes, value, bits(key))
    };
    PuKdf::new([
        key(
            super::card::LABEL_AUTHENTICATION,
            l::ID_AUTHENTICATION,
            KeyUsage::VERIFY | KeyUsage::ENCRYPT,
            &card.authentication_key,
        ),
        key(
            super::card::LABEL_SIGNATURE,
            l::ID_SIGNATURE,
            KeyUsage::VERIFY,
            &card.signature_key,
        ),
    ])
    .encode()
}

pub(super) fn cdf(certificates: &[(u16, &CardCertificate)]) -> Encoded {
    Cdf::new(certificates.iter().map(|(fid, certificate)| {
        let common = common(&certificate.label, ObjectFlags::MODIFIABLE);
        let path = Path::file(l::path(*fid));
        Certificate::x509(common, certificate.key_id.clone(), path)
            .with_authority(certificate.authority)
    }))
    .encode()
}

fn common(label: &str, flags: ObjectFlags) -> CommonObjectAttributes {
    CommonObjectAttributes::labelled(label).with_flags(flags)
}

fn bits(key: &UsableKey) -> u32 {
    u32::try_from(key.bits()).unwrap_or(u32::MAX)
}
