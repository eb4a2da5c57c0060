//! libFuzzer's way into the target `certificate`.
#![no_main]

kortlab_fuzz::libfuzzer!(certificate);
