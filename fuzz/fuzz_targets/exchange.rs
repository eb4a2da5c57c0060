//! libFuzzer's way into the target `exchange`.
#![no_main]

kortlab_fuzz::libfuzzer!(exchange);
