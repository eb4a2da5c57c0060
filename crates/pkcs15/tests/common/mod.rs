//! Values of every type for the property tests, and an independent strict reader.
#![allow(
    dead_code,
    reason = "each test binary uses its own part of what they share"
)]

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, IntRef, ObjectIdentifier, Utf8StringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use kortlab_apdu::tlv::object;
use kortlab_pkcs15 as p15;
use p15::{
    AccessControlRule, AccessMode, AlgorithmInfo, Application, AuthenticationAttributes,
    AuthenticationObject, Certificate, CertificateAttributes, CommonKeyAttributes,
    CommonObjectAttributes, CommonPrivateKeyAttributes, CommonPublicKeyAttributes,
    CommonSecretKeyAttributes, CredentialIdentifier, DataAttributes, DataObject, Ddo, Element, Id,
    KeyAccess, KeyInfo, KeyUsage, LastUpdate, ObjectFlags, ObjectKind, ObjectUnknown, ObjectValue,
    OdfEntry, Oid, Operations, Path, PathOrObjects, PinAttributes, PinFlags, PinType, PrivateKey,
    PrivateKeyAttributes, PublicKey, PublicKeyAttributes, SecretKey, SecretKeyAttributes,
    SecretKeyKind, SecurityCondition, SecurityEnvironmentInfo, TokenFlags, TokenInfo, Unknown,
    UnusedSpaceRecord, Usage, X509KeyUsage,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Fewer cases than proptest's default where there are many tests; failures are not stored.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    }
}

/// Checks that `bytes` are data objects in DER by RustCrypto's `der`, every level of them, and
/// that they come out of it as they went in.
pub fn assert_der(bytes: &[u8]) {
    let mut reader = SliceReader::new(bytes).expect("of a length that der takes");
    while !reader.is_finished() {
        assert_element(AnyRef::decode(&mut reader).expect("DER"));
    }
}

/// How many data objects `bytes` are, those inside others included, as `der` reads them.
pub fn count(bytes: &[u8]) -> usize {
    let mut reader = SliceReader::new(bytes).expect("of a length that der takes");
    let mut count = 0;
    while !reader.is_finished() {
        let any = AnyRef::decode(&mut reader).expect("DER");
        count += 1;
        if any.tag().is_constructed() {
            count += self::count(any.value());
        }
    }
    count
}

fn assert_element(any: AnyRef<'_>) {
    let bytes = any.to_der().expect("encodes");
    let content = any.value();
    match any.tag() {
        Tag::Boolean => drop(bool::from_der(&bytes).expect("BOOLEAN")),
        Tag::Integer => {
            let value = IntRef::from_der(&bytes).expect("INTEGER");
            assert_eq!(value.to_der().expect("encodes"), bytes);
        }
        Tag::Enumerated => assert!(!content.is_empty()),
        Tag::BitString => drop(BitStringRef::from_der(&bytes).expect("BIT STRING")),
        Tag::ObjectIdentifier => drop(<ObjectIdentifier>::from_der(&bytes).expect("OID")),
        Tag::Utf8String => drop(Utf8StringRef::from_der(&bytes).expect("UTF8String")),
        Tag::GeneralizedTime => drop(GeneralizedTime::from_der(&bytes).expect("time")),
        Tag::Null => assert!(content.is_empty()),
        tag if tag.is_constructed() => assert_der(content),
        _ => {}
    }
}

/// The number of a context-specific tag.
pub fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific {
        constructed,
        number: TagNumber(number),
    }
}

pub fn id() -> impl Strategy<Value = Id> {
    vec(any::<u8>(), 0..4).prop_map(Id)
}

pub fn label() -> impl Strategy<Value = String> {
    "[a-zåäöA-Z0-9 ]{0,12}"
}

pub fn file_path() -> impl Strategy<Value = Path> {
    let files = vec(0x4000_u16..0x5000, 1..4);
    (files, of(any::<u32>()), of(any::<u32>())).prop_map(|(files, index, length)| Path {
        path: files.into_iter().map(kortlab_apdu::Fid).collect(),
        index,
        length,
        ..Path::default()
    })
}

