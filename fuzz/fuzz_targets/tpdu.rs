//! libFuzzer's way into the target `tpdu`.
#![no_main]

kortlab_fuzz::libfuzzer!(tpdu);
