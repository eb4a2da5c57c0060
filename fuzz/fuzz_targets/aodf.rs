//! libFuzzer's way into the target `aodf`.
#![no_main]

kortlab_fuzz::libfuzzer!(aodf);
