//! IsoApplet, a free PKCS#15 applet for Java cards: OpenSC has a driver of its own for it.

use kortlab_apdu::fcp::Template;
use kortlab_apdu::{Command, Response, instruction};

use super::{Dialect, Identity, Recognition};
use crate::applications::ISO_APPLET;
use crate::files::FileInfo;

/// SELECT by a name (ISO/IEC 7816-4 table 39).
const BY_NAME: u8 = 0x04;
/// How many bytes the applet has for a file's access conditions: an access mode byte, which names all
/// operations (ISO/IEC 7816-4 §9.3.3), and a security condition byte for each.
const CONDITIONS: usize = 8;
const ALL_OPERATIONS: u8 = 0xFF;
/// The length of what older versions say of themselves when they are selected: their version in two
/// bytes, and what they can.
const VERSION: usize = 3;

/// IsoApplet. Keys are used as on a card of no known kind; what is known of it is that an empty VERIFY
/// tells how many tries are left and takes none, as its source has it.
#[derive(Clone, Copy, Debug)]
pub struct IsoApplet;

impl Dialect for IsoApplet {
    fn name(&self) -> &'static str {
        "IsoApplet"
    }

    /// A card whose files were reached by selecting its AID. Where it was selected already, by another
    /// program or by default, a card that describes its files as the applet does is asked for it with
    /// SELECT by the AID, which every card understands.
    fn recognise(&self, identity: &Identity) -> Recognition {
        match (&identity.application, identity.file.as_deref()) {
            (Some(aid), _) if aid == ISO_APPLET => Recognition::Own,
            (None, Some(file)) if is_described_by_it(file) => {
                let select = Command::new(instruction::SELECT, BY_NAME, 0x00);
                Recognition::Ask(select.with_data(ISO_APPLET).expecting_any())
            }
            _ => Recognition::Other,
        }
    }

    /// It is selected, and describes itself with its version or not at all.
    fn is_own_answer(&self, answer: &Response) -> bool {
        matches!(answer.data().len(), 0 | VERSION)
    }

    fn tells_pin_status(&self) -> bool {
        true
    }

    /// It tells the tries that are left of a PIN that is verified, too.
    fn tells_whether_verified(&self) -> bool {
        false
    }
}

/// Whether a file is described as the applet does: an FCI (6F) with eight bytes of access conditions
/// (86).
fn is_described_by_it(file: &FileInfo) -> bool {
    let fcp = file.fcp.as_ref();
    fcp.is_some_and(|fcp| {
        let conditions = fcp.security.as_deref();
        let is_own = |conditions: &[u8]| {
            conditions.len() == CONDITIONS && conditions.first() == Some(&ALL_OPERATIONS)
        };
        fcp.template == Template::Fci && conditions.is_some_and(is_own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_apdu::StatusWord;

    #[test]
    fn the_applet_is_known_by_the_aid_by_which_its_files_were_reached() {
        let recognised = |application: Option<&[u8]>| {
            IsoApplet.recognise(&Identity {
                application: application.map(<[u8]>::to_vec),
                ..Identity::default()
            })
        };
        assert_eq!(recognised(Some(ISO_APPLET)), Recognition::Own);
        assert_eq!(recognised(Some(&ISO_APPLET[..11])), Recognition::Other);
        assert_eq!(recognised(None), Recognition::Other);
    }

    #[test]
    fn a_card_with_files_as_the_applet_has_is_asked_for_it_and_no_other() {
        let asked = |description: &str| {
            let description = hex::decode(description).expect("hex");
            let identity = Identity {
                file: Some(FileInfo::parse(&description).into()),
                ..Identity::default()
            };
            match IsoApplet.recognise(&identity) {
                Recognition::Ask(command) => {
                    Some(hex::encode_upper(&*command.encode().expect("it encodes")))
                }
                _ => None,
            }
        };
        // What the applet says of EF(ODF).
        let select = "00A404000CF276A288BCFBA69D34F3100100";
        let own = asked("6F1581020100820101830250318608FF00000000000000");
        assert_eq!(own.as_deref(), Some(select));
        for other in [
            "",
            "621581020100820101830250318608FF00000000000000",
            "6F158102010082010183025031860800000000000000FF",
            "6F1481020100820101830250318607FF000000000000",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
        let is_own =
            |data: &[u8]| IsoApplet.is_own_answer(&Response::new(data, StatusWord::SUCCESS));
        assert!(is_own(&[]) && is_own(&[0x00, 0x06, 0x06]));
        assert!(!is_own(&[0x6F, 0x00]));
    }
}
