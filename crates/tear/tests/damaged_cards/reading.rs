//! The independent readers: the `der` crate for the directories, OpenSSL for the certificates.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::process::{Command, Stdio};

use der::asn1::AnyRef;
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tagged as _};
use kortlab_emulator::Image;
use kortlab_tear::damage;

/// EF.DIR.
pub const EF_DIR: &[u16] = &[0x2F00];
/// EF(ODF).
pub const ODF: &[u16] = &[0x5015, 0x5031];
/// EF(TokenInfo).
pub const TOKEN_INFO: &[u16] = &[0x5015, 0x5032];
/// EF(AODF), where the good card has it.
pub const AODF: &[u16] = &[0x5015, 0x4401];
/// EF(PrKDF).
pub const PRKDF: &[u16] = &[0x5015, 0x4402];
/// EF(CDF).
pub const CDF: &[u16] = &[0x5015, 0x4403];
/// EF(PuKDF).
pub const PUKDF: &[u16] = &[0x5015, 0x4404];

/// What an independent reader sees of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Each directory file, its elements one a line.
    pub directories: BTreeMap<Vec<u16>, String>,
    /// Each certificate that the CDF names, as OpenSSL prints it.
    pub certificates: Vec<String>,
}

/// OpenSSL, which is asked once for each certificate.
#[derive(Default)]
pub struct OpenSsl(HashMap<Vec<u8>, String>);

impl OpenSsl {
    fn text(&mut self, der: &[u8]) -> String {
        if let Some(known) = self.0.get(der) {
            return known.clone();
        }
        let mut process = Command::new("openssl")
            .args(["x509", "-inform", "DER", "-noout", "-text"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs; run: cargo xtask test");
        // It may end before it has read everything.
        let _ = process.stdin.take().expect("piped").write_all(der);
        let output = process.wait_with_output().expect("ended");
        let text = match output.status.success() {
            true => String::from_utf8_lossy(&output.stdout).into_owned(),
            false => "not loaded".to_owned(),
        };
        self.0.insert(der.to_vec(), text.clone());
        text
    }
}

impl Reading {
    pub fn of(image: &Image, openssl: &mut OpenSsl) -> Self {
        let mut reading = Self::default();
        for fixed in [EF_DIR, ODF] {
            reading
                .directories
                .insert(fixed.to_vec(), walked(image, fixed));
        }
        // EF(TokenInfo) names no objects: its values are the card's own.
        let token_info = walked(image, TOKEN_INFO);
        let elements: Vec<_> = token_info
            .lines()
            .filter_map(|line| line.split('[').next())
            .collect();
        reading
            .directories
            .insert(TOKEN_INFO.to_vec(), elements.join("\n"));
        for path in paths(&damage::content(image, ODF).unwrap_or_default()) {
            let text = walked(image, &path);
            if text.contains("certificate") {
                continue;
            }
            reading.directories.insert(path, text);
        }
        // The CDF is where the good card has it, or gone.
        let cdf = damage::content(image, CDF).unwrap_or_default();
        for path in paths(&cdf) {
            let content = damage::content(image, &path);
            let content = content.unwrap_or_default();
            let mut reader = SliceReader::new(&content).expect("a file");
            let der = AnyRef::decode(&mut reader).and_then(|outer| outer.to_der());
            reading.certificates.push(match der {
                Ok(der) => openssl.text(&der),
                Err(_) => "no element".to_owned(),
            });
        }
        reading
    }
}

/// The elements of a directory file, one a line.
fn walked(image: &Image, path: &[u16]) -> String {
    let mut text = String::new();
    match damage::content(image, path) {
        None => text.push_str("not there"),
        Some(content) => walk(&content, 0, &mut text),
    }
    text
}

/// One line for each element; filler ends the top level, anything else that is no element is a
/// line of its own.
fn walk(bytes: &[u8], depth: usize, text: &mut String) {
    let mut rest = bytes;
    while !rest.is_empty() {
        if depth == 0 && matches!(rest[0], 0x00 | 0xFF) {
            let filler = rest.iter().all(|byte| matches!(byte, 0x00 | 0xFF));
            text.push_str(if filler {
                ""
            } else {
                "something behind filler\n"
            });
            return;
        }
        let mut reader = SliceReader::new(rest).expect("short");
        let Ok(element) = AnyRef::decode(&mut reader) else {
            text.push_str("no element\n");
            return;
        };
        let tag = rest[0];
        text.push_str(&format!("{depth} {tag:02X}"));
        // Identifiers, paths, AIDs. One byte this deep is the padChar of a PIN, which is a value.
        let is_pad = depth == 3 && tag == 0x04 && element.value().len() == 1;
        let names = matches!(tag, 0x04 | 0x4F | 0x51) && element.value().len() < 20;
        if depth > 0 && names && !is_pad {
            text.push_str(&format!(" {:02X?}", element.value()));
        }
        text.push('\n');
        if element.tag().is_constructed() && depth < 12 {
            walk(element.value(), depth + 1, text);
        }
        let read = usize::try_from(reader.position()).expect("small");
        rest = &rest[read..];
    }
}

/// The paths in a directory: the OCTET STRINGs that begin with 3F00, in the order of the file.
pub fn paths(directory: &[u8]) -> Vec<Vec<u16>> {
    let mut text = String::new();
    walk(directory, 0, &mut text);
    text.lines()
        .filter_map(|line| line.split_once(" 04 [")?.1.strip_suffix(']'))
        .filter(|bytes| bytes.starts_with("3F, 00"))
        .map(|bytes| {
            let bytes: Vec<_> = bytes
                .split(", ")
                .filter_map(|byte| u8::from_str_radix(byte, 16).ok())
                .collect();
            damage::below_master_file(&bytes.into())
        })
        .collect()
}
