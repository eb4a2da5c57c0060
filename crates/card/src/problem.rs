//! What is wrong with a card's files: [`Problem`].
//!
//! One vocabulary for every finding about a card, whatever found it: how much it matters, a stable
//! word for programs, the file, the object and the byte, what it means, and what to do. It is what
//! text and JSON show; `docs/json.md` lists the words.

use core::fmt;

use kortlab_apdu::FilePath;
use kortlab_pkcs15::{Finding, ObjectRef, Severity};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::elsewhere;
use crate::error::{CardError, ErrorKind};
use crate::files::APPLICATION;

/// The words of [`Problem::code`] that are neither words of [`kortlab_pkcs15::Code`] nor of
/// [`kortlab_apdu::error::ErrorKind`]. They are stable
/// from release to release.
pub mod code {
    /// A file that something on the card names is not there (6A82).
    pub const FILE_ABSENT: &str = "file-absent";
    /// A file could not be read: the card refuses.
    pub const FILE_UNREADABLE: &str = "file-unreadable";
    /// A file could not be read: the card's answers make no sense.
    pub const NONSENSE_ANSWER: &str = "nonsense-answer";
    /// It was not read, or not to its end, because that is more than a card can hold
    /// ([`Budget`](crate::files::Budget)).
    pub const BUDGET: &str = "budget";
    /// The card says another size of a file than it has.
    pub const SIZE_MISMATCH: &str = "size-mismatch";
    /// The card warns that a file may be corrupted (6281).
    pub const CORRUPTED: &str = "corrupted";
    /// The card warns otherwise when it gives what a file holds (`62xx` or `63xx` with data).
    pub const READ_WITH_WARNING: &str = "read-with-warning";
    /// The card selected the file with a warning (`62xx` or `63xx`).
    pub const SELECTED_WITH_WARNING: &str = "selected-with-warning";
    /// An entry of the ODF, or of a certificate, names no file.
    pub const ENTRY_WITHOUT_FILE: &str = "entry-without-file";
    /// An entry of the ODF is of a kind that is not read; its objects were not looked at.
    pub const KIND_NOT_READ: &str = "kind-not-read";
    /// A directory file is named more than once.
    pub const FILE_NAMED_TWICE: &str = "file-named-twice";
    /// More files or problems than are read or kept; the rest was not looked at.
    pub const TOO_MANY: &str = "too-many";
    /// EF.DIR does not list the PKCS#15 application that was found.
    pub const APPLICATION_NOT_LISTED: &str = "application-not-listed";
    /// A path leads to no file.
    pub const DANGLING_PATH: &str = "dangling-path";
    /// A path that must lead to a file leads to a directory (DF).
    pub const PATH_TO_DIRECTORY: &str = "path-to-directory";
    /// A place or a length in a directory, or that of a directory in the ODF, is another than it has.
    pub const COUNT_MISMATCH: &str = "count-mismatch";
    /// The ODF has no entry for certificates.
    pub const NO_CERTIFICATE_DIRECTORY: &str = "no-certificate-directory";
    /// An object names an authentication object that the card does not list.
    pub const NO_SUCH_PIN: &str = "no-such-pin";
    /// It is not certain which PIN is the one for a purpose.
    pub const DOUBTFUL_PIN: &str = "doubtful-pin";
    /// The access conditions of a key's file name another PIN than the directories do.
    pub const PIN_REFERENCE_MISMATCH: &str = "pin-reference-mismatch";
    /// Whether a PIN is verified, and how many tries it has, could not be found out.
    pub const PIN_STATE_UNKNOWN: &str = "pin-state-unknown";
    /// A change of the card was interrupted and waits for its recovery.
    pub const CHANGE_UNFINISHED: &str = "change-unfinished";
    /// A change of some card of this serial number was interrupted; this one shows no trace of it.
    pub const CHANGE_ELSEWHERE: &str = "change-elsewhere";
    /// What this computer has noted down of changes cannot be read.
    pub const JOURNAL_UNUSABLE: &str = "journal-unusable";
    /// The card holds nothing that this crate works with; what it holds was not looked at.
    pub const NOT_PKCS15: &str = "not-pkcs15";
    /// There is no certificate on the card.
    pub const NO_CERTIFICATES: &str = "no-certificates";
    /// There is no certificate for a private key, and there are some for others.
    pub const KEY_WITHOUT_CERTIFICATE: &str = "key-without-certificate";
    /// A file holds a certificate, and nothing on the card names the file.
    pub const CERTIFICATE_NOT_LISTED: &str = "certificate-not-listed";
    /// A file holds objects as directories have them, and the ODF, which lacks a kind of them, does
    /// not name it.
    pub const DIRECTORY_NOT_LISTED: &str = "directory-not-listed";
    /// The TokenInfo and certificates say different numbers of the card.
    pub const CARD_NUMBER_MISMATCH: &str = "card-number-mismatch";
    /// More than filler stands behind a certificate in its file.
    pub const BEHIND_CERTIFICATE: &str = "behind-certificate";
    /// The path of a private key leads to a file that is none of a key.
    pub const NOT_A_KEY_FILE: &str = "not-a-key-file";
    /// The file of a private key is deactivated or terminated.
    pub const KEY_FILE_NOT_ACTIVE: &str = "key-file-not-active";
    /// Two private keys are said to be at one place.
    pub const KEY_NAMED_TWICE: &str = "key-named-twice";
    /// A directory is a file of records.
    pub const DIRECTORY_OF_RECORDS: &str = "directory-of-records";
    /// A private key names no PIN, and cannot be used without one.
    pub const KEY_WITHOUT_PIN: &str = "key-without-pin";
    /// A private key names no file, and its card OS finds it by that.
    pub const KEY_WITHOUT_FILE: &str = "key-without-file";
    /// A directory says something of a certificate or key that its certificates do not say.
    pub const LISTED_OTHERWISE: &str = "listed-otherwise";
    /// The card does not let a key do what a certificate for it is for.
    pub const USAGE_MISMATCH: &str = "usage-mismatch";
    /// The time in which a key is to be used is none, or is over while its certificate is valid.
    pub const KEY_PERIOD: &str = "key-period";
    /// PINs of one card go to it in different forms.
    pub const PIN_FORMS_DIFFER: &str = "pin-forms-differ";
    /// What a directory says of a key does not fit together, or with EF(TokenInfo).
    pub const KEY_CONTRADICTION: &str = "key-contradiction";
    /// The value of a private key stands in its directory.
    pub const KEY_IN_DIRECTORY: &str = "key-in-directory";
    /// Anything else that is odd.
    pub const ODD: &str = "odd";
}

