//! Object identifiers, named as their standards name them.

use const_oid::ObjectIdentifier;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

// X.520 attribute types.
pub(crate) const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
pub(crate) const SURNAME: ObjectIdentifier = oid("2.5.4.4");
pub(crate) const SERIAL_NUMBER: ObjectIdentifier = oid("2.5.4.5");
pub(crate) const COUNTRY_NAME: ObjectIdentifier = oid("2.5.4.6");
pub(crate) const LOCALITY_NAME: ObjectIdentifier = oid("2.5.4.7");
pub(crate) const ORGANIZATION_NAME: ObjectIdentifier = oid("2.5.4.10");
pub(crate) const GIVEN_NAME: ObjectIdentifier = oid("2.5.4.42");

// SS 61 43 31: the card number in a certificate.
pub(crate) const SEIS_CARD_NUMBER: ObjectIdentifier = oid("1.2.752.34.2.1");

// Certificate policies: the carrier's as published; the HCC's from the arc that RFC 5612 sets
// aside for documentation, because no published policy may claim these test certificates.
pub(crate) const CARRIER_POLICY: ObjectIdentifier = oid("1.2.752.35.1.4");
pub(crate) const HCC_POLICY: ObjectIdentifier = oid("1.3.6.1.4.1.32473.7816.1");

// Extended key usages and the user principal name of a Windows log-in.
pub(crate) const KP_CLIENT_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.2");
pub(crate) const KP_SMARTCARD_LOGON: ObjectIdentifier = oid("1.3.6.1.4.1.311.20.2.2");
pub(crate) const USER_PRINCIPAL_NAME: ObjectIdentifier = oid("1.3.6.1.4.1.311.20.2.3");

// RFC 5280 §4.2.2.1 access methods.
pub(crate) const AD_OCSP: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1");
pub(crate) const AD_CA_ISSUERS: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.2");

// RFC 5280 §5.2.4, the delta CRL indicator.
pub(crate) const DELTA_CRL_INDICATOR: ObjectIdentifier = oid("2.5.29.27");

// RFC 6960 OCSP.
pub(crate) const OCSP_BASIC: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
pub(crate) const OCSP_NONCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.2");
pub(crate) const OCSP_NO_CHECK: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.5");
pub(crate) const KP_OCSP_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.9");
pub(crate) const ECDSA_WITH_SHA_256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
pub(crate) const SHA_1: ObjectIdentifier = oid("1.3.14.3.2.26");

// RFC 8017 and RFC 5754 algorithms.
pub(crate) const SHA_256_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
pub(crate) const SHA_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");

// RFC 5652 content types and attributes.
pub(crate) const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
pub(crate) const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
pub(crate) const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: ObjectIdentifier = oid("1.2.840.113549.1.9.5");
