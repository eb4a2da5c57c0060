//! Applications by their identifiers (AIDs, ISO/IEC 7816-5): those that hold a PKCS#15 file system,
//! and those that tell what a card without one is for.

use core::fmt;

use kortlab_apdu::{Channel, FilePath, StatusWord};
use kortlab_pkcs15::{Application, EfDir, PKCS15_AID};

use crate::contents::{Contents, ends_all};
use crate::error::CardError;
use crate::files::{FileInfo, Files};

/// An application that cards are known to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownApplication {
    /// Its AID, or the beginning of it: cards take that for the first that fits (ISO/IEC 7816-4
    /// §8.2.2.3).
    pub aid: &'static [u8],
    /// What it is called.
    pub name: &'static str,
    /// What works with it.
    pub next_step: &'static str,
}

impl fmt::Display for KnownApplication {
    /// `OpenPGP (D27600012401)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, hex::encode_upper(self.aid))
    }
}

/// IsoApplet, whose files are in an application of its own.
pub(crate) const ISO_APPLET: &[u8] = &[
    0xF2, 0x76, 0xA2, 0x88, 0xBC, 0xFB, 0xA6, 0x9D, 0x34, 0xF3, 0x10, 0x01,
];

/// The cryptographic information application of ISO/IEC 7816-15 §6.5: PKCS#15's heir.
const CIA: &[u8] = &[0xE8, 0x28, 0xBD, 0x08, 0x0F];
/// The Belgian card's PKCS#15 application.
const BELPIC: &[u8] = b"\xA0\x00\x00\x01\x77PKCS-15";

/// The issuer security domain of GlobalPlatform.
const CARD_MANAGER: &[u8] = &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];

/// What works with an application that holds PKCS#15 files which this crate could not read.
const FILES_UNREADABLE: &str = "its PKCS#15 files cannot be read; `kortlab apdu` can look at them, and OpenSC's \
     `pkcs15-tool -D` may say more";

/// Applications that hold PKCS#15 files, in the order in which they are tried.
static HOLDING_PKCS15: [KnownApplication; 4] = [
    holding_pkcs15(&PKCS15_AID, "PKCS#15"),
    holding_pkcs15(CIA, "ISO/IEC 7816-15 (cryptographic information)"),
    holding_pkcs15(ISO_APPLET, "IsoApplet (PKCS#15)"),
    holding_pkcs15(BELPIC, "the Belgian identity card (PKCS#15)"),
];

const fn holding_pkcs15(aid: &'static [u8], name: &'static str) -> KnownApplication {
    KnownApplication {
        aid,
        name,
        next_step: FILES_UNREADABLE,
    }
}

/// The most applications of an EF.DIR that a card is asked for.
const MAX_LISTED: usize = 32;

/// The longest AID (ISO/IEC 7816-4 §12.2.3).
const MAX_AID: usize = 16;

/// Applications of other kinds, in the order in which they are asked for.
static OTHERS: [KnownApplication; 11] = [
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00],
        name: "PIV (NIST SP 800-73)",
        next_step: "use a program for PIV cards: OpenSC's `pkcs15-tool` and `piv-tool`, or \
                    `yubico-piv-tool`",
    },
    KnownApplication {
        aid: &[0xD2, 0x76, 0x00, 0x01, 0x24, 0x01],
        name: "OpenPGP",
        next_step: "use a program for OpenPGP cards: `gpg --card-status`, or OpenSC's \
                    `openpgp-tool`",
    },
    KnownApplication {
        aid: b"1PAY.SYS.DDF01",
        name: "EMV payment (PSE)",
        next_step: "it is a bank card; `kortlab apdu` can look at it",
    },
    KnownApplication {
        aid: b"2PAY.SYS.DDF01",
        name: "EMV payment, contactless (PPSE)",
        next_step: "it is a bank card; `kortlab apdu` can look at it",
    },
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59],
        name: "GIDS (Windows' generic identity card)",
        next_step: "use OpenSC's `gids-tool` or `pkcs15-tool`",
    },
    KnownApplication {
        aid: &[
            0xE8, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x81, 0xC3, 0x1F, 0x02, 0x01,
        ],
        name: "SmartCard-HSM",
        next_step: "use OpenSC's `sc-hsm-tool` or `pkcs15-tool`",
    },
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01],
        name: "a travel document (ICAO eMRTD)",
        next_step: "it is a passport or an identity card; `kortlab apdu` can look at it",
    },
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x00, 0x79],
        name: "CAC (US Common Access Card)",
        next_step: "use OpenSC's `pkcs15-tool`",
    },
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02],
        name: "a USIM (3GPP)",
        next_step: "it is a telephone's SIM card; `kortlab apdu` can look at it",
    },
    KnownApplication {
        aid: &[0xA0, 0x00, 0x00, 0x06, 0x47, 0x2F, 0x00, 0x01],
        name: "FIDO (a security key)",
        next_step: "use `fido2-token` or a browser",
    },
    KnownApplication {
        aid: CARD_MANAGER,
        name: "the GlobalPlatform card manager",
        next_step: "if nothing else answers, it is a Java card on which no known application is \
                    installed",
    },
];