/// Something wrong with a file on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    severity: Severity,
    code: &'static str,
    file: String,
    path: FilePath,
    object: Option<ObjectRef>,
    offset: Option<usize>,
    /// The number of the record it is in, of a file of records.
    record: Option<usize>,
    message: String,
    next_step: Option<String>,
    /// The next step on a card whose certificates this program does not change, if that is another.
    elsewhere: Option<String>,
    /// Whether it is of such a card.
    is_fixed: bool,
}

impl Problem {
    /// A problem of the file called `file` (`EF(CDF)`) at the absolute path `path`. `code` is one
    /// of [`code`]; the message starts in lower case and has no full stop.
    pub fn new(
        severity: Severity,
        code: &'static str,
        file: impl Into<String>,
        path: &FilePath,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            file: file.into(),
            path: path.clone(),
            object: None,
            offset: None,
            record: None,
            message: message.into(),
            next_step: None,
            elsewhere: None,
            is_fixed: false,
        }
    }

    /// What a lenient read of the file's content found.
    pub fn of_content(file: impl Into<String>, path: &FilePath, finding: Finding) -> Self {
        Self {
            object: finding.object,
            offset: Some(finding.offset),
            ..Self::new(
                finding.severity,
                finding.code.as_str(),
                file,
                path,
                finding.message,
            )
        }
    }

    /// The same, in the record with this number.
    #[must_use]
    pub(crate) const fn in_record(mut self, number: usize) -> Self {
        self.record = Some(number);
        self
    }

    /// What a parser found in the bytes called `file` (`ATR`), at its offset. An error if something
    /// could not be read or is missing, else a warning.
    pub fn of_bytes(file: impl Into<String>, error: kortlab_apdu::Error) -> Self {
        let severity = match error.kind().is_loss() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let message = error.kind().to_string();
        Self::new(
            severity,
            error.kind().code(),
            file,
            &FilePath::EMPTY,
            message,
        )
        .at(error.offset())
    }

    /// The file could not be read.
    pub fn unreadable(file: impl Into<String>, path: &FilePath, error: &CardError) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound => code::FILE_ABSENT,
            ErrorKind::Directory => code::PATH_TO_DIRECTORY,
            ErrorKind::Nonsense => code::NONSENSE_ANSWER,
            ErrorKind::Budget => code::BUDGET,
            _ => code::FILE_UNREADABLE,
        };
        let problem = Self::new(Severity::Error, code, file, path, error.to_string());
        match error.next_step() {
            Some(next) => problem.hint(next),
            None => problem,
        }
    }

    /// The same problem, at this byte of the file.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The same problem, of this object in the file.
    #[must_use]
    pub fn about(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }

    /// The same problem with a next step of its own.
    #[must_use]
    pub fn hint(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }

    /// The same problem with another next step where it is of a card whose certificates this program
    /// does not change, so that none of its commands can be named there.
    #[must_use]
    pub fn hint_elsewhere(mut self, next_step: impl Into<String>) -> Self {
        self.elsewhere = Some(next_step.into());
        self
    }

    /// The same problem of a card whose certificates this program does not change
    /// ([`Card::can_change_slots`](crate::Card::can_change_slots)).
    #[must_use]
    pub const fn of_fixed_card(mut self) -> Self {
        self.is_fixed = true;
        self
    }

    /// Whether it is of a card whose certificates this program does not change.
    pub const fn is_of_fixed_card(&self) -> bool {
        self.is_fixed
    }

    /// The same problem with this next step, unless it has one of its own.
    #[must_use]
    pub fn or_hint(mut self, next_step: &str) -> Self {
        self.next_step.get_or_insert_with(|| next_step.to_owned());
        self
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// A stable word for programs, in kebab case: one of [`code`], or of
    /// [`kortlab_pkcs15::Code::as_str`].
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Whether it counts as a finding: errors and warnings do, notes do not.
    pub fn counts(&self) -> bool {
        self.severity >= Severity::Warning
    }

    /// Whether it is a state that time or an issuer brings to every certificate, and no damage.
    pub fn is_state(&self) -> bool {
        matches!(self.code, "expired" | "not-yet-valid" | "revoked")
    }

    /// What the file is called: `EF(CDF)`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its absolute path.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// The object in the file that it is about.
    pub const fn object(&self) -> Option<&ObjectRef> {
        self.object.as_ref()
    }

    /// Where in the file: an offset in bytes from its start.
    pub const fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// What is wrong, and what that means.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn next_step(&self) -> String {
        let elsewhere = self.elsewhere.as_ref().filter(|_| self.is_fixed);
        match elsewhere.or(self.next_step.as_ref()) {
            Some(next) => next.clone(),
            None => self.usual_step(),
        }
    }

    /// Where it is: `EF(CDF) 3F00/5015/4403, byte 17, object 0 "Legitimering"`.
    pub fn place(&self) -> String {
        let mut place = self.file.clone();
        if !self.path.is_empty() {
            place.push(' ');
            place.push_str(&self.path.to_string());
        }
        if let Some(offset) = self.offset {
            place.push_str(&format!(", byte {offset}"));
        }
        if let Some(object) = &self.object {
            place.push_str(&format!(", object {}", object.index));
            if let Some(label) = &object.label {
                place.push_str(&format!(" {label:?}"));
            }
        }
        place
    }

    fn usual_step(&self) -> String {
        if self.path.is_empty() && self.severity > Severity::Note {
            return "whoever wrote it must correct it".to_owned();
        }
        let look = self.how_to_look();
        match self.code {
            // Nothing of this program's was interrupted there.
            code::FILE_ABSENT | code::DANGLING_PATH if self.is_fixed => {
                "whoever issued the card must restore the file, or the card be replaced".to_owned()
            }
            code::FILE_ABSENT | code::DANGLING_PATH => "if a change of the card was interrupted, \
                 run `kortlab recover`; otherwise whoever issued the card must restore the file, \
                 or the card be replaced"
                .to_owned(),
            code::FILE_UNREADABLE
            | code::NONSENSE_ANSWER
            | code::CORRUPTED
            | code::READ_WITH_WARNING
            | code::SELECTED_WITH_WARNING => {
                format!("read it again; if it stays so, {look}, and have the card replaced")
            }
            "duplicate-id" if self.file == "EF(CDF)" && self.is_fixed => format!(
                "if that entry is not wanted, whoever issued the card must take it away: kortlab \
                 changes no certificates on cards of this OS; {look}"
            ),
            "duplicate-id" if self.file == "EF(CDF)" => match &self.object {
                Some(object) => format!(
                    "if that entry is not wanted, take it away with `kortlab cert remove {}#{}`: a \
                     file that another entry names, too, stays",
                    self.path, object.index
                ),
                None => look,
            },
            code::NO_CERTIFICATES if self.is_fixed => elsewhere::write(None),
            code::NO_CERTIFICATES => {
                "write one with `kortlab cert write`, or renew the card".to_owned()
            }
            code::NO_SUCH_PIN | code::NO_CERTIFICATE_DIRECTORY | code::ENTRY_WITHOUT_FILE => {
                "the card's profile is incomplete: whoever issued the card must complete it"
                    .to_owned()
            }
            code::DOUBTFUL_PIN => {
                "until it is corrected, no such PIN is sent: sent as another, it \
                 would cost that one a try; whoever issued the card must correct EF(AODF) or \
                 EF(PrKDF)"
                    .to_owned()
            }
            code::PIN_REFERENCE_MISMATCH => "until it is corrected, no such PIN is sent without \
                 --doubtful-pin: it would cost another PIN a try; whoever issued the card must \
                 correct EF(AODF) or EF(PrKDF)"
                .to_owned(),
            code::KIND_NOT_READ | code::TOO_MANY => {
                format!("what was left out was not checked; {look}")
            }
            _ if self.severity == Severity::Note => {
                "nothing needs to be done; middleware that follows the standard copes".to_owned()
            }
            _ if self.is_fixed => format!("{look}; whoever wrote the file must correct it"),
            _ => format!(
                "{look}; if a change of the card was interrupted, run `kortlab recover`, otherwise \
                 whoever wrote the file must correct it"
            ),
        }
    }
}

