//! For every file type: what is written is read back as it was, without a finding, and is DER by
//! the standards of another implementation; what was read from DER is written as it was, with
//! elements of later versions anywhere in it; and no bytes make a reader panic.

mod common;

use kortlab_apdu::tlv::{Reader, object};
use kortlab_pkcs15::{
    Aodf, AuthenticationAttributes, Code, Directory, DirectoryObject, Edit, Element, EncodeError,
    MAX_FINDINGS, MAX_OBJECTS, Parsed, TokenFlags, TokenInfo,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn round_trip<T>(objects: Vec<T>) -> Result<(), TestCaseError>
where
    T: DirectoryObject + Clone + PartialEq + std::fmt::Debug,
{
    let directory = Directory::new(objects);
    let file = directory.encode().expect("a valid value");
    common::assert_der(&file);
    let read = Directory::<T>::parse(&file);
    prop_assert_eq!(&read.value, &directory);
    // Values drawn at random can share an identifier, and the rules of a PIN can contradict each other.
    let drawn = |code| matches!(code, Code::DuplicateId | Code::PinLengths);
    prop_assert!(
        read.findings.iter().all(|one| drawn(one.code)),
        "{:#?}",
        read.findings
    );

    let padded = [&file[..], &[0x00; 7], &[0xFF; 3]].concat();
    prop_assert_eq!(Directory::<T>::parse(&padded), read);
    Ok(())
}

/// Puts an element of no known tag at the `place`th of all places in `file` where one can stand
/// inside an object, and returns the file with all lengths right again.
fn with_stranger(file: &[u8], stranger: &[u8], place: usize) -> Vec<u8> {
    fn places(bytes: &[u8], inside: bool) -> usize {
        Reader::new(bytes)
            .map(|element| element.expect("DER"))
            .map(|element| {
                let deeper = if element.tag.is_constructed() {
                    places(element.value, true)
                } else {
                    0
                };
                deeper + usize::from(inside)
            })
            .sum::<usize>()
            + usize::from(inside)
    }
    fn insert(bytes: &[u8], stranger: &[u8], place: &mut Option<usize>, inside: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let here = |out: &mut Vec<u8>, place: &mut Option<usize>| {
            if let (true, Some(left)) = (inside, *place) {
                if left == 0 {
                    out.extend_from_slice(stranger);
                }
                *place = left.checked_sub(1);
            }
        };
        for element in Reader::new(bytes).map(|element| element.expect("DER")) {
            here(&mut out, place);
            if element.tag.is_constructed() {
                let value = insert(element.value, stranger, place, true);
                out.extend_from_slice(&object(element.tag, &value));
            } else {
                out.extend_from_slice(element.raw);
            }
        }
        here(&mut out, place);
        out
    }
    let count = places(file, false);
    let mut place = Some(place % count.max(1));
    insert(file, stranger, &mut place, false)
}

fn strangers_survive<T>(objects: Vec<T>, tag: u8, place: usize) -> Result<(), TestCaseError>
where
    T: DirectoryObject + Clone + PartialEq + std::fmt::Debug,
{
    let file = Directory::new(objects).encode().expect("a valid value");
    let file = with_stranger(&file, &object(tag, &[0xA5]), place);
    let read = Directory::<T>::parse(&file);
    prop_assert_eq!(
        hex::encode(read.value.encode().expect("DER")),
        hex::encode(file)
    );
    Ok(())
}

fn anything_goes<T>(bytes: &[u8]) -> Result<(), TestCaseError>
where
    T: DirectoryObject + Clone + PartialEq + std::fmt::Debug,
{
    let read = Directory::<T>::parse(bytes);
    prop_assert!(read.value.entries.len() <= MAX_OBJECTS);
    prop_assert!(read.findings.len() <= MAX_FINDINGS);
    prop_assert!(read.findings.iter().all(|one| one.offset <= bytes.len()));
    reads_back(&read, Directory::<T>::encode, |bytes| {
        Directory::<T>::parse(bytes).value
    })?;
    let mut edit = Edit::<T>::new(&[], usize::MAX);
    for object in read.value.objects() {
        let refused = matches!(edit.push(object), Err(EncodeError::NotReadBack { .. }));
        prop_assert!(!(refused && read.is_clean()), "{object:?}");
    }
    Ok(())
}

/// What was read leniently and can be written is read back as it was, and written alike. What was
/// read without a finding is not refused.
fn reads_back<T: PartialEq + std::fmt::Debug>(
    read: &Parsed<T>,
    encode: impl Fn(&T) -> Result<Vec<u8>, EncodeError>,
    parse: impl Fn(&[u8]) -> T,
) -> Result<(), TestCaseError> {
    match encode(&read.value) {
        Ok(file) => {
            let again = parse(&file);
            prop_assert_eq!(&again, &read.value);
            prop_assert_eq!(encode(&again), Ok(file));
        }
        Err(error) => {
            let refused = matches!(error, EncodeError::NotReadBack { .. });
            prop_assert!(!(refused && read.is_clean()), "{}", error);
        }
    }
    Ok(())
}

macro_rules! every_directory {
    ($($name:ident: $strategy:expr => $object:ty;)*) => {$(
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(super::common::config())]

                #[test]
                fn values_are_written_in_der_and_read_back(objects in vec($strategy, 0..4)) {
                    round_trip::<$object>(objects)?;
                }

                #[test]
                fn elements_of_later_versions_survive_in_their_places(
                    objects in vec($strategy, 1..3),
                    tag in 0xC0_u8..0xDF,
                    place: usize,
                ) {
                    strangers_survive::<$object>(objects, tag, place)?;
                }

                #[test]
                fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
                    anything_goes::<$object>(&bytes)?;
                }

                #[test]
                fn no_damage_makes_the_reader_panic(
                    objects in vec($strategy, 1..4),
                    damage in vec((any::<usize>(), any::<u8>()), 1..4),
                    cut: usize,
                ) {
                    let mut file = Directory::new(objects).encode().expect("a valid value");
                    for (at, byte) in damage {
                        let length = file.len();
                        file[at % length] = byte;
                    }
                    anything_goes::<$object>(&file)?;
                    file.truncate(cut % (file.len() + 1));
                    anything_goes::<$object>(&file)?;
                }
            }
        }
    )*};
}

