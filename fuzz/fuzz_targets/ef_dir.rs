//! libFuzzer's way into the target `ef_dir`.
#![no_main]

kortlab_fuzz::libfuzzer!(ef_dir);
