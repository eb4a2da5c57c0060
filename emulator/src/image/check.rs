//! Whether what an image says fits together.

use std::collections::HashSet;

use kortlab_apdu::Atr;

use super::copied::{check_objects, check_provenance, check_recorded};
use super::known::{Known, access};
use super::{
    DataObjectImage, DfImage, FileContent, FileImage, Image, ImageError, MAX_CAPACITY, PinImage,
    ProtocolName, RecordStructure, RecordsImage, TransparentImage,
};
use crate::crypto::KeyFault;
use crate::fs::limits::{MAX_DEPTH, MAX_FILES, MAX_RECORD_LENGTH, MAX_RECORDS, MAX_SIZE};
use crate::fs::{Fid, LifeCycle};
use crate::os::Application;

const MAX_TEXT: usize = 256;

/// What the MF must be.
pub(super) const MASTER_FILE_IS_A_DF: &str = "the master file is a df";

pub(super) type Check = Result<(), ImageError>;

/// Checks an image, all but its capacity; see [`Image::check`].
pub(crate) fn check(image: &Image, applications: &Known<'_>) -> Check {
    if !(2..=33).contains(&image.atr.0.len()) {
        return fail("$.atr", "an ATR has 2 to 33 bytes");
    }
    check_protocol(image)?;
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
    check_name(&image.model.0, "$.model")?;
    if let Some(provenance) = &image.provenance {
        check_provenance(provenance, "$.provenance")?;
    }
    let master = &image.master_file;
    let application = applications.of(master, None, "$.master_file")?;
    let mut references = HashSet::new();
    for (index, pin) in image.pins.iter().enumerate() {
        check_pin(pin, &format!("$.pins[{index}]"), application)?;
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
        check_data_object(object, &path, &references, application)?;
        if !tags.insert(object.tag) {
            return fail(
                &format!("{path}.tag"),
                &format!("tag {} is there twice", object.tag),
            );
        }
    }
    let mut files = Files {
        applications,
        pins: &references,
        names: HashSet::new(),
        count: 0,
    };
    if master.fid != Fid::MASTER_FILE {
        return fail("$.master_file.fid", "the master file is 3F00");
    }
    if master.as_df().is_none() {
        return fail("$.master_file.kind", MASTER_FILE_IS_A_DF);
    }
    files.check(master, None, "$.master_file", 0)
}

/// Checks that the primes of every key are primes, and that its numbers belong together: with others the
/// card would give out numbers that nothing verifies. Apart from [`check`], because it takes far longer.
pub(crate) fn check_primes(image: &Image) -> Check {
    /// Recursive down to [`MAX_DEPTH`], which was checked.
    fn walk(file: &FileImage, path: &str) -> Check {
        if let FileContent::Key(ef) = &file.content
            && let Some(key) = &ef.key
        {
            key_fault(key.check_primes(), path)?;
        }
        for (index, child) in file.files().iter().enumerate() {
            walk(child, &format!("{path}.files[{index}]"))?;
        }
        Ok(())
    }
    walk(&image.master_file, "$.master_file")
}

/// Checks that the ATR offers the protocol that the image names: a reader would speak another one
/// with the card. An ATR that cannot be read at all is kept: broken ones are for tests.
fn check_protocol(image: &Image) -> Check {
    let Ok(atr) = Atr::parse(&image.atr.0) else {
        return Ok(());
    };
    let offered: Vec<u8> = match atr.specific_mode() {
        Some(mode) => vec![mode.protocol],
        None => atr.offered_protocols(),
    };
    let wanted = match image.protocol {
        ProtocolName::T0 => 0,
        ProtocolName::T1 => 1,
    };
    if offered.contains(&wanted) {
        return Ok(());
    }
    let list: Vec<_> = offered.iter().map(|t| format!("T={t}")).collect();
    let what = format!(
        "the protocol is T={wanted}, but the ATR offers {} only: change one of the two",
        list.join(" and ")
    );
    fail("$.atr", &what)
}

struct Files<'a> {
    applications: &'a Known<'a>,
    pins: &'a HashSet<u8>,
    names: HashSet<&'a [u8]>,
    count: usize,
}

impl<'a> Files<'a> {
    /// Recursive down to [`MAX_DEPTH`].
    fn check(
        &mut self,
        file: &'a FileImage,
        around: Option<Option<&'static dyn Application>>,
        path: &str,
        depth: usize,
    ) -> Check {
        self.count += 1;
        if self.count > MAX_FILES {
            return fail(path, &format!("a card has at most {MAX_FILES} files"));
        }
        if depth > MAX_DEPTH {
            return fail(path, &format!("DFs nest at most {MAX_DEPTH} deep"));
        }
        let application = self.applications.of(file, around, path)?;
        if let Some(access) = &file.access {
            check_access(&access.0, &format!("{path}.access"), self.pins, application)?;
        }
        check_text(file.label.as_deref(), &format!("{path}.label"))?;
        if let Some(recorded) = &file.recorded {
            check_recorded(recorded, file.kind(), &format!("{path}.recorded"))?;
        }
        if file.proprietary.as_ref().is_some_and(|v| v.0.len() > 255) {
            return fail(&format!("{path}.proprietary"), "at most 255 bytes");
        }
        let (_, sfi, _) = file.ef_fields();
        if sfi.is_some_and(|sfi| sfi > 30) {
            return fail(&format!("{path}.sfi"), "0 (none) to 30");
        }
        match &file.content {
            FileContent::Df(df) => self.check_df(df, application, path, depth),
            FileContent::Transparent(ef) => check_transparent(ef, path),
            FileContent::Records(ef) => check_records(ef, path),
            FileContent::Key(ef) => {
                let key = ef.key.as_ref();
                key.map_or(Ok(()), |key| key_fault(key.check(), path))
            }
        }
    }

