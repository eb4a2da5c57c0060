//! Damage to one object leaves all others readable, and is told: the catalogue of malformed
//! content that has hurt real middleware, each at every object of every directory file, and every
//! byte of every file changed in several ways.

mod common;

use common::card;
use kortlab_apdu::tlv::{Tag, Tlv, object, read_one};
use kortlab_pkcs15::{
    AuthenticationObject, Cdf, Certificate, Code, Directory, DirectoryObject, Edit, EncodeError,
    Finding, MAX_OBJECTS, Odf, Path, PrKdf, PrivateKey, Severity, TokenInfo, UnusedSpace,
};

/// The files of a card, and what was in them.
trait Visit {
    fn visit<T: DirectoryObject + Clone + PartialEq + std::fmt::Debug>(
        &mut self,
        name: &str,
        directory: &Directory<T>,
    );
}

fn every_directory(visit: &mut impl Visit) {
    visit.visit("EF.DIR", &card::ef_dir());
    visit.visit("ODF", &card::odf());
    visit.visit("PrKDF", &card::prkdf());
    visit.visit("PuKDF", &card::pukdf());
    visit.visit("SKDF", &card::skdf());
    visit.visit("CDF", &card::cdf());
    visit.visit("AODF", &card::aodf());
    visit.visit("DODF", &card::dodf());
    visit.visit("UnusedSpace", &card::unused_space());
}

fn encoded<T: DirectoryObject + Clone>(directory: &Directory<T>) -> Vec<Vec<u8>> {
    let objects = directory.objects();
    objects
        .map(|object| Directory::new([object.clone()]).encode().expect("valid"))
        .collect()
}

/// Asserts that all objects but the one at `damaged` were read as they were.
fn assert_others<T: DirectoryObject + PartialEq + std::fmt::Debug>(
    what: &str,
    read: &Directory<T>,
    directory: &Directory<T>,
    damaged: usize,
) {
    for (index, object) in directory.objects().enumerate() {
        assert!(
            index == damaged || read.objects().any(|other| other == object),
            "{what} {damaged}: object {index} was lost"
        );
    }
}

fn has(findings: &[Finding], codes: &[Code]) -> bool {
    findings.iter().any(|one| codes.contains(&one.code))
}

/// A kind of damage to the bytes of one object, by its name, and the codes that may tell it.
struct Mutation {
    name: &'static str,
    damage: fn(&[u8]) -> Vec<u8>,
    told: &'static [Code],
}

fn top(bytes: &[u8]) -> Tlv<'_> {
    read_one(bytes).expect("an object")
}

fn with_length(bytes: &[u8], change: i8) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[1] = out[1].checked_add_signed(change).expect("in range");
    out
}

