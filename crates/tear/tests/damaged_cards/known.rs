//! Kinds of damage by name: what 20,000 seeds have shown to be missed once, and its siblings.

use kortlab_emulator::Image;
use kortlab_tear::damage;

use crate::reading::{AODF, CDF, EF_DIR, ODF, OpenSsl, PRKDF, PUKDF, Reading, TOKEN_INFO, paths};
use crate::{found, good_card};

/// One byte of a file that is another one than on the good card.
struct Flip {
    what: &'static str,
    path: &'static [u16],
    at: usize,
    good: u8,
    damaged: u8,
    /// The code of the finding.
    code: &'static str,
}

const fn flip(
    what: &'static str,
    path: &'static [u16],
    at: usize,
    [good, damaged]: [u8; 2],
    code: &'static str,
) -> Flip {
    Flip {
        what,
        path,
        at,
        good,
        damaged,
        code,
    }
}

/// Each is read as another card by whoever reads element by element.
const FLIPS: &[Flip] = &[
    flip("a PIN's label", AODF, 66, [0x0C, 0x8C], "unknown-element"),
    flip("a key's label", PRKDF, 60, [0x0C, 0x96], "unknown-element"),
    flip("a label", CDF, 51, [0x0C, 0x8C], "unknown-element"),
    flip("a label", CDF, 51, [0x0C, 0x0D], "unknown-element"),
    flip("a maker", TOKEN_INFO, 17, [0x0C, 0x8C], "unknown-element"),
    flip("last flags", CDF, 70, [0x03, 0x83], "unknown-element"),
    flip("flags", PRKDF, 73, [0x03, 0x80], "unknown-element"),
    flip("last flags", PRKDF, 34, [0x03, 0x83], "unknown-element"),
    flip("a length", AODF, 41, [0x02, 0xB7], "unknown-element"),
    // A later edition has [1], but behind all others.
    flip("a reference", AODF, 47, [0x80, 0x81], "unknown-element"),
    flip("flags as userConsent", CDF, 159, [0x03, 0x02], "bad-value"),
    flip("flags as a number", PRKDF, 34, [0x03, 0x02], "bad-value"),
    flip("a label as authId", PUKDF, 6, [0x0C, 0x04], "no-such-pin"),
    flip(
        "a label as command",
        EF_DIR,
        16,
        [0x50, 0x52],
        "unknown-element",
    ),
    flip(
        "no path",
        EF_DIR,
        32,
        [0x51, 0x53],
        "application-not-listed",
    ),
    flip(
        "public as private",
        ODF,
        12,
        [0xA1, 0xA0],
        "key-in-directory",
    ),
    flip("a key of [16]", PRKDF, 0, [0x30, 0xB0], "key-kind"),
    flip("an elliptic curve", PRKDF, 0, [0x30, 0xA0], "key-kind"),
    flip("a longer label", CDF, 52, [0x11, 0x15], "bad-value"),
    flip("a PIN of [16]", AODF, 0, [0x30, 0xB0], "kind-not-read"),
];

/// The same card, with other bytes in a file.
fn with(image: &Image, path: &[u16], change: impl FnOnce(&mut Vec<u8>, &mut u32)) -> Image {
    let mut image = image.clone();
    let mut file = &mut image.master_file;
    for fid in path {
        let mut inside = file.files_mut().expect("a DF").iter_mut();
        file = inside.find(|file| file.fid.0 == *fid).expect("there");
    }
    let file = file.as_transparent_mut().expect("transparent");
    let mut data = file.data.take().expect("data").0;
    change(&mut data, &mut file.size);
    data.truncate(file.size as usize);
    file.data = Some(data.into());
    image
}

#[test]
fn what_was_missed_once_is_found() {
    let (image, issuers, now) = good_card();
    let mut openssl = OpenSsl::default();
    let good = Reading::of(&image, &mut openssl);
    for flip in FLIPS {
        let name = format!("{} in {:04X?}, byte {}", flip.what, flip.path, flip.at);
        let damaged = with(&image, flip.path, |data, _| {
            assert_eq!(data[flip.at], flip.good, "{name}");
            data[flip.at] = flip.damaged;
        });
        assert_ne!(Reading::of(&damaged, &mut openssl), good, "{name}");
        let found = found(&damaged, &issuers, now);
        let code = format!("[{}]", flip.code);
        assert!(
            found.iter().any(|text| text.contains(&code)),
            "{name}: {found:#?}"
        );
    }
}

/// Where the objects of a directory of short ones start, but for the first.
fn edges(directory: &[u8]) -> Vec<usize> {
    let mut edges = Vec::new();
    let mut at = 0;
    while directory.get(at) == Some(&0x30) {
        at += 2 + usize::from(directory[at + 1]);
        edges.push(at);
    }
    edges.pop();
    edges
}

/// What is left is a good directory of fewer certificates. The files of the others tell.
#[test]
fn certificates_whose_entries_are_lost_are_found() {
    let (image, issuers, now) = good_card();
    let whole = damage::content(&image, CDF).expect("there");
    let edges = edges(&whole);
    assert_eq!(edges.len(), 3);
    for edge in edges.into_iter().chain([0]) {
        let cleared = |filler| with(&image, CDF, |data, _| data[edge..].fill(filler));
        let cut = with(&image, CDF, |data, size| {
            data.truncate(edge);
            *size = edge.max(1) as u32;
        });
        for damaged in [cleared(0x00), cleared(0xFF), cut] {
            let found = found(&damaged, &issuers, now);
            let lost = found
                .iter()
                .filter(|text| text.contains("[certificate-not-listed]"));
            let listed = paths(&whole[..edge]).len();
            assert_eq!(lost.count(), 4 - listed, "from byte {edge} on: {found:#?}");
        }
    }
}

/// Of a card that no profile knows it is not known where certificates are.
#[test]
fn a_key_that_is_left_without_a_certificate_is_found_on_any_card() {
    let (mut image, issuers, now) = good_card();
    for path in [PRKDF, PUKDF, CDF] {
        image = with(&image, path, |data, _| {
            for at in 0..data.len() - 2 {
                if let [0x04, 0x01, id @ (0x45 | 0x46)] = &mut data[at..at + 3] {
                    *id -= 0x20;
                }
            }
        });
    }
    assert_eq!(found(&image, &issuers, now), [""; 0]);
    let first = edges(&damage::content(&image, CDF).expect("there"))[0];
    let damaged = with(&image, CDF, |data, _| data[first..].fill(0x00));
    let found = found(&damaged, &issuers, now);
    let of_keys: Vec<_> = found
        .iter()
        .filter(|text| text.contains("[key-without-certificate]"))
        .collect();
    let [only] = of_keys.as_slice() else {
        panic!("{found:#?}");
    };
    assert!(only.contains("\"Underskrift\""), "{only}");
    // The card lists its files, whatever profile it has.
    let listed = |text: &&String| text.contains("[certificate-not-listed]");
    assert_eq!(found.iter().filter(listed).count(), 3, "{found:#?}");
}
