//! One file for the image, as far as its description and content are known.

use kortlab_apdu::fcp::{Fcp, FileDescriptor, FileKind, ShortEfId, Structure};
use kortlab_emulator::Application as _;
use kortlab_emulator::applications::eid;
use kortlab_emulator::fs::limits;
use kortlab_emulator::image::{
    DfImage, FileContent, FileImage, HexByte, HexBytes, KeyFileImage, LifeCycle, RecordStructure,
    Recorded, RecordsImage, Refusal, TransparentImage, Unreadable,
};

use super::tree::{Body, Found};

/// The most bytes of tags 86 and A5 in an image.
const MAX_ATTRIBUTE: usize = 255;
/// The longest DF name.
const MAX_NAME: usize = 16;

/// The file for the image; `is_df` if something is in it, whatever the card says. `room` is how many
/// bytes there are for sizes that the card claims and nobody has seen.
pub(super) fn file(
    fid: u16,
    found: &Found,
    is_df: bool,
    is_eid: bool,
    room: &mut usize,
) -> FileImage {
    let fcp = found.info.fcp.clone().unwrap_or_default();
    let content = match &found.body {
        _ if is_df => df(&fcp),
        Body::Df => df(&fcp),
        Body::Transparent { data, ended } => {
            let claimed = ended.and(found.info.size());
            transparent(&fcp, data, claimed, room)
        }
        Body::Records { records, .. } => self::records(&fcp, records),
        Body::Internal => FileContent::Key(KeyFileImage {
            shareable: is_shareable(&fcp),
            sfi: sfi(&fcp),
            size: fcp
                .size()
                .and_then(|size| u32::try_from(size).ok())
                .filter(|&size| size > 0),
            key: None,
        }),
        Body::Unknown => transparent(&fcp, &[], None, room),
    };
    let mut image = FileImage::new(fid, content);
    image.life_cycle = life_cycle(&fcp);
    let security = fcp
        .security
        .filter(|raw| is_eid && eid::APPLICATION.access(raw).is_ok());
    let attribute = |value: Option<Vec<u8>>| {
        let value = value.filter(|value| value.len() <= MAX_ATTRIBUTE);
        value.map(HexBytes)
    };
    image.access = attribute(security);
    image.proprietary = attribute(fcp.proprietary_objects);
    image.recorded = recorded(found);
    image
}

