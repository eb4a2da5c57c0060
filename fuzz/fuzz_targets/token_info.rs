//! libFuzzer's way into the target `token_info`.
#![no_main]

kortlab_fuzz::libfuzzer!(token_info);
