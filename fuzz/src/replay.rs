//! What the tests of every target do: replay files, mutate seeds, try arbitrary bytes.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

/// Runs the target on every file in its `seeds/` and `regressions/`. A target without a seed
/// fails: its mutations would start from nothing.
pub fn files(name: &str, run: fn(&[u8])) {
    assert!(
        !contents("seeds", name).is_empty(),
        "no seeds: put at least one real input into fuzz/seeds/{name}/"
    );
    for directory in ["seeds", "regressions"] {
        for (path, data) in contents(directory, name) {
            if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
                panic!("{} breaks the target {name}", path.display());
            }
        }
    }
}

/// Runs the target on seeds that were cut, lengthened, and had bytes changed.
pub fn mutated_seeds(name: &str, run: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = contents("seeds", name)
        .into_iter()
        .map(|(_, data)| data)
        .collect();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let strategy = (
        prop::sample::select(seeds),
        changes,
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<u8>(), 0..8),
        any::<bool>(),
    )
        .prop_map(|(mut data, changes, at, tail, cut)| {
            for (index, byte) in changes {
                if !data.is_empty() {
                    let index = index.index(data.len());
                    data[index] = byte;
                }
            }
            let at = at.index(data.len() + 1);
            if cut {
                data.truncate(at);
            } else {
                data.splice(at..at, tail);
            }
            data
        });
    check(name, run, strategy);
}

/// Runs the target on arbitrary bytes.
pub fn arbitrary_bytes(name: &str, run: fn(&[u8])) {
    check(name, run, prop::collection::vec(any::<u8>(), 0..600));
}

fn check(name: &str, run: fn(&[u8]), strategy: impl Strategy<Value = Vec<u8>>) {
    let default = Config::default();
    let config = Config {
        cases: default.cases.max(512),
        // Finds are kept as files in regressions/, where libFuzzer's are too.
        failure_persistence: None,
        ..default
    };
    proptest!(config, |(data in strategy)| {
        catch_unwind(AssertUnwindSafe(|| run(&data))).map_err(|_| {
            let hex: String = data.iter().map(|byte| format!("{byte:02X}")).collect();
            TestCaseError::fail(format!(
                "keep it: `echo {hex} | xxd -r -p > fuzz/regressions/{name}/NAME`"
            ))
        })?;
    });
}

fn contents(directory: &str, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let path = root().join(directory).join(name);
    let mut files: Vec<_> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a readable directory").path())
        .map(|path| (path.clone(), fs::read(&path).expect("a readable file")))
        .collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_file_is_in_the_list_and_no_directory_is_an_orphan() {
    let names: Vec<_> = crate::TARGETS.iter().map(|target| target.name).collect();
    assert!(names.is_sorted(), "the list is in alphabetical order");
    for file in entries("src/targets") {
        let name = file.trim_end_matches(".rs");
        assert!(
            names.contains(&name) || name == "mod",
            "fuzz/src/targets/{file} is not in the list of fuzz/src/targets/mod.rs"
        );
    }
    for directory in ["seeds", "regressions"] {
        for entry in entries(directory) {
            assert!(
                names.contains(&entry.as_str()) || entry == "README.md",
                "fuzz/{directory}/{entry} belongs to no target"
            );
        }
    }
}

#[test]
fn libfuzzer_is_told_which_targets_there_are() {
    for target in crate::TARGETS {
        let found = crate::Target::named(target.name).expect("a target");
        assert_eq!(found.name, target.name);
    }
    for wrong in ["", "no_such_target", "atr "] {
        let error = crate::Target::named(wrong).expect_err("no target");
        assert!(error.starts_with("KORTLAB_FUZZ_TARGET names no target: "));
        assert!(error.contains(" tlv "), "{error}");
    }
}

/// The names of what a directory of this package holds.
fn entries(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(directory)).expect("a directory");
    entries
        .map(|entry| entry.expect("a readable directory").file_name())
        .map(|name| name.into_string().expect("a name"))
        .collect()
}
