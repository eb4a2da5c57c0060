//! libFuzzer's way into the target `script`.
#![no_main]

kortlab_fuzz::libfuzzer!(script);