pub fn time() -> impl Strategy<Value = p15::GeneralizedTime> {
    (
        1970_u32..2100,
        1_u32..13,
        1_u32..29,
        0_u32..24,
        0_u32..60,
        0_u32..60,
    )
        .prop_map(|(year, month, day, hour, minute, second)| {
            let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
            p15::GeneralizedTime::new(&text).expect("a time")
        })
}

pub fn oid() -> impl Strategy<Value = Oid> {
    (0_u32..3, 0_u32..40, vec(any::<u32>(), 0..4)).prop_map(|(first, second, rest)| {
        let rest: String = rest.iter().map(|arc| format!(".{arc}")).collect();
        format!("{first}.{second}{rest}").parse().expect("an OID")
    })
}

/// A Name or some other SEQUENCE.
pub fn sequence() -> impl Strategy<Value = Element> {
    vec(any::<u8>(), 0..6).prop_map(|content| {
        let inner = object(0x04_u8, &content);
        Element::new(object(0x30_u8, &inner)).expect("an element")
    })
}

pub fn context_element(tag: u8) -> impl Strategy<Value = Element> {
    vec(any::<u8>(), 0..6).prop_map(move |content| {
        let inner = object(0x04_u8, &content);
        Element::new(object(tag, &inner)).expect("an element")
    })
}

pub fn integer() -> impl Strategy<Value = Vec<u8>> {
    (1_u8..0x80, vec(any::<u8>(), 0..12)).prop_map(|(first, rest)| [vec![first], rest].concat())
}

pub fn rules() -> impl Strategy<Value = Vec<AccessControlRule>> {
    let leaf = id().prop_map(SecurityCondition::AuthId);
    let condition = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|one| SecurityCondition::Not(Box::new(one))),
            vec(inner.clone(), 2..4).prop_map(SecurityCondition::And),
            vec(inner, 2..4).prop_map(SecurityCondition::Or),
        ]
    });
    let rule = (0_u32..8, condition).prop_map(|(mode, security_condition)| AccessControlRule {
        access_mode: AccessMode::from_bits(mode),
        security_condition,
        unknown: Unknown::default(),
    });
    vec(rule, 0..3)
}

pub fn common() -> impl Strategy<Value = CommonObjectAttributes> {
    (
        of(label()),
        of((0_u32..4).prop_map(ObjectFlags::from_bits)),
        of(id()),
        of(1_u32..10),
        rules(),
    )
        .prop_map(
            |(label, flags, auth_id, user_consent, access_control_rules)| CommonObjectAttributes {
                label,
                flags,
                auth_id,
                user_consent,
                access_control_rules,
                unknown: Unknown::default(),
            },
        )
}

pub fn key() -> impl Strategy<Value = CommonKeyAttributes> {
    (
        (id(), 0_u32..1024, any::<bool>(), of(0_u32..32)),
        (
            of(0_u32..256),
            of(time()),
            of(time()),
            vec(0_u32..300, 0..3),
        ),
    )
        .prop_map(
            |((id, usage, native, access), (reference, start, end, algorithms))| {
                CommonKeyAttributes {
                    native,
                    access_flags: access.map(KeyAccess::from_bits),
                    key_reference: reference,
                    start_date: start,
                    end_date: end,
                    algorithm_references: algorithms,
                    ..CommonKeyAttributes::new(id, KeyUsage::from_bits(usage))
                }
            },
        )
}

pub fn value() -> impl Strategy<Value = ObjectValue> {
    prop_oneof![
        file_path().prop_map(ObjectValue::Path),
        sequence().prop_map(|element| ObjectValue::Direct(element.bytes().to_vec())),
        context_element(0xA1).prop_map(ObjectValue::Other),
    ]
}

pub fn key_info() -> impl Strategy<Value = Option<KeyInfo>> {
    of(prop_oneof![
        any::<u32>().prop_map(KeyInfo::Reference),
        sequence().prop_map(KeyInfo::ParamsAndOps),
    ])
}

pub fn identifiers() -> impl Strategy<Value = Vec<CredentialIdentifier>> {
    vec(identifier(), 0..3)
}

pub fn identifier() -> impl Strategy<Value = CredentialIdentifier> {
    (0_u32..10, vec(any::<u8>(), 0..20)).prop_map(|(id_type, value)| CredentialIdentifier {
        id_type,
        id_value: Element::new(object(0x04_u8, &value)).expect("an element"),
        unknown: Unknown::default(),
    })
}