    fn check_df(
        &mut self,
        df: &'a DfImage,
        application: Option<&'static dyn Application>,
        path: &str,
        depth: usize,
    ) -> Check {
        if let Some(name) = &df.application {
            check_name(name, &format!("{path}.application"))?;
        }
        if let Some(name) = &df.name {
            let path = format!("{path}.name");
            if !(1..=16).contains(&name.0.len()) {
                return fail(&path, "a DF name has 1 to 16 bytes");
            }
            if !self.names.insert(name.as_slice()) {
                return fail(&path, "another DF has the same name");
            }
        }
        check_objects(&df.objects, path)?;
        let mut fids = HashSet::new();
        for (index, child) in df.files.iter().enumerate() {
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
            self.check(child, Some(application), &path, depth + 1)?;
        }
        Ok(())
    }
}

fn check_transparent(file: &TransparentImage, path: &str) -> Check {
    let size = file.size;
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

fn check_records(file: &RecordsImage, path: &str) -> Check {
    let (record_length, record_count) = (file.record_length, file.record_count);
    let size = file.structure.size();
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
    if size.is_some_and(|size| size > 0xFFFF) {
        return fail(&format!("{path}.size"), "at most 65535");
    }
    let records = file.records.as_deref().unwrap_or_default();
    if records.len() > usize::from(record_count) {
        return fail(
            &format!("{path}.records"),
            &format!("{} records, but at most {record_count}", records.len()),
        );
    }
    let fixed = !matches!(file.structure, RecordStructure::LinearVariable { .. });
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
    if let Some(size) = size
        && total > usize::try_from(size).unwrap_or(usize::MAX)
    {
        return fail(
            &format!("{path}.records"),
            &format!("{total} bytes in all, but the file has a size of {size}"),
        );
    }
    Ok(())
}

/// What is wrong with the numbers of a key, at their place.
fn key_fault(checked: Result<(), KeyFault>, path: &str) -> Check {
    checked.map_err(|fault| {
        ImageError::inconsistent(format!("{path}.key.{}", fault.number), fault.what)
    })
}

fn check_pin(pin: &PinImage, path: &str, application: Option<&'static dyn Application>) -> Check {
    let reference = pin.reference.0;
    if application.is_some_and(|application| !application.has_pin_reference(reference)) {
        return fail(
            &format!("{path}.reference"),
            &format!(
                "{} means \"no reference\" to this card's application",
                pin.reference
            ),
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
    if value.is_empty() {
        // Not known: the card takes nothing for it.
        return check_tries(pin, path);
    }
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
    check_tries(pin, path)
}

fn check_tries(pin: &PinImage, path: &str) -> Check {
    if !(1..=15).contains(&pin.tries_max) {
        return fail(&format!("{path}.tries_max"), "1 to 15");
    }
    if pin.tries_left > pin.tries_max {
        return fail(&format!("{path}.tries_left"), "more than tries_max");
    }
    Ok(())
}

fn check_data_object(
    object: &DataObjectImage,
    path: &str,
    pins: &HashSet<u8>,
    application: Option<&'static dyn Application>,
) -> Check {
    if object.value.0.len() > 0x7FFF {
        return fail(&format!("{path}.value"), "at most 32767 bytes");
    }
    object.access.as_ref().map_or(Ok(()), |access| {
        check_access(&access.0, &format!("{path}.access"), pins, application)
    })
}

fn check_access(
    bytes: &[u8],
    path: &str,
    pins: &HashSet<u8>,
    application: Option<&'static dyn Application>,
) -> Check {
    if bytes.len() > 255 {
        return fail(path, "at most 255 bytes");
    }
    let access = access(application, bytes)
        .map_err(|error| ImageError::inconsistent(path, error.to_string()))?;
    match access.pins().find(|pin| !pins.contains(pin)) {
        Some(pin) => fail(path, &format!("there is no PIN with reference {pin:02X}")),
        None => Ok(()),
    }
}

/// A name in the image: of a model, of an application.
fn check_name(name: &str, path: &str) -> Check {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    fail(path, "a name has 1 to 64 characters, a to z, 0 to 9 and -")
}

fn check_text(text: Option<&str>, path: &str) -> Check {
    match text {
        Some(text) if text.len() > MAX_TEXT => fail(path, "at most 256 bytes of text"),
        _ => Ok(()),
    }
}

pub(super) fn fail(path: &str, what: &str) -> Check {
    Err(ImageError::inconsistent(path, what))
}
