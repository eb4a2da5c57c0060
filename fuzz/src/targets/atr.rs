//! Answers to reset.

use kortlab_apdu::Atr;
use kortlab_apdu::atr::{AtrBuilder, MAX_ATR, MAX_HISTORICAL};
use kortlab_apdu::error::ErrorKind;

use crate::assert_inside;

/// Every finding stands inside the ATR, its parts stay within the standard's bounds, a wrong TCK
/// is mended by what the finding says, and what the parts of a flawless ATR build is as
/// flawless.
pub fn atr(data: &[u8]) {
    let atr = match Atr::parse(data) {
        Ok(atr) => atr,
        Err(error) => return assert_inside(&error, data),
    };
    assert_eq!(atr.bytes(), data);
    assert!(atr.historical_bytes().len() <= MAX_HISTORICAL);
    assert!(atr.interfaces().len() < MAX_ATR);
    assert!(!atr.offered_protocols().is_empty());
    let end = atr.historical_offset() + atr.historical_bytes().len();
    assert_eq!(
        data.get(atr.historical_offset()..end),
        Some(atr.historical_bytes())
    );
    for finding in atr.findings() {
        assert_inside(finding, data);
        if let ErrorKind::Mismatch { expected, .. } = finding.kind() {
            let mut mended = data.to_vec();
            mended[finding.offset()] = expected as u8;
            let mended = Atr::parse(&mended).expect("TS and T0 are the same");
            assert_eq!(mended.findings().len() + 1, atr.findings().len());
        }
    }
    let _ = (
        atr.fi(),
        atr.di(),
        atr.max_frequency_khz(),
        atr.extra_guard_time(),
        atr.specific_mode(),
        atr.waiting_time_integer(),
        atr.clock_stop_and_classes(),
        atr.error_detection(),
    );
    let t1 = atr.offered_protocols().contains(&1);
    assert_eq!(atr.information_field_size().is_some(), t1);
    assert_eq!(atr.block_waiting_time_integer().is_some(), t1);
    assert_eq!(atr.character_waiting_time_integer().is_some(), t1);
    if atr.findings().is_empty() {
        rebuild(&atr);
    }
}

/// Builds an ATR that offers the same; it may be shorter, where the first one was verbose.
fn rebuild(atr: &Atr) {
    let first = atr.interfaces().first().copied().unwrap_or_default();
    let mut builder = AtrBuilder::new()
        .convention(atr.convention())
        .global(first.ta, first.tb, first.tc)
        .historical(atr.historical_bytes());
    for protocol in atr.offered_protocols() {
        builder = match atr.information_field_size() {
            Some(size) if protocol == 1 => builder.protocol(1, Some(size), None, None),
            _ => builder.protocol(protocol, None, None, None),
        };
    }
    // The order of protocols is the only thing that can still be wrong, and it is not.
    let built = builder.build().expect("parts of a flawless ATR");
    assert_eq!(built.historical_bytes(), atr.historical_bytes());
    assert_eq!(built.offered_protocols(), atr.offered_protocols());
    assert_eq!((built.fi(), built.di()), (atr.fi(), atr.di()));
    assert_eq!(built.information_field_size(), atr.information_field_size());
}