/// An AID that nobody has: from the range of proprietary ones (ISO/IEC 7816-5 §4.2.3).
const NOBODYS: &[u8] = b"\xF0KORTLAB-NOBODY";

/// How a card answers when a file or an application is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is there, and this is what the card says of it.
    Selected(Box<FileInfo>),
    /// The card refused with this status word.
    Refused(StatusWord),
    /// The answer makes no sense; why, in words.
    Nonsense(String),
}

/// An application that a card was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The AID that was sent.
    pub aid: Vec<u8>,
    /// What it is called: by the card's EF.DIR, or where it is known.
    pub name: Option<String>,
    /// What works with it, if it is known.
    pub next_step: Option<&'static str>,
    /// Whether the card's EF.DIR lists it.
    pub listed: bool,
    /// How the card answered.
    pub reply: Reply,
}

impl Contents {
    /// The applications that EF.DIR lists beside the one that was read, in words:
    /// `the application A000000063504B43532D313501 in 3F00/5016, which EF.DIR lists beside it`. What their
    /// files hold and name was not looked at.
    pub fn unread_applications(&self) -> Vec<String> {
        let entries = || self.dir.iter().flat_map(|dir| dir.objects());
        let place = |entry: &Application| {
            let path = entry.path.as_ref().filter(|path| !path.is_empty())?;
            Some(match path.is_absolute() {
                true => path.clone(),
                false => FilePath::MASTER_FILE.join(path),
            })
        };
        let is_here = |entry: &Application| place(entry).as_ref() == Some(&self.application);
        let is_selected = |entry: &Application| self.selected.as_deref() == Some(&entry.aid);
        let read = entries()
            .find(|entry| is_selected(entry))
            .or_else(|| self.dir.as_ref().and_then(EfDir::pkcs15))
            .or_else(|| entries().find(|entry| is_here(entry)))
            .or_else(|| entries().find(|entry| entry.path.is_none() && holds_pkcs15(&entry.aid)));
        entries()
            .filter(|entry| read.is_none_or(|read| !core::ptr::eq(*entry, read)))
            .filter(|entry| entry.ddo.is_some() || !is_here(entry))
            .map(|entry| {
                let aid = hex::encode_upper(&entry.aid);
                match place(entry) {
                    Some(path) => {
                        format!("the application {aid} in {path}, which EF.DIR lists beside it")
                    }
                    None => format!("the application {aid}, which EF.DIR lists beside it"),
                }
            })
            .collect()
    }
}

/// The AIDs by which a PKCS#15 application may be selected: those that EF.DIR gives, then those of
/// applications that are known to hold one.
pub(crate) fn with_pkcs15(dir: Option<&EfDir>) -> Vec<Vec<u8>> {
    let mut aids: Vec<Vec<u8>> = Vec::new();
    let listed = dir
        .iter()
        .flat_map(|dir| dir.objects())
        .map(|application| application.aid.as_slice())
        .filter(|aid| holds_pkcs15(aid));
    let known = HOLDING_PKCS15.iter().map(|known| known.aid);
    for aid in listed.chain(known) {
        if !aids.iter().any(|known| known == aid) {
            aids.push(aid.to_vec());
        }
    }
    aids
}

/// The AIDs, or their beginnings, of applications that are known to hold PKCS#15 files.
pub(crate) fn aids_holding_pkcs15() -> impl Iterator<Item = &'static [u8]> {
    HOLDING_PKCS15.iter().map(|known| known.aid)
}

/// Whether an application with this AID holds PKCS#15 files.
pub fn holds_pkcs15(aid: &[u8]) -> bool {
    aid.len() <= MAX_AID
        && HOLDING_PKCS15
            .iter()
            .any(|known| aid.starts_with(known.aid))
}

