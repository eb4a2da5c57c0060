//! libFuzzer's way into the target `odf`.
#![no_main]

kortlab_fuzz::libfuzzer!(odf);