pub fn usage() -> impl Strategy<Value = Usage> {
    (of(0_u32..512), vec(oid(), 0..3)).prop_map(|(key_usage, ext_key_usage)| Usage {
        key_usage: key_usage.map(X509KeyUsage::from_bits),
        ext_key_usage,
        unknown: Unknown::default(),
    })
}

pub fn private_key() -> impl Strategy<Value = PrivateKey> {
    let private = (of(sequence()), identifiers()).prop_map(|(subject_name, key_identifiers)| {
        CommonPrivateKeyAttributes {
            subject_name,
            key_identifiers,
            unknown: Unknown::default(),
        }
    });
    let attributes = prop_oneof![
        (value(), any::<u32>(), key_info()).prop_map(|(value, modulus_length, key_info)| {
            PrivateKeyAttributes::Rsa {
                value,
                modulus_length,
                key_info,
                unknown: Unknown::default(),
            }
        }),
        (value(), key_info()).prop_map(|(value, key_info)| PrivateKeyAttributes::Ec {
            value,
            key_info,
            unknown: Unknown::default(),
        }),
        (1_u8..4, sequence())
            .prop_map(|(choice, attributes)| PrivateKeyAttributes::Other { choice, attributes }),
    ];
    (common(), key(), of(private), attributes).prop_map(|(common, key, private, attributes)| {
        PrivateKey {
            common,
            key,
            private,
            attributes,
            unknown: p15::ObjectUnknown::default(),
        }
    })
}

pub fn secret_key() -> impl Strategy<Value = SecretKey> {
    let kind = prop_oneof![
        Just(SecretKeyKind::Generic),
        (0_u8..14).prop_map(SecretKeyKind::Numbered),
        Just(SecretKeyKind::Numbered(15)),
        Just(SecretKeyKind::Other {
            key_type: "2.16.840.1.101.3.4.1".parse().expect("an identifier"),
            unknown: Unknown::default(),
        }),
    ];
    let secret = of(any::<u32>()).prop_map(|key_length| CommonSecretKeyAttributes {
        key_length,
        is_bare: false,
        unknown: Unknown::default(),
    });
    (kind, common(), key(), of(secret), value()).prop_map(|(kind, common, key, secret, value)| {
        SecretKey {
            kind,
            common,
            key,
            secret,
            attributes: SecretKeyAttributes {
                value,
                unknown: Unknown::default(),
            },
            unknown: ObjectUnknown::default(),
        }
    })
}

pub fn public_key() -> impl Strategy<Value = PublicKey> {
    let public = (of(sequence()), of(usage()), identifiers()).prop_map(
        |(subject_name, trusted_usage, key_identifiers)| CommonPublicKeyAttributes {
            subject_name,
            trusted_usage,
            key_identifiers,
            unknown: Unknown::default(),
        },
    );
    let attributes = prop_oneof![
        (value(), any::<u32>(), key_info()).prop_map(|(value, modulus_length, key_info)| {
            PublicKeyAttributes::Rsa {
                value,
                modulus_length,
                key_info,
                unknown: Unknown::default(),
            }
        }),
        (value(), key_info()).prop_map(|(value, key_info)| PublicKeyAttributes::Ec {
            value,
            key_info,
            unknown: Unknown::default(),
        }),
        (1_u8..4, sequence())
            .prop_map(|(choice, attributes)| PublicKeyAttributes::Other { choice, attributes }),
    ];
    (common(), key(), of(public), attributes).prop_map(|(common, key, public, attributes)| {
        PublicKey {
            common,
            key,
            public,
            attributes,
            unknown: p15::ObjectUnknown::default(),
        }
    })
}

