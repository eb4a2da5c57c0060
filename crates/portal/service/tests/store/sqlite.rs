//! What only SQLite can meet: other files, links, modes, bytes that were flipped.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use kortlab_issuer::random::IssuerRng;
use kortlab_portal::store::{self, Create, StoreError, StoreUrl};

use super::place::{Place, Sqlite};
use super::sample::{events, sample};

#[test]
fn other_files_are_refused_and_left_alone() {
    let place = Sqlite::new();
    fs::write(
        place.file(),
        "nothing like a database, but long enough for a header",
    )
    .unwrap();
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(fs::read(place.file()).unwrap().starts_with(b"nothing"));

    let place = Sqlite::new();
    place.sql("CREATE TABLE bookmarks (url TEXT)");
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(place.sql(".tables"), "bookmarks");

    let place = Sqlite::new();
    fs::create_dir(place.file()).unwrap();
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let nowhere = StoreUrl::sqlite(place.directory().join("no/such/portal.sqlite"));
    let error = store::open(&nowhere, Create::Yes).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

#[test]
fn the_database_is_its_owners_alone_and_syncs_its_log() {
    let place = Sqlite::new();
    let mut store = place.open();
    store.commit(&sample().steps[0], &events(1)).unwrap();
    for entry in fs::read_dir(place.directory()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
    assert_eq!(place.sql("PRAGMA journal_mode"), "wal");
}

#[test]
fn a_portal_by_another_path_is_refused_too() {
    let place = Sqlite::new();
    let _store = place.open();
    let link = place.directory().join("link.sqlite");
    symlink(place.file(), &link).unwrap();
    let error = store::open(&StoreUrl::sqlite(link), Create::Yes)
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
}

#[test]
fn an_empty_file_left_by_an_interrupted_start_becomes_a_store() {
    let place = Sqlite::new();
    fs::write(place.file(), "").unwrap();
    let error = store::open(&place.url(), Create::No).err().unwrap();
    assert!(matches!(error, StoreError::NotThere { .. }), "{error}");
    assert!(place.open().load().unwrap().is_empty());
}

/// Whatever the octets, there is an answer, and no panic.
#[test]
fn flipped_and_missing_octets_are_errors_or_verdicts_and_never_a_panic() {
    const SEED: u64 = 20_261_124;
    let place = Sqlite::new();
    let mut store = place.open();
    for step in &sample().steps {
        store.commit(step, &events(3)).unwrap();
    }
    drop(store);
    let whole = fs::read(place.file()).unwrap();
    let rng = &mut IssuerRng::from_seed(SEED, "flips");
    let mut draw =
        |below: usize| usize::try_from(u32::from_be_bytes(rng.bytes::<4>())).unwrap() % below;
    let mut refused = 0;
    for round in 0..150 {
        let mut octets = whole.clone();
        match round % 3 {
            0 => octets.truncate(draw(whole.len())),
            // Everything that steers is near the start of a page.
            1 => {
                let page = draw(whole.len() / 4096) * 4096;
                octets[page + draw(120)] ^= 1 << draw(8);
            }
            _ => octets[draw(whole.len())] = draw(256) as u8,
        }
        let place = Sqlite::new();
        fs::write(place.file(), &octets).unwrap();
        let opened = place.try_open().and_then(|mut store| {
            let verdict = store.verify_audit(None)?;
            store.load()?;
            store.commit(&sample().steps[0], &events(1))?;
            Ok(verdict)
        });
        refused += u32::from(opened.is_err());
    }
    assert!(
        refused > 50,
        "seed {SEED}: only {refused} of 150 were refused"
    );
}

#[test]
fn rows_longer_than_any_record_are_not_read() {
    let place = Sqlite::new();
    let mut store = place.open();
    place.sql(
        "INSERT INTO record VALUES ('card', 'x', \
         json_object('a', hex(zeroblob(3000000))))",
    );
    let error = store.load().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
