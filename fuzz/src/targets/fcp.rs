//! File control information: FCI, FCP and FMD.

use kortlab_apdu::fcp::Fcp;

use crate::assert_inside;

/// Every finding stands inside the answer, and what is read without findings is written so that
/// it reads and writes the same again.
pub fn fcp(data: &[u8]) {
    let parsed = match Fcp::parse(data) {
        Ok(parsed) => parsed,
        Err(error) => return assert_inside(&error, data),
    };
    for finding in &parsed.findings {
        assert_inside(finding, data);
    }
    if let Some(descriptor) = parsed.value.descriptor {
        assert!((1..=6).contains(&descriptor.bytes().len()));
        assert!(!descriptor.kind().to_string().is_empty());
        assert_eq!(
            descriptor.record_size().is_some(),
            descriptor.bytes().len() >= 3
        );
        assert_eq!(
            descriptor.records().is_some(),
            descriptor.bytes().len() >= 5
        );
    }
    let encoded = parsed.value.encode();
    // Sizes of one byte grow to two, and nothing else grows.
    assert!(encoded.len() <= data.len() + 8, "{encoded:02X?}");
    let again = Fcp::parse(&encoded).expect("what was written");
    if parsed.findings.is_empty() {
        assert!(again.findings.is_empty(), "{:?}", again.findings);
        assert_eq!(again.value.encode(), encoded);
        assert_eq!(again.value.descriptor, parsed.value.descriptor);
        assert_eq!(again.value.file_id, parsed.value.file_id);
        assert_eq!(again.value.df_names, parsed.value.df_names);
        assert_eq!(again.value.size(), parsed.value.size());
        assert_eq!(again.value.others.len(), parsed.value.others.len());
    }
}