pub fn certificate() -> impl Strategy<Value = Certificate> {
    let certificate = (
        (
            id(),
            any::<bool>(),
            of(identifier()),
            of(context_element(0xA0)),
        ),
        (of(usage()), identifiers(), any::<bool>()),
    )
        .prop_map(|((id, authority, identifier, cert_hash), rest)| {
            let (trusted_usage, identifiers, implicit_trust) = rest;
            p15::CommonCertificateAttributes {
                id,
                authority,
                identifier,
                cert_hash,
                trusted_usage,
                identifiers,
                implicit_trust,
                unknown: Unknown::default(),
            }
        });
    let attributes = prop_oneof![
        3 => (value(), of(sequence()), of(context_element(0xA0)), of(integer())).prop_map(
            |(value, subject, issuer, serial_number)| CertificateAttributes::X509 {
                value,
                subject,
                issuer,
                serial_number,
                unknown: Unknown::default(),
            }
        ),
        1 => (0_u8..6, sequence())
            .prop_map(|(choice, attributes)| CertificateAttributes::Other { choice, attributes }),
    ];
    (common(), certificate, attributes).prop_map(|(common, certificate, attributes)| Certificate {
        common,
        certificate,
        attributes,
        unknown: p15::ObjectUnknown::default(),
    })
}

pub fn pin_attributes() -> impl Strategy<Value = PinAttributes> {
    let pin_type = prop_oneof![
        Just(PinType::Bcd),
        Just(PinType::AsciiNumeric),
        Just(PinType::Utf8),
        Just(PinType::HalfNibbleBcd),
        Just(PinType::Iso9564),
    ];
    (
        (0_u32..0x4000, pin_type, 0_u32..7, of(7_u32..9)),
        (0_u32..256, of(any::<u8>()), of(time()), of(file_path())),
    )
        .prop_map(|((flags, pin_type, min_length, max_length), rest)| {
            let (reference, pad_char, last_change, path) = rest;
            PinAttributes {
                flags: PinFlags::from_bits(flags),
                pin_type,
                min_length,
                stored_length: 8,
                max_length,
                reference,
                pad_char,
                last_change,
                path,
                unknown: Unknown::default(),
            }
        })
}

pub fn authentication_object() -> impl Strategy<Value = AuthenticationObject> {
    let attributes = prop_oneof![
        3 => pin_attributes().prop_map(AuthenticationAttributes::Pin),
        1 => (0_u8..3, sequence()).prop_map(|(choice, attributes)| {
            AuthenticationAttributes::Other { choice, attributes }
        }),
    ];
    (common(), id(), attributes).prop_map(|(common, auth_id, attributes)| AuthenticationObject {
        attributes,
        ..AuthenticationObject::pin(common, auth_id, PinAttributes::default())
    })
}

pub fn data_object() -> impl Strategy<Value = DataObject> {
    let attributes = prop_oneof![
        value().prop_map(DataAttributes::Opaque),
        value().prop_map(DataAttributes::ExternalId),
        (oid(), value()).prop_map(|(id, value)| DataAttributes::Oid {
            id,
            value,
            unknown: Unknown::default(),
        }),
        (2_u8..6, sequence())
            .prop_map(|(choice, attributes)| DataAttributes::Other { choice, attributes }),
    ];
    (common(), of(label()), of(oid()), of(id()), attributes).prop_map(
        |(common, application_name, application_oid, id, attributes)| DataObject {
            common,
            data: p15::CommonDataObjectAttributes {
                application_name,
                application_oid,
                id,
                unknown: Unknown::default(),
            },
            attributes,
            unknown: p15::ObjectUnknown::default(),
        },
    )
}

pub fn odf_entry() -> impl Strategy<Value = OdfEntry> {
    let kind = prop_oneof![
        Just(ObjectKind::PrivateKeys),
        Just(ObjectKind::PublicKeys),
        Just(ObjectKind::TrustedPublicKeys),
        Just(ObjectKind::SecretKeys),
        Just(ObjectKind::Certificates),
        Just(ObjectKind::TrustedCertificates),
        Just(ObjectKind::UsefulCertificates),
        Just(ObjectKind::DataObjects),
        Just(ObjectKind::AuthObjects),
    ];
    let value = prop_oneof![
        file_path().prop_map(PathOrObjects::Path),
        context_element(0xA0).prop_map(PathOrObjects::Objects),
        context_element(0xA2).prop_map(PathOrObjects::Other),
    ];
    (kind, value).prop_map(|(kind, value)| OdfEntry {
        kind,
        value,
        unknown: Unknown::default(),
    })
}

