//! libFuzzer's way into the target `dodf`.
#![no_main]

kortlab_fuzz::libfuzzer!(dodf);
