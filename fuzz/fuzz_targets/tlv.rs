//! libFuzzer's way into the target `tlv`.
#![no_main]

kortlab_fuzz::libfuzzer!(tlv);