impl Serialize for Problem {
    /// All of it, under the names of its methods. Bytes are hexadecimal text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Problem", 8)?;
        fields.serialize_field("severity", &self.severity.to_string())?;
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("path", &format_args!("{:X}", self.path))?;
        fields.serialize_field("object", &self.object.as_ref().map(Object))?;
        fields.serialize_field("offset", &self.offset)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("next_step", &self.next_step())?;
        fields.end()
    }
}

/// An object in a directory file, as JSON has it.
struct Object<'a>(&'a ObjectRef);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Object", 3)?;
        fields.serialize_field("index", &self.0.index)?;
        fields.serialize_field("label", &self.0.label)?;
        fields.serialize_field("id", &self.0.id.as_ref().map(ToString::to_string))?;
        fields.end()
    }
}

impl Problem {
    /// The commands that show the file.
    fn how_to_look(&self) -> String {
        let read = match self.record {
            Some(number) => format!("'00B2{number:02X}04/256'"),
            None => "'00B00000/256'".to_owned(),
        };
        match self.path.strip_prefix(&APPLICATION) {
            None => format!(
                "look at it with `kortlab apdu '00A40800:{}/256' {read}`",
                hex::encode_upper(self.path.below_master_file())
            ),
            // Its path from the MF is not known, and 3FFF is no file of the card.
            Some(below) => {
                let steps: Vec<_> = below
                    .fids()
                    .map(|fid| format!("'00A40000:{fid}/256'"))
                    .collect();
                format!(
                    "look at it with `kortlab apdu '00A40400:AID/256' {} {read}`, where AID \
                     is that of the PKCS#15 application, which `kortlab info` shows",
                    steps.join(" ")
                )
            }
        }
    }