pub fn unused_space_record() -> impl Strategy<Value = UnusedSpaceRecord> {
    (
        vec(0x4000_u16..0x5000, 1..4),
        any::<u32>(),
        any::<u32>(),
        of(id()),
        rules(),
    )
        .prop_map(|(files, index, length, auth_id, access_control_rules)| {
            let path: Vec<u8> = files.into_iter().flat_map(u16::to_be_bytes).collect();
            UnusedSpaceRecord {
                path: Path::part(path, index, length),
                auth_id,
                access_control_rules,
                unknown: Unknown::default(),
            }
        })
}

pub fn application() -> impl Strategy<Value = Application> {
    let ddo = (of(oid()), of(file_path()), of(file_path()), of(file_path())).prop_map(
        |(oid, odf_path, token_info_path, unused_path)| Ddo {
            oid,
            odf_path,
            token_info_path,
            unused_path,
            unknown: Unknown::default(),
        },
    );
    (
        vec(any::<u8>(), 1..=16),
        of(label()),
        of(file_path()),
        of(ddo),
    )
        .prop_map(|(aid, label, path, ddo)| Application {
            aid,
            label,
            path: path.map(|path| path.path),
            ddo,
            unknown: Unknown::default(),
        })
}

pub fn token_info() -> impl Strategy<Value = TokenInfo> {
    let se_info = (any::<u32>(), of(oid())).prop_map(|(se, owner)| SecurityEnvironmentInfo {
        se,
        owner,
        unknown: Unknown::default(),
    });
    let algorithm = (
        any::<u32>(),
        any::<u32>(),
        0_u32..256,
        of(oid()),
        of(any::<u32>()),
    )
        .prop_map(
            |(reference, algorithm, operations, alg_id, alg_ref)| AlgorithmInfo {
                alg_id,
                alg_ref,
                ..AlgorithmInfo::new(reference, algorithm, Operations::from_bits(operations))
            },
        );
    let last_update = prop_oneof![
        time().prop_map(LastUpdate::Time),
        sequence().prop_map(LastUpdate::Reference)
    ];
    (
        (
            0_u32..2,
            vec(any::<u8>(), 0..12),
            of(label()),
            of(label()),
            0_u32..16,
        ),
        (
            vec(se_info, 0..3),
            of(context_element(0xA1)),
            vec(algorithm, 0..3),
        ),
        (of(label()), of(label()), of(last_update), of("[a-z]{2}")),
    )
        .prop_map(|(head, middle, tail)| {
            let (version, serial_number, manufacturer_id, label, flags) = head;
            let (se_info, record_info, supported_algorithms) = middle;
            let (issuer_id, holder_id, last_update, preferred_language) = tail;
            TokenInfo {
                version,
                serial_number: Some(serial_number),
                manufacturer_id,
                label,
                token_flags: TokenFlags::from_bits(flags),
                se_info,
                record_info,
                supported_algorithms,
                issuer_id,
                holder_id,
                last_update,
                preferred_language,
                unknown: Unknown::default(),
            }
        })
}

/// The files of a card with two keys, two PINs and a PUK, four certificates and a data object.
pub mod card {
    use super::*;

    pub fn path(file: u16) -> Path {
        let [high, low] = file.to_be_bytes();
        Path::file([0x3F, 0x00, 0x50, 0x15, high, low])
    }

    pub fn ef_dir() -> p15::EfDir {
        p15::EfDir::new([
            Application::pkcs15("Telia EID IP5a", [0x3F, 0x00, 0x50, 0x15]),
            Application {
                aid: vec![0xA0, 0x00, 0x00, 0x03, 0x08],
                label: Some("PIV".to_owned()),
                ..Application::default()
            },
        ])
    }

    pub fn odf() -> p15::Odf {
        p15::Odf::of_files([
            (ObjectKind::PrivateKeys, path(0x4402)),
            (ObjectKind::PublicKeys, path(0x4404)),
            (ObjectKind::Certificates, path(0x4403)),
            (ObjectKind::DataObjects, path(0x4406)),
            (ObjectKind::AuthObjects, path(0x4401)),
        ])
    }

    pub fn token_info() -> TokenInfo {
        TokenInfo {
            manufacturer_id: Some("Gemalto".to_owned()),
            last_update: Some(LastUpdate::Time(
                p15::GeneralizedTime::new("20261124062000Z").expect("a time"),
            )),
            ..TokenInfo::new(
                *b"9752268000000000017",
                "Telia EID IP5a",
                TokenFlags::LOGIN_REQUIRED | TokenFlags::PRN_GENERATION,
            )
        }
    }

