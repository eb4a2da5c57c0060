//! CREATE FILE (ISO/IEC 7816-9 §5.1): an FCP template, tag 62 or 6F, in the data field.

use std::collections::VecDeque;

use kortlab_apdu::tlv::{Reader, read_one};
use kortlab_apdu::{Command, StatusWord};

use super::done;
use super::expect::expect_p1_p2;
use crate::fs::information::{DF, KEY_FILE, PIN_FILE, SHAREABLE};
use crate::fs::limits::{MAX_DEPTH, MAX_FILES, MAX_RECORD_LENGTH, MAX_RECORDS, MAX_SIZE};
use crate::fs::{Body, Fid, File, FileSystem, LifeCycle, Records, Structure};
use crate::memory::Write;
use crate::os::session::Selection;
use crate::os::{Answer, Context};
use crate::security::Operation;

/// Creates a file in the current DF and selects it. It takes the DF's condition "create an EF" or
/// "create a DF".
///
/// Read of the template: 80 or else 81 size, 82 descriptor (00 is taken as transparent), 83 FID, 84
/// DF name, A5 proprietary, 86 access conditions, 88 SFI, 8A life cycle status (of several
/// bytes the first). Other objects are ignored, except security attributes in other codings,
/// which are refused, since ignoring them would leave the file open.
///
/// `6A80`: a template that is malformed or says what this card does not have. `6A88`: access
/// conditions that name a PIN that is not there. `6A89`, `6A8A`: the FID or the DF name is taken.
/// `6A84`: no room.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    expect_p1_p2(command, 0)?;
    let template = Template::parse(command.data())?;
    let df = context.session.selection.df;
    let mut file = template.into_file(context)?;
    file.parent = Some(df);
    let operation = if file.is_df() {
        Operation::CreateDf
    } else {
        Operation::CreateEf
    };
    context.authorise(df, operation)?;
    check(context, &file)?;
    let fid = file.fid;
    let is_df = file.is_df();
    context.memory.apply(Write::Create {
        file: Box::new(file),
    })?;
    if let Some(id) = context.files().child(df, fid) {
        context.select(if is_df {
            Selection::df(id)
        } else {
            Selection::ef(df, id)
        });
    }
    done()
}

/// What stands in the way of this file in its DF.
fn check(context: &Context<'_>, file: &File) -> Result<(), StatusWord> {
    let files = context.files();
    let df = context.session.selection.df;
    if files.child(df, file.fid).is_some() {
        return Err(StatusWord::FILE_EXISTS);
    }
    if let Some(name) = file.name() {
        let taken = files
            .subtree(FileSystem::MASTER_FILE)
            .into_iter()
            .filter_map(|id| files.get(id))
            .any(|other| other.name() == Some(name));
        if taken {
            return Err(StatusWord::DF_NAME_EXISTS);
        }
    }
    let state = context.memory.state();
    if file.access.pins().any(|pin| state.pin_index(pin).is_none()) {
        return Err(StatusWord::REFERENCE_NOT_FOUND);
    }
    if files.len() >= MAX_FILES || files.depth(df) >= MAX_DEPTH {
        return Err(StatusWord::NOT_ENOUGH_MEMORY);
    }
    Ok(())
}

/// The objects of the template that matter.
#[derive(Default)]
struct Template<'a> {
    size: Option<&'a [u8]>,
    total_size: Option<&'a [u8]>,
    descriptor: Option<&'a [u8]>,
    fid: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    proprietary: Option<&'a [u8]>,
    access: Option<&'a [u8]>,
    sfi: Option<&'a [u8]>,
    life_cycle: Option<&'a [u8]>,
}

