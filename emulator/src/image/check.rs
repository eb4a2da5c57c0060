//! Whether what an image says fits together.

use std::collections::HashSet;

use super::{
    DataObjectImage, Fid, FileImage, FileKind, Image, ImageError, LifeCycle, MAX_CAPACITY,
    PinImage, RsaKeyImage,
};
use crate::security::Access;

/// How many DFs may stand around a file, the MF included.
pub(crate) const MAX_DEPTH: usize = 8;
/// How many files a card may have.
pub(crate) const MAX_FILES: usize = 4096;
/// The longest record: what a short READ RECORD can give.
pub(crate) const MAX_RECORD_LENGTH: u16 = 255;
/// The most records of an EF: record numbers are 01 to FE.
pub(crate) const MAX_RECORDS: u16 = 254;
/// The largest transparent EF: READ BINARY has 15 bits of offset.
const MAX_SIZE: u32 = 0x8000;
const MAX_TEXT: usize = 256;

type Check = Result<(), ImageError>;

/// Checks an image, all but its capacity; see [`Image::check`].
pub(crate) fn check(image: &Image) -> Check {
    if !(2..=33).contains(&image.atr.0.len()) {
        return fail("$.atr", "an ATR has 2 to 33 bytes");
    }
    if image.serial.is_empty() || image.serial.len() > MAX_TEXT {
        return fail("$.serial", "must have 1 to 256 characters");
    }
    if image.capacity > MAX_CAPACITY {
        return fail("$.capacity", &format!("at most {MAX_CAPACITY} bytes"));
    }
    if !matches!(
        image.life_cycle,
        LifeCycle::Activated | LifeCycle::Terminated
    ) {
        return fail("$.life_cycle", "a card is activated or terminated");
    }
    let mut references = HashSet::new();
    for (index, pin) in image.pins.iter().enumerate() {
        check_pin(pin, &format!("$.pins[{index}]"))?;
        if !references.insert(pin.reference.0) {
            return fail(
                &format!("$.pins[{index}].reference"),
                &format!("reference {} is there twice", pin.reference),
            );
        }
    }
    for (index, pin) in image.pins.iter().enumerate() {
        let path = format!("$.pins[{index}].unblocked_by");
        match pin.unblocked_by {
            Some(puk) if !references.contains(&puk.0) => {
                return fail(&path, &format!("there is no PIN with reference {puk}"));
            }
            Some(puk) if puk == pin.reference => {
                return fail(&path, "a PIN cannot unblock itself");
            }
            _ => {}
        }
    }
    let mut tags = HashSet::new();
    for (index, object) in image.data_objects.iter().enumerate() {
        let path = format!("$.data_objects[{index}]");
        check_data_object(object, &path, &references)?;
        if !tags.insert(object.tag) {
            return fail(
                &format!("{path}.tag"),
                &format!("tag {} is there twice", object.tag),
            );
        }
    }
    let mut files = Files {
        pins: &references,
        names: HashSet::new(),
        count: 0,
    };
    let master = &image.master_file;
    if master.fid != Fid::MASTER_FILE {
        return fail("$.master_file.fid", "the master file is 3F00");
    }
    if master.kind != FileKind::Df {
        return fail("$.master_file.kind", "the master file is a df");
    }
    files.check(master, "$.master_file", 0)
}

struct Files<'a> {
    pins: &'a HashSet<u8>,
    names: HashSet<&'a [u8]>,
    count: usize,
}

impl<'a> Files<'a> {
    /// Recursive down to [`MAX_DEPTH`].
    fn check(&mut self, file: &'a FileImage, path: &str, depth: usize) -> Check {
        self.count += 1;
        if self.count > MAX_FILES {
            return fail(path, &format!("a card has at most {MAX_FILES} files"));
        }
        if depth > MAX_DEPTH {
            return fail(path, &format!("DFs nest at most {MAX_DEPTH} deep"));
        }
        if let Some(access) = &file.access {
            check_access(&access.0, &format!("{path}.access"), self.pins)?;
        }
        check_text(file.label.as_deref(), &format!("{path}.label"))?;
        if file.proprietary.as_ref().is_some_and(|v| v.0.len() > 255) {
            return fail(&format!("{path}.proprietary"), "at most 255 bytes");
        }
        check_fields(file, path)?;
        match file.kind {
            FileKind::Df => self.check_df(file, path, depth),
            FileKind::Transparent => check_transparent(file, path),
            FileKind::LinearFixed | FileKind::LinearVariable | FileKind::Cyclic => {
                check_records(file, path)
            }
            FileKind::RsaKey => file
                .key
                .as_ref()
                .map_or(Ok(()), |key| check_key(key, &format!("{path}.key"))),
        }
    }