    pub fn prkdf() -> p15::PrKdf {
        let flags = ObjectFlags::PRIVATE | ObjectFlags::MODIFIABLE;
        let common = |label: &str, pin: u8| {
            CommonObjectAttributes::labelled(label)
                .with_flags(flags)
                .with_auth_id(pin)
        };
        let sign = KeyUsage::SIGN | KeyUsage::DECRYPT;
        p15::PrKdf::new([
            PrivateKey::rsa(
                common("Legitimering", 0x01),
                CommonKeyAttributes::new(0x45, sign),
                path(0x4B01),
                2048,
            ),
            PrivateKey::rsa(
                common("Underskrift", 0x02).with_user_consent(1),
                CommonKeyAttributes::new(0x46, KeyUsage::NON_REPUDIATION),
                path(0x4B02),
                2048,
            ),
        ])
    }

    pub fn pukdf() -> p15::PuKdf {
        let public = |label: &str, id: u8, usage| {
            PublicKey::rsa(
                CommonObjectAttributes::labelled(label),
                CommonKeyAttributes::new(id, usage),
                path(0x5500 + u16::from(id)),
                2048,
            )
        };
        p15::PuKdf::new([
            public("Legitimering", 0x45, KeyUsage::VERIFY | KeyUsage::ENCRYPT),
            public("Underskrift", 0x46, KeyUsage::NON_REPUDIATION),
        ])
    }

    pub fn skdf() -> p15::SkDf {
        let secret = |label: &str, id: u8, file| {
            p15::SecretKey::generic(
                CommonObjectAttributes::labelled(label).with_auth_id(0x01),
                CommonKeyAttributes::new(id, KeyUsage::ENCRYPT | KeyUsage::DECRYPT),
                path(file),
            )
        };
        p15::SkDf::new([secret("AES", 0x47, 0x4B07), secret("DES", 0x48, 0x4B08)])
    }

    pub fn certificate(label: &str, id: u8, file: u16) -> Certificate {
        Certificate::x509(
            CommonObjectAttributes::labelled(label).with_flags(ObjectFlags::MODIFIABLE),
            id,
            path(file),
        )
    }

    pub fn cdf() -> p15::Cdf {
        p15::Cdf::new([
            certificate("Telia Legitimering", 0x45, 0x4331),
            certificate("Telia Underskrift", 0x46, 0x4332),
            certificate("HCC Legitimering", 0x45, 0x4333),
            certificate("HCC Underskrift", 0x46, 0x4334),
        ])
    }

    pub fn aodf() -> p15::Aodf {
        let pin = |label: &str, id: u8, reference, unblocking: bool| {
            let mut flags = PinFlags::INITIALIZED | PinFlags::NEEDS_PADDING;
            if unblocking {
                flags = flags | PinFlags::UNBLOCKING_PIN;
            }
            let attributes = PinAttributes {
                flags,
                pin_type: PinType::AsciiNumeric,
                min_length: 6,
                stored_length: 8,
                max_length: Some(8),
                reference,
                pad_char: Some(0x00),
                path: Some(Path::file([0x3F, 0x00, 0x50, 0x15])),
                ..PinAttributes::default()
            };
            AuthenticationObject::pin(CommonObjectAttributes::labelled(label), id, attributes)
        };
        p15::Aodf::new([
            pin("Legitimering", 0x01, 0x81, false),
            pin("Underskrift", 0x02, 0x82, false),
            pin("PUK", 0x03, 0x83, true),
        ])
    }

    pub fn dodf() -> p15::Dodf {
        let data = |label: &str, file| {
            DataObject::opaque(
                CommonObjectAttributes::labelled(label),
                "kortlab",
                path(file),
            )
        };
        p15::Dodf::new([data("card", 0x4601), data("holder", 0x4602)])
    }

    pub fn unused_space() -> p15::UnusedSpace {
        let part =
            |file: u16, length| UnusedSpaceRecord::new(Path::part(path(file).path, 0, length));
        p15::UnusedSpace::new([part(0x4335, 1024), part(0x4336, 2048)])
    }
}
