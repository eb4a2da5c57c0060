//! libFuzzer's way into the target `cdf`.
#![no_main]

kortlab_fuzz::libfuzzer!(cdf);