every_directory! {
    ef_dir: common::application() => kortlab_pkcs15::Application;
    odf: common::odf_entry() => kortlab_pkcs15::OdfEntry;
    prkdf: common::private_key() => kortlab_pkcs15::PrivateKey;
    pukdf: common::public_key() => kortlab_pkcs15::PublicKey;
    skdf: common::secret_key() => kortlab_pkcs15::SecretKey;
    cdf: common::certificate() => kortlab_pkcs15::Certificate;
    aodf: common::authentication_object() => kortlab_pkcs15::AuthenticationObject;
    dodf: common::data_object() => kortlab_pkcs15::DataObject;
    unused_space: common::unused_space_record() => kortlab_pkcs15::UnusedSpaceRecord;
}

mod token_info {
    use super::*;

    fn token_goes(bytes: &[u8]) -> Result<(), TestCaseError> {
        match TokenInfo::parse(bytes) {
            Err(error) => prop_assert!(error.offset() <= bytes.len()),
            Ok(read) => {
                prop_assert!(read.findings.iter().all(|one| one.offset <= bytes.len()));
                reads_back(&read, TokenInfo::encode, |bytes| {
                    TokenInfo::parse(bytes).expect("it was written").value
                })?;
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(common::config())]

        #[test]
        fn values_are_written_in_der_and_read_back(value in common::token_info()) {
            let file = value.encode().expect("a valid value");
            common::assert_der(&file);
            let read = TokenInfo::parse(&file).expect("written");
            prop_assert!(read.is_clean(), "{:#?}", read.findings);
            prop_assert_eq!(&read.value, &value);
            let padded = [&file[..], &[0x00; 7], &[0xFF; 3]].concat();
            prop_assert_eq!(TokenInfo::parse(&padded).expect("written"), read);
        }

        #[test]
        fn elements_of_later_versions_survive_in_their_places(
            value in common::token_info(),
            tag in 0xC0_u8..0xDF,
            place: usize,
        ) {
            let file = value.encode().expect("a valid value");
            let file = with_stranger(&file, &object(tag, &[0xA5]), place);
            let read = TokenInfo::parse(&file).expect("written");
            prop_assert_eq!(hex::encode(read.value.encode().expect("DER")), hex::encode(file));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in vec(any::<u8>(), 0..200), sequence: bool) {
            if let (true, Some(first)) = (sequence, bytes.first_mut()) {
                *first = 0x30;
            }
            token_goes(&bytes)?;
        }

        #[test]
        fn no_damage_makes_the_reader_panic(
            value in common::token_info(),
            damage in vec((any::<usize>(), any::<u8>()), 1..4),
        ) {
            let mut file = value.encode().expect("a valid value");
            for (at, byte) in damage {
                let length = file.len();
                file[at % length] = byte;
            }
            token_goes(&file)?;
        }
    }
}

#[test]
fn an_extension_that_is_added_to_a_new_value_is_written_behind_its_fields() {
    let mut token = TokenInfo::new([0x01], "x", TokenFlags::empty());
    token
        .unknown
        .push(Element::new([0xDF, 0x21, 0x01, 0xA5]).expect("an element"));
    let file = token.encode().expect("valid");
    assert!(file.ends_with(&[0xDF, 0x21, 0x01, 0xA5]));
    assert_eq!(TokenInfo::parse(&file).expect("written").value, token);
}

#[test]
fn what_is_not_der_in_a_readable_object_is_written_in_der() {
    let aodf = hex::decode(
        "303030040C0250493003040101A1233081\
         20030206400A0101020106020108020108800100C083000002A5A5E104C1810101",
    )
    .expect("hexadecimal");
    // A length in two bytes, pinReference 0 (its DEFAULT) before later fields, unknown elements
    // with lengths of four and two bytes: all is read, and none of it is DER.
    let read = Aodf::parse(&aodf);
    let pin = read.value.objects().next().expect("readable");
    assert!(matches!(pin.attributes, AuthenticationAttributes::Pin(_)));
    let file = read.value.encode().expect("it is normalised");
    common::assert_der(&file);
    assert_eq!(Aodf::parse(&file).value, read.value);
}