const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "length one more than the content",
        damage: |bytes| with_length(bytes, 1),
        told: &[Code::LengthMismatch],
    },
    Mutation {
        name: "length one less than the content",
        damage: |bytes| with_length(bytes, -1),
        told: &[Code::LengthMismatch],
    },
    Mutation {
        name: "length longer than what remains, in four bytes",
        damage: |bytes| {
            let head = [&bytes[..1], &[0x84, 0x7F, 0xFF, 0xFF, 0xFF]].concat();
            [&head[..], top(bytes).value].concat()
        },
        told: &[Code::LengthMismatch],
    },
    Mutation {
        name: "length not in its shortest form",
        damage: |bytes| {
            let value = top(bytes).value;
            [&bytes[..1], &[0x82, 0x00, value.len() as u8], value].concat()
        },
        told: &[Code::NonMinimalLength],
    },
    Mutation {
        name: "indefinite length",
        damage: |bytes| [&bytes[..1], &[0x80], top(bytes).value, &[0x00, 0x00]].concat(),
        told: &[Code::IndefiniteLength],
    },
    Mutation {
        name: "indefinite length without its end",
        damage: |bytes| [&bytes[..1], &[0x80], top(bytes).value].concat(),
        told: &[Code::IndefiniteLength],
    },
    Mutation {
        name: "nothing in it",
        damage: |bytes| vec![bytes[0], 0x00],
        told: &[Code::UnreadableObject, Code::LengthMismatch],
    },
    Mutation {
        name: "nested a thousand deep",
        damage: |bytes| {
            let mut deep = Vec::new();
            for _ in 0..1000 {
                deep = object(Tag::SEQUENCE, &deep);
            }
            object(top(bytes).tag, &[top(bytes).value, &deep].concat())
        },
        told: &[Code::MisplacedElement, Code::UnknownElement],
    },
    Mutation {
        name: "a tag swapped for its neighbour",
        damage: |bytes| [&[bytes[0] ^ 0x01], &bytes[1..]].concat(),
        // Another alternative of the same CHOICE is no fault of its own.
        told: &[],
    },
    Mutation {
        name: "garbage in its place",
        damage: |bytes| vec![0x5A; bytes.len()],
        told: &[Code::Garbage],
    },
    Mutation {
        name: "filler before it",
        damage: |bytes| [&[0x00, 0xFF, 0x00], bytes].concat(),
        told: &[Code::ObjectAfterFiller],
    },
    Mutation {
        name: "half written over zeros",
        damage: |bytes| {
            [
                &bytes[..bytes.len() / 2],
                &vec![0x00; bytes.len().div_ceil(2)],
            ]
            .concat()
        },
        // What is not written yet may look like a value of zeros.
        told: &[],
    },
    Mutation {
        name: "half written over FF",
        damage: |bytes| {
            [
                &bytes[..bytes.len() / 2],
                &vec![0xFF; bytes.len().div_ceil(2)],
            ]
            .concat()
        },
        told: &[],
    },
];

#[test]
fn each_named_mutation_of_one_object_leaves_all_others_and_is_told() {
    struct Check;
    impl Visit for Check {
        fn visit<T: DirectoryObject + Clone + PartialEq + std::fmt::Debug>(
            &mut self,
            name: &str,
            directory: &Directory<T>,
        ) {
            let objects = encoded(directory);
            for mutation in MUTATIONS {
                for damaged in 0..objects.len() {
                    let mut bytes = objects.clone();
                    bytes[damaged] = (mutation.damage)(&objects[damaged]);
                    for padding in [0, 16] {
                        let file = [bytes.concat(), vec![0; padding]].concat();
                        let read = Directory::<T>::parse(&file);
                        let what = format!("{name}, {}, object", mutation.name);
                        assert_others(&what, &read.value, directory, damaged);
                        // Filler before the first object is no fault.
                        let harmless = mutation.told.is_empty()
                            || (mutation.told == [Code::ObjectAfterFiller] && damaged == 0);
                        assert!(
                            harmless || has(&read.findings, mutation.told),
                            "{what} {damaged}: {:#?}",
                            read.findings
                        );
                    }
                }
            }
        }
    }
    every_directory(&mut Check);
}

#[test]
fn any_byte_changed_costs_no_more_than_its_own_object() {
    struct Check;
    impl Visit for Check {
        fn visit<T: DirectoryObject + Clone + PartialEq + std::fmt::Debug>(
            &mut self,
            name: &str,
            directory: &Directory<T>,
        ) {
            let objects = encoded(directory);
            let whole = [objects.concat(), vec![0; 12]].concat();
            let mut start = 0;
            for (damaged, object) in objects.iter().enumerate() {
                for position in start..start + object.len() {
                    let old = whole[position];
                    let near = [old.wrapping_add(1), old.wrapping_sub(1)];
                    let flipped = (0..8).map(|bit| old ^ (1 << bit));
                    let telling = [0x00, 0x04, 0x30, 0x7F, 0x80, 0x81, 0x84, 0xA0, 0xA1, 0xFF];
                    for byte in near.into_iter().chain(flipped).chain(telling) {
                        if byte == old {
                            continue;
                        }
                        let mut file = whole.clone();
                        file[position] = byte;
                        let read = Directory::<T>::parse(&file);
                        let what =
                            format!("{name}: byte {position} {old:02X} -> {byte:02X}, object");
                        assert_others(&what, &read.value, directory, damaged);
                    }
                }
                start += object.len();
            }
        }
    }
    every_directory(&mut Check);
}

