//! What every store must do.

use std::collections::BTreeMap;

use kortlab_issuer::authority::AuthorityKind;
use kortlab_portal::audit::{AuditHash, Verdict, Wrong};
use kortlab_portal::store::{self, Create, Store, StoreError, StoreUrl};
use kortlab_portal_core::change::Change;

use super::place::{Place, Postgres, Sqlite};
use super::sample::{event, events, sample};

macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            use super::*;
            $( #[test] fn $test() {
                super::$test(store::open(&StoreUrl::memory(), Create::Yes).unwrap());
            } )+
        }
        mod sqlite {
            use super::*;
            $( #[test] fn $test() { super::$test(Sqlite::new().open()); } )+
        }
        mod postgres {
            use super::*;
            $( #[test] fn $test() { super::$test(Postgres::new(stringify!($test)).open()); } )+
        }
    };
}

macro_rules! on_every_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite_again {
            use super::*;
            $( #[test] fn $test() { super::$test(&Sqlite::new()); } )+
        }
        mod postgres_again {
            use super::*;
            $( #[test] fn $test() { super::$test(&Postgres::new(stringify!($test))); } )+
        }
    };
}

on_every_store!(
    what_was_committed_last_of_each_record_is_loaded_again,
    the_audit_log_numbers_its_entries_and_gives_them_in_pages,
    a_log_as_written_verifies_with_every_hash_noted_from_it,
);

on_every_database!(
    a_store_that_is_opened_again_has_it_all,
    a_second_portal_is_refused_until_the_first_has_ended,
    every_changed_column_is_found_in_its_entry,
    removed_and_moved_entries_are_found,
    missing_last_entries_are_found_by_the_running_portal_and_with_a_noted_hash,
    a_commit_is_stored_as_a_whole_or_not_at_all,
    a_portal_that_was_overtaken_stores_nothing,
    a_newer_a_foreign_and_a_missing_store_are_refused,
    a_damaged_store_is_an_error_that_names_the_record,
    an_operator_can_read_the_tables,
);

/// The last of each record.
fn expected() -> BTreeMap<(&'static str, String), Change> {
    let all = sample().steps.iter().flatten();
    all.map(|change| ((change.table(), change.key()), change.clone()))
        .collect()
}

fn loaded(store: &mut dyn Store) -> BTreeMap<(&'static str, String), Change> {
    let changes = store.load().unwrap();
    let count = changes.len();
    let map: BTreeMap<_, _> = changes
        .into_iter()
        .map(|change| ((change.table(), change.key()), change))
        .collect();
    assert_eq!(map.len(), count, "a record is there twice");
    map
}

fn fill(store: &mut dyn Store) {
    for (number, step) in sample().steps.iter().enumerate() {
        store.commit(step, &[event(number as u64)]).unwrap();
    }
}

fn verify(store: &mut dyn Store) -> Verdict {
    store.verify_audit(None).unwrap()
}

fn broken(store: &mut dyn Store) -> Option<(u64, Wrong)> {
    let broken = verify(store).broken;
    broken.map(|broken| (broken.sequence, broken.wrong))
}

fn what_was_committed_last_of_each_record_is_loaded_again(mut store: Box<dyn Store>) {
    assert!(store.load().unwrap().is_empty());
    fill(&mut *store);
    let expected = expected();
    let kinds = ["card", "certificate", "crl-number", "order", "revocation"];
    for kind in kinds {
        assert!(expected.keys().any(|(table, _)| *table == kind), "{kind}");
    }
    assert_eq!(loaded(&mut *store), expected);
    // The same again changes nothing.
    store.commit(&sample().steps[3], &[]).unwrap();
    assert_eq!(loaded(&mut *store), expected);
    let mut portal = sample().restore(store.load().unwrap());
    assert!(portal.crl(AuthorityKind::Hcc).is_ok());
}

fn the_audit_log_numbers_its_entries_and_gives_them_in_pages(mut store: Box<dyn Store>) {
    assert!(store.audit(0, 10).unwrap().is_empty());
    store.commit(&[], &events(1200)).unwrap();
    store.commit(&[], &[]).unwrap();
    store.commit(&[], &events(1)).unwrap();
    let numbers = |entries: Vec<kortlab_portal::audit::AuditEntry>| {
        entries
            .iter()
            .map(|entry| entry.sequence)
            .collect::<Vec<_>>()
    };
    let page = store.audit(2, 3).unwrap();
    assert_eq!(page[0].outcome, "done");
    assert_eq!(page[1].outcome, "refused: unknown-hcc");
    assert_eq!(page[1].operation, "removed");
    assert_eq!(page[1].at, 1_795_478_403);
    assert_eq!(
        page[1].subject,
        r#"{"certificates":["4A01"],"detail":"Åsa's \"card\""}"#
    );
    assert_eq!(numbers(page), [3, 4, 5]);
    // No page is longer than 1,000.
    assert_eq!(numbers(store.audit(0, u32::MAX).unwrap()).len(), 1000);
    assert_eq!(
        numbers(store.audit(1000, 1000).unwrap()).last(),
        Some(&1201)
    );
    assert!(store.audit(u64::MAX, 1).unwrap().is_empty());
    assert!(store.audit(0, 0).unwrap().is_empty());
    assert_eq!(store.audit_head().sequence, 1201);
}

