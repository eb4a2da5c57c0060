//! libFuzzer's way into the target `receipt`.
#![no_main]

kortlab_fuzz::libfuzzer!(receipt);