#[test]
fn a_file_cut_at_any_byte_gives_all_objects_before_the_cut() {
    struct Check;
    impl Visit for Check {
        fn visit<T: DirectoryObject + Clone + PartialEq + std::fmt::Debug>(
            &mut self,
            name: &str,
            directory: &Directory<T>,
        ) {
            let objects = encoded(directory);
            let whole = objects.concat();
            for cut in 0..=whole.len() {
                let read = Directory::<T>::parse(&whole[..cut]);
                let mut end = 0;
                let mut at_boundary = cut == 0;
                for (index, object) in objects.iter().enumerate() {
                    end += object.len();
                    at_boundary |= end == cut;
                    let expected = directory.objects().nth(index);
                    assert!(
                        end > cut || read.value.objects().nth(index) == expected,
                        "{name} cut at {cut}: object {index} was lost"
                    );
                }
                assert_eq!(read.is_clean(), at_boundary, "{name} cut at {cut}");
            }
        }
    }
    every_directory(&mut Check);
}

#[test]
fn a_sequence_around_all_objects_is_looked_through_and_told() {
    struct Check;
    impl Visit for Check {
        fn visit<T: DirectoryObject + Clone + PartialEq + std::fmt::Debug>(
            &mut self,
            name: &str,
            directory: &Directory<T>,
        ) {
            let file = directory.encode().expect("valid");
            let wrapped = object(Tag::SEQUENCE, &object(Tag::SEQUENCE, &file));
            let read = Directory::<T>::parse(&[wrapped, vec![0; 5]].concat());
            assert_eq!(&read.value, directory, "{name}");
            let codes: Vec<_> = read.findings.iter().map(|one| one.code).collect();
            assert_eq!(codes, [Code::ExtraSequence; 2], "{name}");
        }
    }
    every_directory(&mut Check);

    let token = card::token_info();
    let file = object(Tag::SEQUENCE, &token.encode().expect("valid"));
    let read = TokenInfo::parse(&file).expect("readable");
    assert_eq!(read.value, token);
    assert_eq!(read.findings[0].code, Code::ExtraSequence);
}

#[test]
fn filler_behind_the_objects_is_no_finding_and_garbage_is_one() {
    let file = card::cdf().encode().expect("valid");
    for filler in [&[0x00; 40][..], &[0xFF; 40], &[0x00, 0xFF]] {
        assert!(Cdf::parse(&[&file[..], filler].concat()).is_clean());
    }
    let read = Cdf::parse(&[&file[..], &[0x00, 0x41, 0x42]].concat());
    assert_eq!(read.value, card::cdf());
    assert_eq!(read.findings[0].code, Code::Garbage);
    assert_eq!(read.findings[0].offset, file.len() + 1);
}

#[test]
fn an_object_of_a_later_alternative_is_kept_and_the_rest_is_read() {
    let mut objects = encoded(&card::cdf());
    objects[1][0] = 0xA9;
    let file = objects.concat();
    let read = Cdf::parse(&file);
    assert_eq!(read.value.entries.len(), 4);
    assert_eq!(read.value.encode().expect("DER"), file);
}

