//! libFuzzer's way into the target `command`.
#![no_main]

kortlab_fuzz::libfuzzer!(command);
