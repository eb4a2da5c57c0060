//! Following a store that a portal writes to: everything at first, then what is new, without a lock.

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::clock::Timestamp;
use kortlab_portal::store::{self, Follower, News, PublishedCrl, StoreError, StoreUrl};
use kortlab_portal_core::change::Change;

use super::place::{Place, Postgres};
use super::sample::{events, sample};

fn follow(follower: &mut dyn Follower) -> Vec<News> {
    let mut told = Vec::new();
    follower.follow(&mut |news| told.push(news)).unwrap();
    told
}

/// What these records are to a follower, in any order.
fn expected(changes: &[Change]) -> Vec<String> {
    let told = changes.iter().filter_map(|change| match change {
        Change::Certificate(record) => Some(News::Issued(record.authority, record.serial.clone())),
        Change::Revocation(record) => Some(News::Stands(
            record.authority,
            record.serial.clone(),
            record.reason.map(|reason| (record.since, reason)),
        )),
        _ => None,
    });
    sorted(told)
}

fn sorted(told: impl IntoIterator<Item = News>) -> Vec<String> {
    let mut told: Vec<_> = told.into_iter().map(|news| format!("{news:?}")).collect();
    told.sort();
    told
}

#[test]
fn two_followers_see_each_commit_and_the_writer_keeps_its_lock() {
    let place = Postgres::new("followed");
    let mut writer = place.open();
    let steps = &sample().steps;
    writer.commit(&steps[0], &events(1)).unwrap();
    let mut followers = [(); 2].map(|()| store::follow(&place.url()).unwrap());
    for follower in &mut followers {
        let told = follow(follower.as_mut());
        assert_eq!(told[0], News::Anew);
        assert_eq!(sorted(told[1..].to_vec()), expected(&steps[0]));
        assert_eq!(follow(follower.as_mut()), [], "nothing is told twice");
    }
    for step in &steps[1..] {
        writer.commit(step, &events(1)).unwrap();
        for follower in &mut followers {
            assert_eq!(sorted(follow(follower.as_mut())), expected(step));
        }
    }
    // They hold no lock: only the writer does, and a second one is still refused.
    let locks = "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid \
                 WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(place.sql(locks), "1");
    assert!(matches!(place.try_open(), Err(StoreError::InUse { .. })));
    let count = writer.audit_head().sequence;
    assert_eq!(place.sql("SELECT count(*) FROM audit"), count.to_string());
}

#[test]
fn a_crl_is_told_when_it_is_published_and_an_older_one_never_takes_its_place() {
    let place = Postgres::new("crls");
    let mut writer = place.open();
    let mut follower = store::follow(&place.url()).unwrap();
    follow(follower.as_mut());
    let (authority, made) = (
        AuthorityKind::Hcc,
        Timestamp::from_unix_seconds(1_800_000_000),
    );
    let mut publish = |number, der: &[u8]| {
        let crl = PublishedCrl {
            authority,
            number,
            made,
            der,
        };
        writer.publish_crl(&crl).unwrap();
    };
    publish(7, b"seven");
    assert_eq!(
        follow(follower.as_mut()),
        [News::Crl(authority, made, b"seven".to_vec())]
    );
    publish(6, b"six");
    assert_eq!(follow(follower.as_mut()), []);
    publish(8, b"eight");
    assert_eq!(
        follow(follower.as_mut()),
        [News::Crl(authority, made, b"eight".to_vec())]
    );
}

#[test]
fn a_follower_comes_back_after_its_connection_was_lost_and_after_the_store_went_back() {
    let place = Postgres::new("lost_following");
    let mut writer = place.open();
    let steps = &sample().steps;
    writer.commit(&steps[0], &events(1)).unwrap();
    let mut follower = store::follow(&place.url()).unwrap();
    follow(follower.as_mut());
    place.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    drop(writer);
    let mut writer = place.open();
    writer.load().unwrap();
    writer.commit(&steps[1], &events(1)).unwrap();
    let mut told = Vec::new();
    // The first call may notice that the connection is gone, and then the next tells.
    while follower.follow(&mut |news| told.push(news)).is_err() {
        told.clear();
    }
    assert_eq!(sorted(told), expected(&steps[1]));
    // As after a copy was brought back.
    drop(writer);
    place.sql("UPDATE store SET revision = 0; DELETE FROM record WHERE kind = 'revocation'");
    assert_eq!(follow(follower.as_mut())[0], News::Anew);
}

#[test]
fn a_store_of_the_version_before_is_brought_to_this_one_by_the_writer_only() {
    let place = Postgres::new("older");
    let mut writer = place.open();
    writer.commit(&sample().steps[0], &events(1)).unwrap();
    let records = writer.load().unwrap();
    drop(writer);
    place.sql(
        "DROP TABLE crl; DROP INDEX record_revision; ALTER TABLE record DROP COLUMN revision; \
         UPDATE store SET version = 1",
    );
    let error = store::follow(&place.url()).err().unwrap();
    assert!(
        error.to_string().contains("start a portal of version"),
        "{error}"
    );
    let mut writer = place.open();
    assert_eq!(writer.load().unwrap(), records);
    let mut follower = store::follow(&place.url()).unwrap();
    let told = follow(follower.as_mut());
    assert_eq!(sorted(told[1..].to_vec()), expected(&records));
    writer.commit(&sample().steps[1], &events(1)).unwrap();
    assert_eq!(
        sorted(follow(follower.as_mut())),
        expected(&sample().steps[1])
    );
}

#[test]
fn only_a_database_that_others_can_read_can_be_followed() {
    for url in ["memory", "sqlite:/nowhere/portal.sqlite"] {
        let url: StoreUrl = url.parse().unwrap();
        let error = store::follow(&url).err().unwrap();
        assert!(matches!(error, StoreError::NotFollowed { .. }), "{error}");
        assert!(error.to_string().contains("postgres://"), "{error}");
    }
    let empty = Postgres::new("empty_followed");
    let error = store::follow(&empty.url()).err().unwrap();
    assert!(matches!(error, StoreError::NotThere { .. }), "{error}");
}
