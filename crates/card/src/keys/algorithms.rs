//! What the card's directories say of how a key computes: the card's own numbers of algorithms
//! (supportedAlgorithms of the TokenInfo, PKCS#15 §6.9), and the curve of an elliptic-curve key.

use kortlab_apdu::tlv::{Tag, Tlv, read_one};
use kortlab_pkcs15::{
    AlgorithmInfo, KeyInfo, Operations, PrivateKey, PrivateKeyAttributes, TokenInfo,
};

use crate::dialect::{CardAlgorithm, CardPadding, Operation};

/// The most algorithms of a TokenInfo that are looked at.
const MAX_ALGORITHMS: usize = 64;

/// CKM_RSA_PKCS and CKM_RSA_X_509 (PKCS#11): the card pads a DigestInfo, or nothing.
const RSA_PKCS: u32 = 0x01;
const RSA_X_509: u32 = 0x03;

/// The named curves that keys on cards have, by the content of their identifiers, and the length of
/// their field in bits.
const CURVES: [(&[u8], u32); 9] = [
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x01], 192),
    (&[0x2B, 0x81, 0x04, 0x00, 0x21], 224),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07], 256),
    (&[0x2B, 0x81, 0x04, 0x00, 0x0A], 256),
    (&[0x2B, 0x81, 0x04, 0x00, 0x22], 384),
    (&[0x2B, 0x81, 0x04, 0x00, 0x23], 521),
    (&[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], 256),
    (&[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0B], 384),
    (&[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0D], 512),
];

/// The card's numbers of the algorithms that `key` works with: those that the key names, or else all
/// that do the operation. Empty if the card lists none.
pub(super) fn of_key(key: &PrivateKey, token: Option<&TokenInfo>) -> Vec<CardAlgorithm> {
    let all = || {
        token
            .into_iter()
            .flat_map(|token| &token.supported_algorithms)
            .take(MAX_ALGORITHMS)
    };
    let named = &key.key.algorithm_references;
    let is_named = |info: &&AlgorithmInfo| named.contains(&info.reference);
    let own: Vec<_> = all().filter(is_named).filter_map(of_card).collect();
    if own.is_empty() {
        return all().filter_map(of_card).collect();
    }
    own
}

fn of_card(info: &AlgorithmInfo) -> Option<CardAlgorithm> {
    let padding = match info.algorithm {
        RSA_PKCS => CardPadding::Pkcs1,
        RSA_X_509 => CardPadding::Raw,
        _ => return None,
    };
    let does = |operation| info.supported_operations.contains(operation);
    Some(CardAlgorithm {
        reference: u8::try_from(info.alg_ref?).ok()?,
        padding,
        operations: [
            (Operation::Sign, Operations::COMPUTE_SIGNATURE),
            (Operation::Decipher, Operations::DECIPHER),
        ]
        .into_iter()
        .filter(|&(_, flag)| does(flag))
        .map(|(operation, _)| operation)
        .collect(),
    })
}

/// The length of an elliptic-curve key's field in bits, as far as the directories tell: by its
/// curve, or by the number that OpenSC writes in that place.
pub(super) fn field_bits(key: &PrivateKey, token: Option<&TokenInfo>) -> Option<u32> {
    let PrivateKeyAttributes::Ec { key_info, .. } = &key.attributes else {
        return None;
    };
    let in_token = |reference: u32| {
        token?
            .supported_algorithms
            .iter()
            .take(MAX_ALGORITHMS)
            .find(|info| info.reference == reference)
            .and_then(|info| curve_bits(info.parameters.bytes()))
    };
    let own = match key_info {
        Some(KeyInfo::ParamsAndOps(parameters)) => curve_bits(parameters.bytes()),
        Some(KeyInfo::Reference(reference)) => {
            in_token(*reference).or_else(|| (112..=640).contains(reference).then_some(*reference))
        }
        None => None,
    };
    own.or_else(|| {
        let named = &key.key.algorithm_references;
        named
            .iter()
            .take(MAX_ALGORITHMS)
            .find_map(|&one| in_token(one))
    })
}

/// The field of the named curve in ECParameters, alone or as the first element of a SEQUENCE.
fn curve_bits(der: &[u8]) -> Option<u32> {
    let outer = read_one(der).ok()?;
    if outer.tag == Tag::SEQUENCE {
        let first = outer.children().next()?.ok()?;
        return named_curve(&first);
    }
    named_curve(&outer)
}

fn named_curve(parameters: &Tlv<'_>) -> Option<u32> {
    if parameters.tag != Tag::OBJECT_IDENTIFIER {
        return None;
    }
    let known = CURVES.iter().find(|(oid, _)| *oid == parameters.value);
    known.map(|&(_, bits)| bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_pkcs15::{
        CommonKeyAttributes, CommonObjectAttributes, KeyUsage, Oid, Path, TokenFlags,
    };

    fn key() -> PrivateKey {
        PrivateKey::ec(
            CommonObjectAttributes::labelled("k"),
            CommonKeyAttributes::new(0x47, KeyUsage::SIGN),
            Path::file([0x4B, 0x03]),
        )
    }

    fn with_info(info: KeyInfo) -> PrivateKey {
        let mut key = key();
        if let PrivateKeyAttributes::Ec { key_info, .. } = &mut key.attributes {
            *key_info = Some(info);
        }
        key
    }

    fn element(der: &[u8]) -> kortlab_pkcs15::Element {
        kortlab_pkcs15::Element::new(der).expect("an element")
    }

    #[test]
    fn the_curve_of_a_key_is_found_wherever_cards_write_it() {
        let p256 = [&[0x06, 0x08][..], CURVES[2].0].concat();
        let sequence = [&[0x30, 0x0A][..], &p256].concat();
        let own = with_info(KeyInfo::ParamsAndOps(element(&sequence)));
        assert_eq!(field_bits(&own, None), Some(256));
        assert_eq!(
            field_bits(&with_info(KeyInfo::Reference(384)), None),
            Some(384)
        );
        assert_eq!(field_bits(&with_info(KeyInfo::Reference(2)), None), None);
        assert_eq!(field_bits(&key(), None), None);

        let mut token = TokenInfo::new([1], "t", TokenFlags::default());
        let mut algorithm = AlgorithmInfo::new(2, 0x1041, Operations::COMPUTE_SIGNATURE);
        algorithm.parameters = element(&p256);
        token.supported_algorithms.push(algorithm);
        let referring = with_info(KeyInfo::Reference(2));
        assert_eq!(field_bits(&referring, Some(&token)), Some(256));
        let mut naming = key();
        naming.key.algorithm_references = vec![7, 2];
        assert_eq!(field_bits(&naming, Some(&token)), Some(256));
    }

    #[test]
    fn the_curves_are_those_that_the_standards_name() {
        let names = [
            "1.2.840.10045.3.1.1",
            "1.3.132.0.33",
            "1.2.840.10045.3.1.7",
            "1.3.132.0.10",
            "1.3.132.0.34",
            "1.3.132.0.35",
            "1.3.36.3.3.2.8.1.1.7",
            "1.3.36.3.3.2.8.1.1.11",
            "1.3.36.3.3.2.8.1.1.13",
        ];
        for ((content, _), name) in CURVES.iter().zip(names) {
            let oid: Oid = name.parse().expect("an identifier");
            assert_eq!(oid.content(), *content, "{name}");
        }
    }
}
