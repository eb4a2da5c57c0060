//! SELECT (ISO/IEC 7816-4 §11.2.2).

use kortlab_apdu::{Command, Response, StatusWord};

use crate::fs::information::Template;
use crate::fs::{Fid, FileId, FileSystem, LifeCycle, Refusal};
use crate::os::session::Selection;
use crate::os::{Answer, Context};

/// Selects a file and answers its FCI or FCP, or nothing, as P2 says.
///
/// A failed SELECT leaves the selection as it was. Status words: `6A82` not found; `6A86` for a
/// P1 or P2 that the card does not have (FMD among them); `6A87` where Nc does not suit P1;
/// `6283` and `6285` as warnings when the file is deactivated or terminated; whatever the image
/// says of the card from which the file was copied.
pub(crate) fn execute(context: &mut Context<'_>, command: &Command) -> Answer {
    let template = match command.p2() & 0x0C {
        0x00 => Some(Template::Fci),
        0x04 => Some(Template::Fcp),
        0x0C => None,
        _ => return Err(StatusWord::INCORRECT_P1_P2),
    };
    let occurrence = Occurrence::from_bits(command.p2() & 0x03);
    let by_name = command.p1() == 0x04;
    if command.p2() & 0xF0 != 0 || (!by_name && occurrence != Occurrence::First) {
        return Err(StatusWord::INCORRECT_P1_P2);
    }
    let id = if by_name {
        by_df_name(context, command.data(), occurrence)?
    } else {
        resolve(context, command.p1(), command.data())?
    };
    let file = context.file(id)?;
    let recorded = file.recorded.as_deref();
    let told = recorded.and_then(|recorded| recorded.select);
    if let Some(refusal) = told.filter(|told| !told.is_warning()) {
        return Err(refusal.status());
    }
    let status = match file.life_cycle {
        LifeCycle::Deactivated => StatusWord::FILE_DEACTIVATED_WARNING,
        LifeCycle::Terminated => StatusWord::FILE_TERMINATED,
        _ => told.map_or(StatusWord::SUCCESS, Refusal::status),
    };
    // The DF of an application with a file system of its own is told of as the MF of that.
    let is_told = by_name || !recorded.is_some_and(|recorded| recorded.file_system);
    let recorded = recorded.filter(|_| is_told);
    let answer = recorded.and_then(|recorded| recorded.answer.as_ref());
    let unasked = recorded.is_some_and(|recorded| recorded.unasked);
    let template = template.or(unasked.then_some(Template::Fci));
    let information = template.map(|template| {
        if let Some(answer) = answer {
            return answer.0.clone();
        }
        let application = context.application_of(id);
        application.control_information(file, template)
    });
    let selection = match (file.is_df(), file.parent) {
        (false, Some(df)) => Selection::ef(df, id),
        _ => Selection::df(id),
    };
    context.select(selection);
    context.session.unasked = unasked;
    Ok(Response::new(information.unwrap_or_default(), status))
}

/// Finds the file that `data` names in the way that `p1` says: 00 by FID, 01 a child DF, 02 an
/// EF under the current DF, 03 the parent DF, 08 a path from the MF, 09 a path from the current
/// DF.
///
/// # Errors
/// `6A82`: there is no such file. `6A86`: another P1. `6A87`: data of a length that does not
/// suit P1.
pub(crate) fn resolve(context: &Context<'_>, p1: u8, data: &[u8]) -> Result<FileId, StatusWord> {
    let files = context.files();
    let df = context.session.selection.df;
    let root = files.root(df);
    match p1 {
        0x00 if data.is_empty() => Ok(root),
        0x00 => nearby(files, df, fid(data)?).ok_or(StatusWord::FILE_NOT_FOUND),
        0x01 | 0x02 => files
            .child(df, fid(data)?)
            .filter(|&id| {
                files
                    .get(id)
                    .is_some_and(|file| file.is_df() == (p1 == 0x01))
            })
            .ok_or(StatusWord::FILE_NOT_FOUND),
        0x03 if data.is_empty() => {
            let parent = files.parent(df).filter(|_| df != root);
            parent.ok_or(StatusWord::FILE_NOT_FOUND)
        }
        0x03 => Err(StatusWord::NC_INCONSISTENT_P1_P2),
        0x08 => {
            // The path begins below the MF; the MF's own identifier, which some send, is
            // unambiguous and skipped.
            let mut path = path(data)?.peekable();
            path.next_if_eq(&Fid::MASTER_FILE);
            follow(files, root, path)
        }
        0x09 => follow(files, df, path(data)?),
        _ => Err(StatusWord::INCORRECT_P1_P2),
    }
}