    /// As the reason for something else: `EF(CDF) 3F00/5015/4403, byte 17: … [odd-path]`.
    pub(crate) fn as_reason(&self) -> String {
        format!("{}: {} [{}]", self.place(), self.message, self.code)
    }
}

impl fmt::Display for Problem {
    /// `warning: EF(CDF) 3F00/5015/4403, byte 17: … [odd-path]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.as_reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kortlab_pkcs15::{Code, Id};

    const CDF: FilePath = FilePath::of_static(&[0x3F, 0x00, 0x50, 0x15, 0x44, 0x03]);

    #[test]
    fn a_problem_says_its_severity_once_and_where_it_is() {
        let finding = Finding {
            severity: Severity::Warning,
            code: Code::OddPath,
            object: Some(ObjectRef {
                index: 2,
                label: Some("Kalle".into()),
                id: Some(Id::from(0x45)),
            }),
            offset: 17,
            message: "the path has 3 bytes".into(),
        };
        let problem = Problem::of_content("EF(CDF)", &CDF, finding);
        assert_eq!(
            problem.to_string(),
            "warning: EF(CDF) 3F00/5015/4403, byte 17, object 2 \"Kalle\": the path has 3 bytes \
             [odd-path]"
        );
        assert_eq!(problem.offset(), Some(17));
        assert!(problem.next_step().contains("'00A40800:50154403/256'"));
    }

