//! A disk that is full, and one that must not be written to: mounted for the test alone.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use kortlab_portal::store::{self, Create, StoreError, StoreUrl};

use super::sample::{events, sample};

/// Tells the test inside where the disk is.
const DISK: &str = "KORTLAB_STORE_DISK";

/// Runs this file's test of that name with `$1` mounted.
fn run_inside(mount: &str, test: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "sh", "-c"])
        .arg(format!(
            r#"set -e; {mount}; exec "$2" --exact --ignored --nocapture "$3""#
        ))
        .arg("sh")
        .arg(directory.path())
        .arg(env::current_exe().unwrap())
        .arg(format!("full_disk::{test}"))
        .env(DISK, directory.path())
        .output()
        .expect("unshare is not installed; run: cargo xtask test");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}");
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn disk() -> PathBuf {
    PathBuf::from(env::var_os(DISK).unwrap())
}

#[test]
fn on_a_full_disk_a_commit_fails_as_a_whole_and_with_room_it_goes_on() {
    run_inside(
        "mount -t tmpfs -o size=1m tmpfs \"$1\"",
        "inside_a_full_disk",
    );
}

#[test]
fn on_a_disk_that_must_not_be_written_to_a_store_is_not_opened() {
    run_inside(
        "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"",
        "inside_a_read_only_disk",
    );
}

#[test]
#[ignore = "runs where another test has mounted a small disk"]
fn inside_a_full_disk() {
    let url = StoreUrl::sqlite(disk().join("portal.sqlite"));
    let mut store = store::open(&url, Create::Yes).unwrap();
    let mut committed = 0;
    for step in &sample().steps {
        store.commit(step, &events(1)).unwrap();
        committed += 1;
    }
    let records = store.load().unwrap();
    // What fills the disk is something else, but for the last pages.
    let filler = disk().join("filler");
    fs::write(&filler, vec![0; 700 * 1024]).unwrap();
    let error = loop {
        match store.commit(&[], &events(20)) {
            Ok(()) => committed += 20,
            Err(error) => break error,
        }
        assert!(committed < 100_000);
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    // It goes on failing, and everything that was committed can be read.
    for _ in 0..3 {
        assert!(store.commit(&sample().steps[0], &events(200)).is_err());
        assert_eq!(store.load().unwrap(), records);
        let verdict = store.verify_audit(None).unwrap();
        assert_eq!((verdict.head.sequence, verdict.broken), (committed, None));
    }
    fs::remove_file(&filler).unwrap();
    store.commit(&sample().steps[0], &events(20)).unwrap();
    drop(store);
    let mut store = store::open(&url, Create::No).unwrap();
    let verdict = store.verify_audit(None).unwrap();
    assert_eq!(verdict.head.sequence, committed + 20);
    assert_eq!(verdict.broken, None);
    assert_eq!(store.load().unwrap(), records);
}

#[test]
#[ignore = "runs where another test has mounted a disk read-only"]
fn inside_a_read_only_disk() {
    let url = StoreUrl::sqlite(disk().join("portal.sqlite"));
    let error = store::open(&url, Create::Yes).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("Read-only"), "{error}");
}
