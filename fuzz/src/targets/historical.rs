//! Historical bytes and their COMPACT-TLV objects.

use kortlab_apdu::historical::{Category, Historical, Object};

use crate::assert_inside;

/// The objects stand one behind the other where their offsets say; what is not read is a
/// finding.
pub fn historical(data: &[u8]) {
    let historical = Historical::parse(data);
    assert_eq!(historical.bytes(), data);
    assert_eq!(historical.category().is_none(), data.is_empty());
    for finding in historical.findings() {
        assert_inside(finding, data);
    }
    let mut end = 1;
    for object in historical.compact_tlvs() {
        assert_eq!(object.offset, end);
        let header = data[object.offset];
        assert_eq!(
            (header >> 4, usize::from(header & 0x0F)),
            (object.tag, object.value.len())
        );
        end += 1 + object.value.len();
        assert_eq!(data.get(object.offset + 1..end), Some(object.value));
        assert!(!object.name().is_empty());
        if let Object::Capabilities(capabilities) = object.object() {
            assert_eq!(
                capabilities.logical_channels().is_some(),
                object.value.len() == 3
            );
            assert_eq!(capabilities.data_coding().is_some(), object.value.len() > 1);
            assert!(
                capabilities
                    .data_unit_quartets()
                    .is_none_or(|unit| unit > 0)
            );
        }
    }
    let read = match historical.category() {
        Some(Category::CompactTlv) => end,
        Some(Category::CompactTlvThenStatus) if historical.status_indicator().is_some() => end + 3,
        _ => data.len(),
    };
    assert!(read == data.len() || !historical.findings().is_empty());
}