impl<'a> Template<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, StatusWord> {
        let outer = read_one(data).map_err(|_| StatusWord::WRONG_DATA)?;
        let whole = outer.raw.len() == data.len();
        if !whole || !matches!(outer.tag.value(), 0x62 | 0x6F) {
            return Err(StatusWord::WRONG_DATA);
        }
        let mut template = Self::default();
        for object in Reader::new(outer.value) {
            let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
            let place = match object.tag.value() {
                0x80 => &mut template.size,
                0x81 => &mut template.total_size,
                0x82 => &mut template.descriptor,
                0x83 => &mut template.fid,
                0x84 => &mut template.name,
                0xA5 => &mut template.proprietary,
                0x86 => &mut template.access,
                0x88 => &mut template.sfi,
                0x8A => &mut template.life_cycle,
                0x8B | 0x8C | 0x8E | 0xA0 | 0xA1 | 0xAB | 0xAD => {
                    return Err(StatusWord::WRONG_DATA);
                }
                _ => continue,
            };
            if place.replace(object.value).is_some() {
                return Err(StatusWord::WRONG_DATA);
            }
        }
        Ok(template)
    }

    fn into_file(self, context: &Context<'_>) -> Result<File, StatusWord> {
        let fid = match self.fid {
            Some(&[high, low]) => Fid::from([high, low]),
            _ => return Err(StatusWord::WRONG_DATA),
        };
        let attributes = [self.access, self.proprietary];
        let too_long = attributes.iter().flatten().any(|value| value.len() > 255);
        if too_long || !fid.is_free_for_use() {
            return Err(StatusWord::WRONG_DATA);
        }
        let access = context
            .application()
            .access(self.access.unwrap_or_default());
        let (&descriptor, more) = self
            .descriptor
            .and_then(<[u8]>::split_first)
            .ok_or(StatusWord::WRONG_DATA)?;
        let is_df = descriptor == DF;
        let misplaced = if is_df { self.sfi } else { self.name };
        if misplaced.is_some() {
            return Err(StatusWord::WRONG_DATA);
        }
        let mut file = File {
            fid,
            parent: None,
            application: context.files().application(context.current_df()),
            label: None,
            life_cycle: self.life_cycle()?,
            access: access.map_err(|_| StatusWord::WRONG_DATA)?,
            access_raw: self.access.map(<[u8]>::to_vec),
            proprietary: self.proprietary.map(<[u8]>::to_vec),
            shareable: !is_df && descriptor & SHAREABLE != 0,
            sfi: self.sfi()?,
            data_coding: None,
            recorded: None,
            body: Body::Transparent(Vec::new()),
        };
        let size = self.size()?;
        let descriptor = if is_df { DF } else { descriptor & !SHAREABLE };
        file.body = match descriptor {
            DF => Body::Df {
                name: self.name()?,
                application: None,
                objects: Vec::new(),
                children: Vec::new(),
            },
            KEY_FILE => Body::Key {
                size: size.filter(|&size| size > 0),
                key: None,
            },
            0x00 | 0x01 => {
                let size = size.ok_or(StatusWord::WRONG_DATA)?;
                if size > MAX_SIZE {
                    return Err(StatusWord::NOT_ENOUGH_MEMORY);
                }
                file.data_coding = more.first().copied();
                let size = usize::try_from(size).map_err(|_| StatusWord::NOT_ENOUGH_MEMORY)?;
                Body::Transparent(vec![file.erased_byte(); size])
            }
            0x02..=0x07 => {
                let (coding, records) = records(descriptor, more, size)?;
                file.data_coding = Some(coding);
                Body::Records(records)
            }
            // PIN files come with the card: there is no command that would fill one.
            PIN_FILE => return Err(StatusWord::FUNCTION_NOT_SUPPORTED),
            _ => return Err(StatusWord::WRONG_DATA),
        };
        Ok(file)
    }

    fn size(&self) -> Result<Option<u32>, StatusWord> {
        match self.size.or(self.total_size) {
            None => Ok(None),
            Some(bytes @ [_, ..]) if bytes.len() <= 4 => Ok(Some(
                bytes
                    .iter()
                    .fold(0, |size, &byte| size << 8 | u32::from(byte)),
            )),
            Some(_) => Err(StatusWord::WRONG_DATA),
        }
    }

    fn name(&self) -> Result<Option<Vec<u8>>, StatusWord> {
        match self.name {
            None => Ok(None),
            Some(name) if (1..=16).contains(&name.len()) => Ok(Some(name.to_vec())),
            Some(_) => Err(StatusWord::WRONG_DATA),
        }
    }

    /// Absent: the low bits of the FID; empty: none; else in bits 8 to 4.
    fn sfi(&self) -> Result<Option<u8>, StatusWord> {
        match self.sfi {
            None => Ok(None),
            Some([]) => Ok(Some(0)),
            Some(&[byte]) if byte & 0x07 == 0 && (1..=30).contains(&(byte >> 3)) => {
                Ok(Some(byte >> 3))
            }
            Some(_) => Err(StatusWord::WRONG_DATA),
        }
    }

    fn life_cycle(&self) -> Result<LifeCycle, StatusWord> {
        match self.life_cycle {
            // 00: no information given (ISO/IEC 7816-4 table 14).
            None | Some([0x00, ..]) => Ok(LifeCycle::Activated),
            Some(&[byte, ..]) => LifeCycle::from_byte(byte)
                .filter(|&status| status != LifeCycle::Terminated)
                .ok_or(StatusWord::WRONG_DATA),
            Some([]) => Err(StatusWord::WRONG_DATA),
        }
    }
}

/// The rest of the descriptor of an EF of records: data coding byte, record length in one or two
/// bytes, number of records in one or two.
fn records(descriptor: u8, more: &[u8], size: Option<u32>) -> Result<(u8, Records), StatusWord> {
    let (coding, record_length, record_count) = match *more {
        [coding, length] => (coding, u16::from(length), None),
        [coding, high, low] => (coding, u16::from_be_bytes([high, low]), None),
        [coding, high, low, count] => (
            coding,
            u16::from_be_bytes([high, low]),
            Some(u16::from(count)),
        ),
        [coding, high, low, more, count] => (
            coding,
            u16::from_be_bytes([high, low]),
            Some(u16::from_be_bytes([more, count])),
        ),
        _ => return Err(StatusWord::WRONG_DATA),
    };
    if !(1..=MAX_RECORD_LENGTH).contains(&record_length) {
        return Err(StatusWord::WRONG_DATA);
    }
    let structure = match descriptor {
        0x02 | 0x03 => Structure::LinearFixed,
        0x04 | 0x05 => Structure::LinearVariable,
        _ => Structure::Cyclic,
    };
    let by_size = size.map(|size| (size / u32::from(record_length)).min(u32::from(MAX_RECORDS)));
    let record_count = record_count
        .or(by_size.and_then(|count| u16::try_from(count).ok()))
        .filter(|count| (1..=MAX_RECORDS).contains(count))
        .ok_or(StatusWord::WRONG_DATA)?;
    let all = u32::from(record_length) * u32::from(record_count);
    let size = match structure {
        Structure::LinearVariable => size.unwrap_or(all).min(0xFFFF),
        Structure::LinearFixed | Structure::Cyclic => all,
    };
    Ok((
        coding,
        Records {
            structure,
            tlv: descriptor & 0x01 != 0,
            record_length,
            record_count,
            size,
            records: VecDeque::new(),
        },
    ))
}
