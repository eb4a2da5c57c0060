//! libFuzzer's way into the target `historical`.
#![no_main]

kortlab_fuzz::libfuzzer!(historical);
