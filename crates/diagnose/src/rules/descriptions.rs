//! Is what the card says of its files well-formed and about them?

use kortlab_card::{Problem, Severity};

use super::Rule;
use crate::evidence::{ANSWER, Evidence, FileRead};

/// The file identifier in the answer is another than the one that was selected.
const FILE_ID_MISMATCH: &str = "file-id-mismatch";

pub(super) static RULE: Rule = Rule {
    id: "descriptions",
    help: "is what SELECT answers of a file well-formed and about it?",
    explanation: "programs take a file's size, kind and access conditions from the answer to SELECT; \
                  one that is cut, or of another file, has made some of them read beyond their \
                  memory",
    remedy: "the card's operating system is at fault: have the card replaced",
    codes: &[FILE_ID_MISMATCH],
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
    problems
}