    #[test]
    fn nothing_of_a_problem_is_lost_in_json() {
        let problem = Problem::new(
            Severity::Error,
            code::DANGLING_PATH,
            "EF(CDF)",
            &CDF,
            "gone",
        )
        .at(17)
        .about(ObjectRef {
            index: 2,
            label: None,
            id: Some(Id::from(0x45)),
        })
        .hint("look");
        let json = serde_json::to_string(&problem).expect("JSON");
        assert_eq!(
            json,
            r#"{"severity":"error","code":"dangling-path","file":"EF(CDF)","path":"3F0050154403","object":{"index":2,"label":null,"id":"45"},"offset":17,"message":"gone","next_step":"look"}"#
        );
    }

    #[test]
    fn what_a_parser_finds_keeps_its_offset_and_an_unread_rest_is_an_error() {
        let short = kortlab_apdu::Atr::parse(&[0x3B]).expect_err("one byte");
        let problem = Problem::of_bytes("ATR", short);
        assert_eq!(problem.severity(), Severity::Error);
        assert_eq!((problem.code(), problem.offset()), ("truncated", Some(0)));
        assert!(problem.place().starts_with("ATR, byte 0"));
        // There is no path to look at.
        assert!(!problem.next_step().contains("kortlab apdu"));
    }

    #[test]
    fn what_is_in_an_application_of_unknown_place_is_looked_at_through_its_aid() {
        let path = FilePath::from([0x3F, 0xFF, 0x50, 0x00, 0x44, 0x03]);
        let problem = Problem::new(Severity::Warning, code::ODD, "EF(CDF)", &path, "odd");
        let next = problem.next_step();
        assert!(
            next.contains("'00A40400:AID/256' '00A40000:5000/256' '00A40000:4403/256'"),
            "{next}"
        );
        assert!(!next.contains("3FFF"), "{next}");
    }

    #[test]
    fn an_absent_file_and_a_refusing_one_have_words_of_their_own() {
        let error = |kind| CardError::new(kind, "no");
        let code = |kind| Problem::unreadable("EF(CDF)", &CDF, &error(kind)).code();
        assert_eq!(code(ErrorKind::NotFound), "file-absent");
        assert_eq!(code(ErrorKind::Refused), "file-unreadable");
        assert_eq!(
            code(ErrorKind::PinRequired { role: None }),
            "file-unreadable"
        );
        assert_eq!(code(ErrorKind::Nonsense), "nonsense-answer");
    }
}