/// What of the card's answers the file alone does not say.
fn recorded(found: &Found) -> Option<Box<Recorded>> {
    let unreadable = match &found.body {
        Body::Transparent {
            data,
            ended: Some(status),
        } => Refusal::new(*status).map(|status| Unreadable {
            from: u32::try_from(data.len()).unwrap_or(u32::MAX),
            status,
        }),
        Body::Records {
            records,
            ended: Some(status),
        } => Refusal::new(*status).map(|status| Unreadable {
            from: u32::try_from(records.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            status,
        }),
        _ => None,
    };
    let recorded = Recorded {
        answer: None,
        unasked: found.unasked,
        objects_unasked: false,
        file_system: false,
        select: found.refused.and_then(Refusal::new),
        unreadable,
        public_key: found
            .public
            .as_ref()
            .and_then(|told| told.as_ref().ok())
            .map(|told| told.as_slice().into()),
    };
    (!recorded.is_empty()).then(|| Box::new(recorded))
}

fn df(fcp: &Fcp) -> FileContent {
    let name = fcp.df_names.first();
    let name = name.filter(|name| (1..=MAX_NAME).contains(&name.len()));
    FileContent::Df(DfImage {
        name: name.map(|name| name.as_slice().into()),
        ..DfImage::default()
    })
}

fn transparent(fcp: &Fcp, data: &[u8], claimed: Option<usize>, room: &mut usize) -> FileContent {
    let coding = fcp
        .descriptor
        .as_ref()
        .and_then(FileDescriptor::data_coding);
    let unseen = claimed.unwrap_or(0).saturating_sub(data.len());
    let unseen = unseen.min(limits::MAX_SIZE as usize - data.len().min(limits::MAX_SIZE as usize));
    let size = match room.checked_sub(unseen) {
        Some(left) => {
            *room = left;
            data.len() + unseen
        }
        None => data.len(),
    };
    // What is missing at the end is in the erased state: FF only with the data coding AND.
    let erased_is_ff = coding.is_some_and(|coding| coding & 0x60 == 0x60);
    let written = match erased_is_ff {
        true => Some(data.len()),
        false => data
            .iter()
            .rposition(|&byte| byte != 0)
            .map(|last| last + 1),
    };
    FileContent::Transparent(TransparentImage {
        shareable: is_shareable(fcp),
        sfi: sfi(fcp),
        data_coding: coding.map(HexByte),
        size: u32::try_from(size).unwrap_or(limits::MAX_SIZE),
        data: Some(data.get(..written.unwrap_or(0)).unwrap_or_default().into()),
    })
}

/// Records as they came; an image has none that are empty or longer than a short command gives.
fn records(fcp: &Fcp, records: &[Vec<u8>]) -> FileContent {
    let descriptor = fcp.descriptor.as_ref();
    let limit = usize::from(limits::MAX_RECORD_LENGTH);
    let fits = |record: &&Vec<u8>| (1..=limit).contains(&record.len());
    let records: Vec<&Vec<u8>> = records.iter().take_while(fits).collect();
    let longest = records.iter().map(|record| record.len()).max().unwrap_or(1);
    let claimed = descriptor
        .and_then(FileDescriptor::record_size)
        .map(usize::from);
    let claimed = claimed.filter(|size| (longest..=limit).contains(size));
    let length = claimed.unwrap_or(longest);
    let same = records.iter().all(|record| record.len() == length);
    let (tlv, wanted) = match descriptor.map(FileDescriptor::kind) {
        Some(FileKind::WorkingEf(structure)) => told(structure),
        _ => (false, None),
    };
    let count = records.len().max(1);
    let told = descriptor
        .and_then(FileDescriptor::records)
        .map(usize::from);
    let most = usize::from(limits::MAX_RECORDS);
    // Room that the card claims is kept where it is that of a file of usual size.
    let told = told.filter(|told| (count..=most).contains(told) && told * length <= 0x4000);
    let count = told.unwrap_or(count).min(most);
    let all: usize = records.iter().map(|record| record.len()).sum();
    let size = fcp.size().and_then(|size| usize::try_from(size).ok());
    let size = size
        .filter(|size| (all..=0x4000).contains(size))
        .unwrap_or(all);
    let variable = RecordStructure::LinearVariable {
        size: u32::try_from(size).unwrap_or(0xFFFF).min(0xFFFF),
    };
    FileContent::Records(RecordsImage {
        shareable: is_shareable(fcp),
        sfi: sfi(fcp),
        data_coding: descriptor
            .and_then(FileDescriptor::data_coding)
            .map(HexByte),
        structure: wanted.filter(|_| same).unwrap_or(variable),
        record_length: u16::try_from(length).unwrap_or(limits::MAX_RECORD_LENGTH),
        record_count: u16::try_from(count).unwrap_or(limits::MAX_RECORDS),
        tlv,
        records: Some(
            records
                .into_iter()
                .map(|record| record.clone().into())
                .collect(),
        ),
    })
}

/// Whether records are SIMPLE-TLV, and the structure if they are of one length.
const fn told(structure: Structure) -> (bool, Option<RecordStructure>) {
    match structure {
        Structure::LinearFixed => (false, Some(RecordStructure::LinearFixed)),
        Structure::LinearFixedTlv => (true, Some(RecordStructure::LinearFixed)),
        Structure::Cyclic => (false, Some(RecordStructure::Cyclic)),
        Structure::CyclicTlv => (true, Some(RecordStructure::Cyclic)),
        Structure::LinearVariableTlv => (true, None),
        Structure::LinearVariable | Structure::NotGiven | Structure::Transparent => (false, None),
    }
}

fn is_shareable(fcp: &Fcp) -> bool {
    fcp.descriptor
        .as_ref()
        .is_some_and(FileDescriptor::is_shareable)
}

fn sfi(fcp: &Fcp) -> Option<u8> {
    match fcp.short_ef_id {
        Some(ShortEfId::NotSupported) => Some(0),
        Some(ShortEfId::Id(id)) => (1..=30).contains(&id).then_some(id),
        None => None,
    }
}

fn life_cycle(fcp: &Fcp) -> LifeCycle {
    let told = fcp.life_cycle.and_then(LifeCycle::from_byte);
    told.unwrap_or(LifeCycle::Activated)
}
