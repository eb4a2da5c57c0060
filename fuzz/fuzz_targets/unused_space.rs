//! libFuzzer's way into the target `unused_space`.
#![no_main]

kortlab_fuzz::libfuzzer!(unused_space);
