//! libFuzzer's way into the target that `KORTLAB_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use kortlab_fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    Target::from_environment().unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2)
    })
});

libfuzzer_sys::fuzz_target!(
    init: {
        LazyLock::force(&TARGET);
    },
    |data: &[u8]| (TARGET.run)(data)
);
