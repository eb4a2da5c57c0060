//! libFuzzer's way into the target `response`.
#![no_main]

kortlab_fuzz::libfuzzer!(response);
