//! libFuzzer's way into the target `fcp`.
#![no_main]

kortlab_fuzz::libfuzzer!(fcp);