#[test]
fn paths_that_lead_nowhere_are_told_with_object_and_byte() {
    let path = |bytes: &[u8]| {
        let certificate = card::certificate("x", 0x45, 0x4331);
        let file = Cdf::new([certificate]).encode().expect("valid");
        let good = [0x04, 0x06, 0x3F, 0x00, 0x50, 0x15, 0x43, 0x31];
        let at = file.windows(8).position(|window| window == good);
        let (head, _) = file.split_at(at.expect("the path"));
        // The path is at the end: only the lengths around it change.
        let change = bytes.len() as i8 - 6;
        let mut head = head.to_vec();
        let length = head.len();
        for at in [1, length - 5, length - 3, length - 1] {
            head[at] = head[at].checked_add_signed(change).expect("in range");
        }
        Cdf::parse(&[&head[..], &[0x04, bytes.len() as u8], bytes].concat())
    };
    assert!(path(&[0x3F, 0x00, 0x50, 0x15, 0x43, 0x31]).is_clean());
    for (bytes, code) in [
        (&[][..], Code::EmptyPath),
        (&[0x50], Code::OddPath),
        (&[0x50, 0x15, 0x43], Code::OddPath),
        (&[0x50; 18], Code::LongPath),
    ] {
        let read = path(bytes);
        assert_eq!(read.value.objects().count(), 1, "{code}");
        let finding = &read.findings[0];
        assert_eq!(finding.code, code);
        let object = finding.object.as_ref().expect("of an object");
        assert_eq!((object.index, object.label.as_deref()), (0, Some("x")));
        assert!(finding.offset > 0);
    }
}

#[test]
fn an_odf_that_leads_back_to_itself_is_told() {
    for path in [&[0x50, 0x31][..], &[0x3F, 0x00, 0x50, 0x15], &[0x3F, 0x00]] {
        let odf = Odf::of_files([(kortlab_pkcs15::ObjectKind::Certificates, Path::file(path))]);
        let read = Odf::parse(&odf.encode().expect("valid"));
        assert_eq!(read.findings[0].code, Code::CircularPath, "{path:02X?}");
        assert_eq!(read.worst(), Some(Severity::Error));
    }
}

#[test]
fn the_same_identifier_twice_is_told_for_keys_and_pins_but_not_for_certificates() {
    let key = card::prkdf().objects().next().expect("a key").clone();
    let file = Directory::<PrivateKey>::new([key.clone(), key]);
    let read = PrKdf::parse(&file.encode().expect("valid"));
    assert_eq!(read.findings[0].code, Code::DuplicateId);
    assert_eq!(
        read.findings[0].object.as_ref().map(|one| one.index),
        Some(1)
    );

    let pin = card::aodf().objects().next().expect("a PIN").clone();
    let file = Directory::<AuthenticationObject>::new([pin.clone(), pin]);
    let read = Directory::<AuthenticationObject>::parse(&file.encode().expect("valid"));
    assert_eq!(read.findings[0].code, Code::DuplicateId);

    // Two certificates for each of two keys: the usual card.
    assert!(Cdf::parse(&card::cdf().encode().expect("valid")).is_clean());
    let certificate = card::certificate("x", 0x45, 0x4331);
    let twice = Cdf::new([certificate.clone(), certificate]);
    let read = Cdf::parse(&twice.encode().expect("valid"));
    assert_eq!(
        read.findings[0].code,
        Code::DuplicateId,
        "the same file twice"
    );
}

#[test]
fn more_objects_than_the_limit_are_told_and_not_read() {
    let record = card::unused_space();
    let one = encoded(&record).concat();
    let file = one.repeat(MAX_OBJECTS);
    let read = UnusedSpace::parse(&file);
    assert_eq!(read.value.entries.len(), MAX_OBJECTS);
    assert!(has(&read.findings, &[Code::TooMany, Code::MoreFindings]));
}

