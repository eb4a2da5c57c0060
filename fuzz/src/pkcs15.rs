//! What must hold of every PKCS#15 file.

use std::fmt::Debug;

use kortlab_apdu::tlv::walk;
use kortlab_pkcs15::{
    Directory, DirectoryObject, Edit, EncodeError, Finding, MAX_FINDINGS, MAX_OBJECTS, Parsed,
};

/// Objects and findings are bounded and point inside, also of a file of records; what is written is DER,
/// and is read back as it was; a file without findings comes out of an edit as it went in.
pub(crate) fn directory<T: DirectoryObject + Clone + PartialEq + Debug>(data: &[u8]) {
    let read = Directory::<T>::parse(data);
    assert!(read.value.entries.len() <= MAX_OBJECTS);
    assert_findings(&read.findings, data);
    assert_read_back(&read, Directory::<T>::encode, |bytes| {
        Directory::<T>::parse(bytes).value
    });

    let mut edit = Edit::<T>::new(data, data.len());
    assert_eq!(edit.len(), read.value.entries.len());
    assert!(edit.encoded_len() <= data.len());
    edit.discard_garbage();
    let written = edit.finish().expect("no longer than before");
    assert_eq!(written.len(), data.len());
    if read.is_clean() {
        assert_eq!(Directory::<T>::parse(&written), read);
    }
    if let Some((&length, file)) = data.split_first() {
        let records: Vec<_> = file.chunks(usize::from(length).max(1)).collect();
        let read = Directory::<T>::parse_records(&records);
        assert!(read.value.entries.len() <= MAX_OBJECTS);
        assert_findings(&read.findings, file);
        assert_read_back(&read, Directory::<T>::encode, |bytes| {
            Directory::<T>::parse(bytes).value
        });
    }
}

/// Findings are bounded and point into the file, or just behind it.
pub(crate) fn assert_findings(findings: &[Finding], data: &[u8]) {
    assert!(findings.len() <= MAX_FINDINGS);
    for finding in findings {
        assert!(finding.offset <= data.len(), "{finding}");
        assert!(!finding.message.is_empty());
    }
}

/// What can be written has minimal lengths, and is read back as the value that was written. What
/// was read without a finding is not refused for what the reader would make of it.
pub(crate) fn assert_read_back<T: PartialEq + Debug>(
    read: &Parsed<T>,
    encode: impl Fn(&T) -> Result<Vec<u8>, EncodeError>,
    parse: impl Fn(&[u8]) -> T,
) {
    let bytes = match encode(&read.value) {
        Ok(bytes) => bytes,
        Err(error) => {
            let changed = matches!(error, EncodeError::NotReadBack { .. });
            assert!(!(changed && read.is_clean()), "{read:?}");
            return;
        }
    };
    for object in walk(&bytes, 1) {
        let Ok(visit) = object else { break };
        assert!(visit.object.minimal_length);
    }
    let again = parse(&bytes);
    assert_eq!(again, read.value);
    assert_eq!(encode(&again), Ok(bytes));
}
