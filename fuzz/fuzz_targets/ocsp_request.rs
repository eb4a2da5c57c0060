//! libFuzzer's way into the target `ocsp_request`.
#![no_main]

kortlab_fuzz::libfuzzer!(ocsp_request);
