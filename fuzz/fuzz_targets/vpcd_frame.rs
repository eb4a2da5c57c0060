//! libFuzzer's way into the target `vpcd_frame`.
#![no_main]

kortlab_fuzz::libfuzzer!(vpcd_frame);