fn a_log_as_written_verifies_with_every_hash_noted_from_it(mut store: Box<dyn Store>) {
    assert_eq!(verify(&mut *store).head.sequence, 0);
    store.commit(&[], &events(1100)).unwrap();
    let verdict = verify(&mut *store);
    assert_eq!(verdict.broken, None);
    assert_eq!(verdict.head, store.audit_head());
    for at in [0, 999, 1000, 1099] {
        let noted: AuditHash = store.audit(at, 1).unwrap()[0].hash.parse().unwrap();
        assert!(store.verify_audit(Some(noted)).unwrap().is_good(), "{at}");
    }
    let never = Some(AuditHash::new([7; 32]));
    assert!(!store.verify_audit(never).unwrap().is_good());
}

fn a_store_that_is_opened_again_has_it_all(place: &impl Place) {
    let mut store = place.open();
    fill(&mut *store);
    let head = store.audit_head();
    drop(store);
    let mut store = place.open();
    assert_eq!(loaded(&mut *store), expected());
    assert_eq!(store.audit_head(), head);
    // The chain goes on where it stopped.
    store.commit(&[], &events(2)).unwrap();
    let verdict = store.verify_audit(Some(head.hash)).unwrap();
    assert_eq!((verdict.head.sequence, verdict.broken), (6, None));
}

fn a_second_portal_is_refused_until_the_first_has_ended(place: &impl Place) {
    let mut first = place.open();
    let Err(error) = place.try_open() else {
        panic!("two portals have the same store");
    };
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("another portal"), "{error}");
    fill(&mut *first);
    drop(first);
    assert_eq!(loaded(&mut *place.open()), expected());
}

