//! libFuzzer's way into the target `atr`.
#![no_main]

kortlab_fuzz::libfuzzer!(atr);
