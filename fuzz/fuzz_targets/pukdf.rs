//! libFuzzer's way into the target `pukdf`.
#![no_main]

kortlab_fuzz::libfuzzer!(pukdf);