/// What the application with this AID is called, if it is known.
pub fn name(aid: &[u8]) -> Option<&'static str> {
    known(aid).map(|known| known.name)
}

/// The applications of other kinds that the card says it has. Empty for a card that says so of any.
///
/// # Errors
/// The card is gone.
pub(crate) fn others<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
) -> Result<Vec<&'static KnownApplication>, CardError> {
    if answers_to_anything(files)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for application in &OTHERS {
        // That there is a card manager says nothing where something else answers.
        if application.aid == CARD_MANAGER && !found.is_empty() {
            continue;
        }
        let reply = reply(files.select_application(application.aid))?;
        if matches!(reply, Reply::Selected(_)) {
            found.push(application);
        }
    }
    Ok(found)
}

/// Whether the card answers to an AID that nobody has.
///
/// # Errors
/// The card is gone.
pub(crate) fn answers_to_anything<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
) -> Result<bool, CardError> {
    let reply = reply(files.select_application(NOBODYS))?;
    Ok(matches!(reply, Reply::Selected(_)))
}

/// Asks for the applications that the card's EF.DIR lists, then for all that are known.
///
/// # Errors
/// The card is gone.
pub(crate) fn ask<C: Channel + ?Sized>(
    files: &mut Files<'_, C>,
    dir: &EfDir,
) -> Result<Vec<Asked>, CardError> {
    let mut asked: Vec<Asked> = Vec::new();
    let listed = dir.objects().take(MAX_LISTED).map(|application| {
        let known = known(&application.aid);
        let name = application.label.clone();
        let name = name.or_else(|| known.map(|known| known.name.to_owned()));
        (application.aid.clone(), name, known, true)
    });
    let others = HOLDING_PKCS15.iter().chain(&OTHERS).map(|known| {
        let name = Some(known.name.to_owned());
        (known.aid.to_vec(), name, Some(known), false)
    });
    for (aid, name, known, listed) in listed.chain(others) {
        let is_new = asked.iter().all(|before| before.aid != aid);
        if aid.is_empty() || aid.len() > MAX_AID || !is_new {
            continue;
        }
        asked.push(Asked {
            reply: reply(files.select_application(&aid))?,
            aid,
            name,
            next_step: known.map(|known| known.next_step),
            listed,
        });
    }
    Ok(asked)
}

/// How the card answered to SELECT; an error that ends everything is given back.
///
/// # Errors
/// The card is gone.
pub(crate) fn reply(selected: Result<FileInfo, CardError>) -> Result<Reply, CardError> {
    match selected {
        Ok(info) => Ok(Reply::Selected(Box::new(info))),
        Err(error) if ends_all(&error) => Err(error),
        Err(error) => Ok(match error.status() {
            Some(status) => Reply::Refused(status),
            None => Reply::Nonsense(error.to_string()),
        }),
    }
}

/// What is known of the application with this AID.
fn known(aid: &[u8]) -> Option<&'static KnownApplication> {
    let mut all = HOLDING_PKCS15.iter().chain(&OTHERS);
    all.find(|known| aid.starts_with(known.aid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_pkcs15::{Application, Directory};

    #[test]
    fn what_efdir_lists_is_tried_first_and_nothing_twice() {
        let aid = [&PKCS15_AID[..], b"-X"].concat();
        let application = |aid: &[u8]| Application {
            aid: aid.to_vec(),
            ..Application::default()
        };
        let dir = Directory::new([
            application(&[0xA0, 0x00, 0x00, 0x03, 0x08]),
            application(&aid),
            application(ISO_APPLET),
        ]);
        let found = with_pkcs15(Some(&dir));
        assert_eq!(found[..3], [aid, ISO_APPLET.to_vec(), PKCS15_AID.to_vec()]);
        assert_eq!(found.len(), 5);
        let known = HOLDING_PKCS15.each_ref().map(|known| known.aid.to_vec());
        assert_eq!(with_pkcs15(None), known);
    }

    #[test]
    fn every_aid_is_one() {
        for aid in HOLDING_PKCS15.iter().chain(&OTHERS).map(|known| known.aid) {
            assert!((5..=16).contains(&aid.len()), "{aid:02X?}");
        }
        assert!((5..=16).contains(&NOBODYS.len()));
    }
}
