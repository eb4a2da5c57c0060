//! libFuzzer's way into the target `image`.
#![no_main]

kortlab_fuzz::libfuzzer!(image);