#[test]
fn hostile_files_of_64_kilobytes_are_read_in_no_time() {
    let patterns: [&[u8]; 7] = [
        &[0x30, 0x00],
        &[0x30, 0x80],
        &[0x30, 0x84, 0x00, 0x00, 0xFF],
        &[0x30],
        &[0x30, 0x30, 0xA1],
        &[0x30, 0x82, 0xFF, 0xFF, 0x30, 0x00, 0x30, 0x00, 0xA1, 0x00],
        &[0x5A, 0x00, 0xFF],
    ];
    let start = std::time::Instant::now();
    for pattern in patterns {
        let file = pattern.repeat(65_536 / pattern.len());
        let _ = Cdf::parse(&file);
        let _ = Odf::parse(&file);
        let _ = UnusedSpace::parse(&file);
        let _ = kortlab_pkcs15::EfDir::parse(&file);
        let _ = TokenInfo::parse(&file);
    }
    // Linear reading takes milliseconds; quadratic reading would take minutes.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn editing_leaves_every_other_object_byte_for_byte_even_broken_ones() {
    let mut objects = encoded(&card::cdf());
    // Not DER, and yet not ours to change: a length in two bytes, a length one too long.
    let value = top(&objects[0]).value.to_vec();
    objects[0] = [&[0x30, 0x81, value.len() as u8], &value[..]].concat();
    objects[2] = with_length(&objects[2], 1);
    let file = [objects.concat(), vec![0; 200]].concat();

    let mut edit = Edit::<Certificate>::new(&file, file.len());
    assert_eq!(edit.len(), 4);
    edit.remove(1).expect("there");
    let new = card::certificate("new", 0x46, 0x4335);
    edit.push(&new).expect("valid");
    let written = edit.finish().expect("fits");

    let new_bytes = Cdf::new([new]).encode().expect("valid");
    let expected = [&objects[0][..], &objects[2], &objects[3], &new_bytes].concat();
    assert_eq!(written.len(), file.len());
    assert_eq!(written[..expected.len()], expected);
    assert!(written[expected.len()..].iter().all(|&byte| byte == 0));
    assert_eq!(Cdf::parse(&written).value.objects().count(), 4);

    assert!(matches!(
        edit.remove(4),
        Err(EncodeError::NoSuchObject { index: 4, count: 4 })
    ));
}

#[test]
fn replacing_an_object_leaves_its_neighbours() {
    let file = card::cdf().encode().expect("valid");
    let mut edit = Edit::<Certificate>::new(&file, 1024);
    let new = card::certificate("replaced", 0x46, 0x4335);
    edit.replace(1, &new).expect("there");
    let read = Cdf::parse(&edit.finish().expect("fits"));
    assert!(read.is_clean());
    let labels: Vec<_> = read
        .value
        .objects()
        .map(|one| one.common.label.clone())
        .collect();
    let label = |text: &str| Some(text.to_owned());
    assert_eq!(
        labels,
        [
            label("Telia Legitimering"),
            label("replaced"),
            label("HCC Legitimering"),
            label("HCC Underskrift")
        ]
    );
}

#[test]
fn a_file_that_is_full_or_holds_garbage_is_not_written() {
    let file = card::cdf().encode().expect("valid");
    let mut edit = Edit::<Certificate>::new(&file, file.len());
    assert_eq!(edit.free(), Some(0));
    edit.push(&card::certificate("one more", 0x46, 0x4335))
        .expect("valid");
    assert!(matches!(
        edit.finish(),
        Err(EncodeError::Full { needed, capacity }) if needed > capacity && capacity == file.len()
    ));

    let damaged = [&file[..], &[0x41, 0x42]].concat();
    let mut edit = Edit::<Certificate>::new(&damaged, 1024);
    assert_eq!(
        edit.finish(),
        Err(EncodeError::Garbage {
            offset: file.len(),
            length: 2
        })
    );
    edit.discard_garbage();
    assert!(edit.finish().expect("fits").starts_with(&file));
}

#[test]
fn a_text_that_is_not_utf8_is_read_as_latin_1() {
    let file = card::cdf().encode().expect("valid");
    let mut file = Edit::<Certificate>::new(&file, 1024)
        .finish()
        .expect("fits");
    let at = file
        .iter()
        .position(|&byte| byte == b'T')
        .expect("the label");
    file[at] = 0xE5;
    let read = Cdf::parse(&file);
    let first = read.value.objects().next().expect("a certificate");
    assert_eq!(first.common.label.as_deref(), Some("åelia Legitimering"));
    assert_eq!(read.findings[0].code, Code::NotUtf8);
    assert_eq!(read.findings[0].offset, at);
}
