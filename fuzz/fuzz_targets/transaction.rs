//! libFuzzer's way into the target `transaction`.
#![no_main]

kortlab_fuzz::libfuzzer!(transaction);
