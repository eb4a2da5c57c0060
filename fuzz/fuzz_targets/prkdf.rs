//! libFuzzer's way into the target `prkdf`.
#![no_main]

kortlab_fuzz::libfuzzer!(prkdf);