fn every_changed_column_is_found_in_its_entry(place: &impl Place) {
    place.open().commit(&[], &events(3)).unwrap();
    for entry in 1..=3 {
        for change in [
            "at = at + 1",
            "actor = 'administrator'",
            "operation = 'removed '",
            "outcome = 'refused: x'",
            "subject = replace(subject, '4A01', '4A02')",
            "subject = ''",
            "hash = replace(hash, substr(hash, 64), 'g')",
            "hash = ''",
        ] {
            place.sql("CREATE TABLE kept AS SELECT * FROM audit");
            place.sql(&format!(
                "UPDATE audit SET {change} WHERE sequence = {entry}"
            ));
            let found = place.try_open().map(|mut store| {
                let verdict = verify(&mut *store);
                assert_eq!(verdict.head.sequence, entry - 1);
                verdict.broken.map(|broken| (broken.sequence, broken.wrong))
            });
            match found {
                Ok(found) => assert_eq!(found, Some((entry, Wrong::Changed)), "{change}"),
                // Nothing can be appended to a last entry whose hash is none.
                Err(error) => {
                    assert!(
                        entry == 3 && change.starts_with("hash"),
                        "{change}: {error}"
                    );
                    assert!(error.to_string().contains("entry 3"), "{error}");
                }
            }
            place.sql("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
        }
    }
    assert_eq!(broken(&mut *place.open()), None);
}

fn removed_and_moved_entries_are_found(place: &impl Place) {
    place.open().commit(&[], &events(5)).unwrap();
    for (sql, found) in [
        ("DELETE FROM audit WHERE sequence = 1", (1, Wrong::Missing)),
        ("DELETE FROM audit WHERE sequence = 3", (3, Wrong::Missing)),
        (
            "DELETE FROM audit WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5",
            (4, Wrong::Changed),
        ),
        (
            "UPDATE audit SET sequence = 9 WHERE sequence = 2; \
             UPDATE audit SET sequence = 2 WHERE sequence = 3; \
             UPDATE audit SET sequence = 3 WHERE sequence = 9",
            (2, Wrong::Changed),
        ),
        (
            "INSERT INTO audit SELECT 6, at, actor, operation, outcome, subject, hash \
             FROM audit WHERE sequence = 5",
            (6, Wrong::Changed),
        ),
    ] {
        place.sql("CREATE TABLE kept AS SELECT * FROM audit");
        place.sql(sql);
        assert_eq!(broken(&mut *place.open()), Some(found), "{sql}");
        place.sql("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept");
    }
}

fn missing_last_entries_are_found_by_the_running_portal_and_with_a_noted_hash(place: &impl Place) {
    let mut store = place.open();
    store.commit(&[], &events(5)).unwrap();
    let noted = Some(store.audit_head().hash);
    place.sql("DELETE FROM audit WHERE sequence > 3");
    assert_eq!(broken(&mut *store), Some((4, Wrong::OtherEnd)));
    drop(store);
    let mut store = place.open();
    assert_eq!(broken(&mut *store), None, "nothing inside shows it");
    let found = store.verify_audit(noted).unwrap().broken.unwrap();
    assert_eq!((found.sequence, found.wrong), (4, Wrong::NotedHashGone));
}

fn a_commit_is_stored_as_a_whole_or_not_at_all(place: &impl Place) {
    let mut store = place.open();
    let steps = &sample().steps;
    store.commit(&steps[0], &events(1)).unwrap();
    let before = loaded(&mut *store);
    // The entry that comes last in the transaction finds its place taken.
    place
        .sql("INSERT INTO audit SELECT 2, at, actor, operation, outcome, subject, hash FROM audit");
    let error = store.commit(&steps[1], &events(1)).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    place.sql("DELETE FROM audit WHERE sequence = 2");
    assert_eq!(loaded(&mut *store), before);
    store.commit(&steps[1], &events(1)).unwrap();
    assert_eq!(broken(&mut *store), None);
    assert_eq!(store.audit_head().sequence, 2);
}

fn a_portal_that_was_overtaken_stores_nothing(place: &impl Place) {
    let mut store = place.open();
    let steps = &sample().steps;
    store.commit(&steps[0], &events(1)).unwrap();
    let before = loaded(&mut *store);
    place.sql("UPDATE store SET revision = revision + 1");
    for _ in 0..2 {
        let error = store.commit(&steps[1], &events(1)).unwrap_err();
        assert!(matches!(error, StoreError::Overtaken { .. }), "{error}");
    }
    assert_eq!(loaded(&mut *store), before);
    store.commit(&steps[1], &events(1)).unwrap();
}

fn a_newer_a_foreign_and_a_missing_store_are_refused(place: &impl Place) {
    let error = store::open(&place.url(), Create::No).err().unwrap();
    assert!(matches!(error, StoreError::NotThere { .. }), "{error}");
    drop(place.open());
    place.sql("UPDATE store SET version = 3");
    let error = place.try_open().err().unwrap();
    assert!(error.to_string().contains("version 3"), "{error}");
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    for sql in [
        "UPDATE store SET version = 0",
        "DELETE FROM store",
        "INSERT INTO store VALUES (1, 0), (1, 1)",
    ] {
        place.sql(sql);
        let error = place.try_open().err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}

fn a_damaged_store_is_an_error_that_names_the_record(place: &impl Place) {
    let mut store = place.open();
    fill(&mut *store);
    for change in [
        "document = '{}'",
        "document = '[1, {}]'",
        "document = 'null'",
        "key = '../../etc'",
        "kind = 'order'",
        "document = (SELECT document FROM record WHERE kind = 'order')",
    ] {
        place.sql("CREATE TABLE kept AS SELECT * FROM record");
        place.sql(&format!("UPDATE record SET {change} WHERE kind = 'card'"));
        let error = store.load().unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("the card") || text.contains("the order"),
            "{text}"
        );
        place.sql("DELETE FROM record; INSERT INTO record SELECT * FROM kept; DROP TABLE kept");
    }
    assert_eq!(loaded(&mut *store), expected());
    place.sql("ALTER TABLE record RENAME COLUMN document TO other");
    let error = store.load().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

fn an_operator_can_read_the_tables(place: &impl Place) {
    let mut store = place.open();
    fill(&mut *store);
    let order = place.sql("SELECT state, card_number FROM placed_order");
    let card = place.sql("SELECT card_number FROM card");
    assert_eq!(order, format!("received|{card}"));
    let revoked = "SELECT authority, revoked_for FROM certificate WHERE revoked_for IS NOT NULL";
    assert_eq!(place.sql(revoked), "hcc|keyCompromise");
    let log = place.sql("SELECT time, outcome FROM audit_log ORDER BY sequence LIMIT 1");
    assert!(log.starts_with("2026-11-24 00:00:00"), "{log}");
    assert!(log.ends_with("|refused: unknown-hcc"), "{log}");
    drop(store);
}
