//! Is what the card says of its files well-formed and about them?

use kortlab_apdu::fcp::{FileKind, Structure};
use kortlab_apdu::tlv::Reader;
use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::{ANSWER, Evidence, FileRead};

/// The file identifier in the answer is another than the one that was selected.
const FILE_ID_MISMATCH: &str = "file-id-mismatch";

/// The file is said to be of another kind than it was read as.
const FILE_KIND_MISMATCH: &str = "file-kind-mismatch";

pub(super) static RULE: Rule = Rule {
    id: "descriptions",
    help: "is what SELECT answers of a file well-formed and about it?",
    explanation: "programs take a file's size, kind and access conditions from the answer to SELECT; \
                  one that is cut, or of another file, has made some of them read beyond their \
                  memory",
    remedy: "the card's operating system is at fault: have the card replaced",
    codes: &[FILE_ID_MISMATCH, FILE_KIND_MISMATCH],
    look,
    trips: &[],
};

fn look(evidence: &Evidence) -> Vec<Problem> {
    evidence.files.values().flat_map(of_file).collect()
}

fn of_file(file: &FileRead) -> Vec<Problem> {
    let mut problems: Vec<Problem> = file
        .info
        .findings
        .iter()
        .map(|error| {
            let severity = match error.kind().is_loss() {
                true => Severity::Error,
                false => Severity::Warning,
            };
            let (code, message) = (error.kind().code(), error.kind().to_string());
            Problem::new(severity, code, ANSWER, &file.path, message).at(error.offset())
        })
        .collect();
    let told = file.info.fcp.as_ref().and_then(|fcp| fcp.file_id);
    if let (Some(told), Some(fid)) = (told, file.path.fid())
        && told != fid
    {
        let message = format!("the card says that the file {} is {told}", file.path);
        problems.push(Problem::new(
            Severity::Warning,
            FILE_ID_MISMATCH,
            ANSWER,
            &file.path,
            message,
        ));
    }
    problems.extend(of_kind(file));
    problems
}

/// That a file which was read is said to have no content (a DF), or content of another structure.
/// Kinds of file that are the card OS's own say nothing of how they are read.
fn of_kind(file: &FileRead) -> Option<Problem> {
    file.again.as_ref().ok().filter(|data| !data.is_empty())?;
    let descriptor = file.info.fcp.as_ref()?.descriptor?;
    let fits = match descriptor.kind() {
        FileKind::Df => false,
        FileKind::WorkingEf(Structure::NotGiven) => true,
        FileKind::WorkingEf(Structure::Transparent) => !file.by_records,
        FileKind::WorkingEf(_) => file.by_records,
        _ => true,
    };
    if fits {
        return None;
    }
    let read = match file.by_records {
        true => "records (READ RECORD)",
        false => "bytes (READ BINARY)",
    };
    let message = format!(
        "the card says of {} that it is of the kind {:02X} ({}), and it was read as {read}",
        file.path,
        descriptor.byte(),
        descriptor.kind()
    );
    let severity = Severity::Warning;
    let problem = Problem::new(severity, FILE_KIND_MISMATCH, ANSWER, &file.path, message);
    Some(match descriptor_at(&file.info.raw) {
        Some(offset) => problem.at(offset),
        None => problem,
    })
}

/// Where the file descriptor byte is: the value of tag 82 in the template, or in the FCP inside it.
fn descriptor_at(answer: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(answer).next()?.ok()?.children();
    while let Some(Ok(object)) = reader.next() {
        match object.tag.value() {
            0x82 => return Some(object.value_offset()),
            0x62 => reader = object.children(),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_is_found_in_every_template() {
        for (answer, at) in [
            ("6F0782013883024333", Some(4)),
            ("620B8002000182014183024333", Some(8)),
            ("6F0962078201388302 4333", Some(6)),
            ("6F0483024333", None),
            ("6F0982", None),
            ("", None),
        ] {
            let bytes = hex::decode(answer.replace(' ', "")).expect("hex");
            assert_eq!(descriptor_at(&bytes), at, "{answer}");
        }
    }
}