    fn check_df(&mut self, df: &'a FileImage, path: &str, depth: usize) -> Check {
        if let Some(name) = &df.name {
            let path = format!("{path}.name");
            if !(1..=16).contains(&name.0.len()) {
                return fail(&path, "a DF name has 1 to 16 bytes");
            }
            if !self.names.insert(name.as_slice()) {
                return fail(&path, "another DF has the same name");
            }
        }
        let mut fids = HashSet::new();
        for (index, child) in df.files.as_deref().unwrap_or_default().iter().enumerate() {
            let path = format!("{path}.files[{index}]");
            if !child.fid.is_free_for_use() {
                return fail(
                    &format!("{path}.fid"),
                    "0000, 3F00, 3FFF and FFFF are reserved (ISO/IEC 7816-4)",
                );
            }
            if !fids.insert(child.fid) {
                return fail(
                    &format!("{path}.fid"),
                    &format!("file {} is there twice in this DF", child.fid),
                );
            }
            self.check(child, &path, depth + 1)?;
        }
        Ok(())
    }
}

/// Refuses the fields that do not belong to the kind of file.
fn check_fields(file: &FileImage, path: &str) -> Check {
    use FileKind as K;
    let kind = file.kind;
    let records = matches!(kind, K::LinearFixed | K::LinearVariable | K::Cyclic);
    let sized = matches!(kind, K::Transparent | K::LinearVariable | K::RsaKey);
    let coded = records || kind == K::Transparent;
    let fields = [
        ("name", file.name.is_some(), kind == K::Df),
        ("files", file.files.is_some(), kind == K::Df),
        ("shareable", file.shareable, kind != K::Df),
        ("sfi", file.sfi.is_some(), kind != K::Df),
        ("data_coding", file.data_coding.is_some(), coded),
        ("size", file.size.is_some(), sized),
        ("data", file.data.is_some(), kind == K::Transparent),
        ("record_length", file.record_length.is_some(), records),
        ("record_count", file.record_count.is_some(), records),
        ("record_tlv", file.record_tlv, records),
        ("records", file.records.is_some(), records),
        ("key", file.key.is_some(), kind == K::RsaKey),
    ];
    for (name, present, allowed) in fields {
        if present && !allowed {
            let kind = kind_name(kind);
            return fail(
                &format!("{path}.{name}"),
                &format!("a file of kind {kind} has no such field"),
            );
        }
    }
    let required = [
        ("files", file.files.is_some(), kind == K::Df),
        (
            "size",
            file.size.is_some(),
            matches!(kind, K::Transparent | K::LinearVariable),
        ),
        ("record_length", file.record_length.is_some(), records),
        ("record_count", file.record_count.is_some(), records),
    ];
    for (name, present, needed) in required {
        if needed && !present {
            let kind = kind_name(kind);
            return fail(
                path,
                &format!("a file of kind {kind} needs the field {name}"),
            );
        }
    }
    if file.sfi.is_some_and(|sfi| sfi > 30) {
        return fail(&format!("{path}.sfi"), "0 (none) to 30");
    }
    Ok(())
}

fn check_transparent(file: &FileImage, path: &str) -> Check {
    let size = file.size.unwrap_or(0);
    if size > MAX_SIZE {
        return fail(&format!("{path}.size"), &format!("at most {MAX_SIZE}"));
    }
    let length = file.data.as_ref().map_or(0, |data| data.0.len());
    if length > usize::try_from(size).unwrap_or(usize::MAX) {
        return fail(
            &format!("{path}.data"),
            &format!("{length} bytes, but the file has a size of {size}"),
        );
    }
    Ok(())
}

fn check_records(file: &FileImage, path: &str) -> Check {
    let record_length = file.record_length.unwrap_or(0);
    let record_count = file.record_count.unwrap_or(0);
    if !(1..=MAX_RECORD_LENGTH).contains(&record_length) {
        return fail(
            &format!("{path}.record_length"),
            &format!("1 to {MAX_RECORD_LENGTH}"),
        );
    }
    if !(1..=MAX_RECORDS).contains(&record_count) {
        return fail(
            &format!("{path}.record_count"),
            &format!("1 to {MAX_RECORDS}"),
        );
    }
    if file.size.is_some_and(|size| size > 0xFFFF) {
        return fail(&format!("{path}.size"), "at most 65535");
    }
    let records = file.records.as_deref().unwrap_or_default();
    if records.len() > usize::from(record_count) {
        return fail(
            &format!("{path}.records"),
            &format!("{} records, but at most {record_count}", records.len()),
        );
    }
    let fixed = file.kind != FileKind::LinearVariable;
    for (index, record) in records.iter().enumerate() {
        let path = format!("{path}.records[{index}]");
        let length = record.0.len();
        if fixed && length != usize::from(record_length) {
            return fail(
                &path,
                &format!("{length} bytes, but each record has {record_length}"),
            );
        }
        if length == 0 || length > usize::from(record_length) {
            return fail(&path, &format!("{length} bytes, not 1 to {record_length}"));
        }
    }
    let total: usize = records.iter().map(|record| record.0.len()).sum();
    if let Some(size) = file.size
        && total > usize::try_from(size).unwrap_or(usize::MAX)
    {
        return fail(
            &format!("{path}.records"),
            &format!("{total} bytes in all, but the file has a size of {size}"),
        );
    }
    Ok(())
}