/// Which of the DFs whose name begins with the data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occurrence {
    First,
    Last,
    Next,
    Previous,
}

impl Occurrence {
    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::First,
            1 => Self::Last,
            2 => Self::Next,
            _ => Self::Previous,
        }
    }
}

fn fid(data: &[u8]) -> Result<Fid, StatusWord> {
    match *data {
        [high, low] => Ok([high, low].into()),
        _ => Err(StatusWord::NC_INCONSISTENT_P1_P2),
    }
}

/// The search order for P1 = 00: the MF, the children of the current DF, that DF itself, its
/// parent, and the DFs beside it.
fn nearby(files: &FileSystem, df: FileId, fid: Fid) -> Option<FileId> {
    let root = files.root(df);
    if fid == Fid::MASTER_FILE {
        return Some(root);
    }
    let is = |id: FileId| files.get(id).is_some_and(|file| file.fid == fid);
    let parent = files.parent(df).filter(|_| df != root);
    files
        .child(df, fid)
        .or_else(|| is(df).then_some(df))
        .or_else(|| parent.filter(|&id| is(id)))
        .or_else(|| {
            let beside = files.child(parent?, fid)?;
            files.get(beside)?.is_df().then_some(beside)
        })
}

/// The path in the data of a command: at least one identifier, and no half ones.
fn path(data: &[u8]) -> Result<impl Iterator<Item = Fid> + '_, StatusWord> {
    let path = Fid::each(data).filter(|_| !data.is_empty());
    path.ok_or(StatusWord::NC_INCONSISTENT_P1_P2)
}

fn follow(
    files: &FileSystem,
    start: FileId,
    mut path: impl Iterator<Item = Fid>,
) -> Result<FileId, StatusWord> {
    path.try_fold(start, |id, fid| files.child(id, fid))
        .ok_or(StatusWord::FILE_NOT_FOUND)
}

/// P1 = 04: the DFs whose name is or begins with `prefix`, in the order of the file tree; next
/// and previous count from the current DF if it is one of them.
fn by_df_name(
    context: &Context<'_>,
    prefix: &[u8],
    occurrence: Occurrence,
) -> Result<FileId, StatusWord> {
    if !(1..=16).contains(&prefix.len()) {
        return Err(StatusWord::NC_INCONSISTENT_P1_P2);
    }
    let files = context.files();
    let matching: Vec<FileId> = files
        .subtree(FileSystem::MASTER_FILE)
        .into_iter()
        .filter(|&id| {
            let name = files.get(id).and_then(|file| file.name());
            name.is_some_and(|name| name.starts_with(prefix))
        })
        .collect();
    let current = context.session.selection.df;
    let place = matching.iter().position(|&id| id == current);
    let found = match (occurrence, place) {
        (Occurrence::First, _) | (Occurrence::Next, None) => matching.first(),
        (Occurrence::Last, _) | (Occurrence::Previous, None) => matching.last(),
        (Occurrence::Next, Some(place)) => matching.get(place + 1),
        (Occurrence::Previous, Some(place)) => {
            place.checked_sub(1).and_then(|place| matching.get(place))
        }
    };
    found.copied().ok_or(StatusWord::FILE_NOT_FOUND)
}
