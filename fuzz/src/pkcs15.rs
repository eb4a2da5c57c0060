//! What must hold of every PKCS#15 file.

use std::fmt::Debug;

use kortlab_apdu::tlv::walk;
use kortlab_pkcs15::{
    Directory, DirectoryObject, Edit, EncodeError, Finding, MAX_FINDINGS, MAX_OBJECTS,
};

/// Objects and findings are bounded and point inside; what is written is DER, and settles when it
/// is read and written again; a file without findings comes out of an edit as it went in.
pub(crate) fn directory<T: DirectoryObject + Clone + PartialEq + Debug>(data: &[u8]) {
    let read = Directory::<T>::parse(data);
    assert!(read.value.entries.len() <= MAX_OBJECTS);
    assert_findings(&read.findings, data);
    assert_settles(read.value.encode(), |bytes| {
        Directory::<T>::parse(bytes).value.encode()
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
}

/// Findings are bounded and point into the file, or just behind it.
pub(crate) fn assert_findings(findings: &[Finding], data: &[u8]) {
    assert!(findings.len() <= MAX_FINDINGS);
    for finding in findings {
        assert!(finding.offset <= data.len(), "{finding}");
        assert!(!finding.message.is_empty());
    }
}

/// What was written has minimal lengths. Read and written again it stays as it is, or changes
/// and settles in a few rounds: an element may come into view that was hidden behind a superfluous
/// one, and broken objects that stand side by side without filler may look like one.
pub(crate) fn assert_settles(
    first: Result<Vec<u8>, EncodeError>,
    again: impl Fn(&[u8]) -> Result<Vec<u8>, EncodeError>,
) {
    let Ok(mut bytes) = first else { return };
    let settled = (0..MAX_ROUNDS).any(|_| {
        for object in walk(&bytes, 1) {
            let Ok(visit) = object else { break };
            assert!(visit.object.minimal_length);
        }
        let next = again(&bytes).expect("it was written before");
        core::mem::replace(&mut bytes, next.clone()) == next
    });
    assert!(settled, "{bytes:02X?}");
}

/// The most rounds of reading and writing in which a file must settle.
const MAX_ROUNDS: usize = 32;