/// The shape of the numbers; whether they are a key pair is for the cryptography to say.
fn check_key(key: &RsaKeyImage, path: &str) -> Check {
    let bits = key.bits();
    if !(512..=4096).contains(&bits) {
        return fail(
            &format!("{path}.n"),
            &format!("a modulus of {bits} bits; 512 to 4096 are supported"),
        );
    }
    if !bits.is_multiple_of(8) || key.n.0.len() != bits / 8 {
        return fail(
            &format!("{path}.n"),
            "whole bytes without leading zeros are needed",
        );
    }
    let limit = key.n.0.len();
    let numbers = [
        ("e", key.e.as_slice()),
        ("d", key.d.as_slice()),
        ("p", key.p.as_slice()),
        ("q", key.q.as_slice()),
    ];
    for (name, number) in numbers {
        if number.is_empty() || number.len() > limit || number.iter().all(|&byte| byte == 0) {
            return fail(
                &format!("{path}.{name}"),
                &format!("a number of 1 to {limit} bytes, not zero, is needed"),
            );
        }
    }
    Ok(())
}

fn check_pin(pin: &PinImage, path: &str) -> Check {
    if matches!(pin.reference.0, 0x00 | 0x80) {
        return fail(
            &format!("{path}.reference"),
            "00 and 80 mean \"no reference\" (ISO/IEC 7816-4)",
        );
    }
    check_text(Some(&pin.label), &format!("{path}.label"))?;
    if pin.stored_length == 0 || pin.stored_length > 64 {
        return fail(&format!("{path}.stored_length"), "1 to 64");
    }
    if pin.max_length > pin.stored_length {
        return fail(&format!("{path}.max_length"), "more than stored_length");
    }
    if pin.min_length == 0 || pin.min_length > pin.max_length {
        return fail(&format!("{path}.min_length"), "1 to max_length");
    }
    if pin.encoding.allows(pin.pad.0) && pin.min_length != pin.stored_length {
        return fail(
            &format!("{path}.pad"),
            "a character of the encoding cannot pad",
        );
    }
    let value = pin.value.as_bytes();
    let lengths = usize::from(pin.min_length)..=usize::from(pin.max_length);
    if !lengths.contains(&value.len()) {
        return fail(
            &format!("{path}.value"),
            &format!(
                "{} characters, not {} to {}",
                value.len(),
                pin.min_length,
                pin.max_length
            ),
        );
    }
    if !value.iter().all(|&byte| pin.encoding.allows(byte)) {
        return fail(
            &format!("{path}.value"),
            "a character that the encoding does not have",
        );
    }
    if !(1..=15).contains(&pin.tries_max) {
        return fail(&format!("{path}.tries_max"), "1 to 15");
    }
    if pin.tries_left > pin.tries_max {
        return fail(&format!("{path}.tries_left"), "more than tries_max");
    }
    Ok(())
}

fn check_data_object(object: &DataObjectImage, path: &str, pins: &HashSet<u8>) -> Check {
    if object.value.0.len() > 0x7FFF {
        return fail(&format!("{path}.value"), "at most 32767 bytes");
    }
    object.access.as_ref().map_or(Ok(()), |access| {
        check_access(&access.0, &format!("{path}.access"), pins)
    })
}

fn check_access(bytes: &[u8], path: &str, pins: &HashSet<u8>) -> Check {
    if bytes.len() > 255 {
        return fail(path, "at most 255 bytes");
    }
    let access =
        Access::parse(bytes).map_err(|error| ImageError::inconsistent(path, error.to_string()))?;
    match access.pins().find(|pin| !pins.contains(pin)) {
        Some(pin) => fail(path, &format!("there is no PIN with reference {pin:02X}")),
        None => Ok(()),
    }
}

fn check_text(text: Option<&str>, path: &str) -> Check {
    match text {
        Some(text) if text.len() > MAX_TEXT => fail(path, "at most 256 bytes of text"),
        _ => Ok(()),
    }
}

const fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Df => "df",
        FileKind::Transparent => "transparent",
        FileKind::LinearFixed => "linear-fixed",
        FileKind::LinearVariable => "linear-variable",
        FileKind::Cyclic => "cyclic",
        FileKind::RsaKey => "rsa-key",
    }
}

fn fail(path: &str, what: &str) -> Check {
    Err(ImageError::inconsistent(path, what))
}
