//! libFuzzer's way into the target `csr`.
#![no_main]

kortlab_fuzz::libfuzzer!(csr);
