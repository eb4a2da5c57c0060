//! What only PostgreSQL can meet: a network, passwords, TLS, a server that goes away.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kortlab_interop::PostgresCluster;
use kortlab_portal::store::{self, Create, StoreError, StoreUrl};
use tempfile::TempDir;

use super::place::{Place, Postgres};
use super::sample::{events, sample};

/// The server's processes for portals, other than the one that asks.
const OURS: &str = "FROM pg_stat_activity WHERE application_name = 'kortlab portal' \
                    AND datname = current_database()";

#[test]
fn a_connection_that_was_lost_between_two_commits_is_made_anew_with_its_lock() {
    let place = Postgres::new("lost_between");
    let mut store = place.open();
    store.commit(&sample().steps[0], &events(1)).unwrap();
    place.sql(&format!("SELECT pg_terminate_backend(pid) {OURS}"));
    let gone = Instant::now();
    while place.sql(&format!("SELECT count(*) {OURS}")) != "0" {
        assert!(gone.elapsed() < Duration::from_secs(10));
    }
    // Noticed before anything was sent, it costs nothing; noticed after, the operation failed and
    // the next one works.
    if store.commit(&sample().steps[1], &events(1)).is_err() {
        store.load().unwrap();
        store.commit(&sample().steps[1], &events(1)).unwrap();
    }
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert_eq!(store.load().unwrap().len(), stored(&place));
    assert!(store.verify_audit(None).unwrap().is_good());
}

fn stored(place: &Postgres) -> usize {
    place.sql("SELECT count(*) FROM record").parse().unwrap()
}

#[test]
fn the_audit_log_is_read_also_right_after_the_connection_was_lost() {
    let place = Postgres::new("read_again");
    let mut store = place.open();
    store.commit(&[], &events(3)).unwrap();
    for _ in 0..3 {
        place.sql(&format!("SELECT pg_terminate_backend(pid) {OURS}"));
        assert_eq!(store.audit(0, 10).unwrap().len(), 3);
    }
}

#[test]
fn a_portal_whose_place_was_taken_meanwhile_stores_nothing() {
    let place = Postgres::new("taken");
    let mut first = place.open();
    first.commit(&sample().steps[0], &events(1)).unwrap();
    place.sql(&format!("SELECT pg_terminate_backend(pid) {OURS}"));
    let mut second = place.open();
    second.commit(&[], &events(1)).unwrap();
    // While the second has the lock, and after.
    let steps = &sample().steps;
    assert!(first.commit(&steps[1], &events(1)).is_err());
    assert!(matches!(first.load(), Err(StoreError::InUse { .. })));
    drop(second);
    let error = loop {
        match first.commit(&steps[1], &events(1)) {
            Err(StoreError::InUse { .. }) => thread::sleep(Duration::from_millis(20)),
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(error, StoreError::Overtaken { .. }), "{error}");
    assert_eq!(first.load().unwrap().len(), stored(&place));
    first.commit(&steps[1], &events(1)).unwrap();
    assert!(first.verify_audit(None).unwrap().is_good());
}

#[test]
fn what_was_committed_survives_a_crash_of_the_server_and_the_portal_goes_on() {
    let mut cluster = PostgresCluster::start().unwrap();
    let url: StoreUrl = cluster.database("crash").unwrap().parse().unwrap();
    let mut store = store::open(&url, Create::Yes).unwrap();
    let mut committed = 0;
    for step in &sample().steps {
        store.commit(step, &events(2)).unwrap();
        committed += 2;
        cluster.stop();
        let error = store.commit(&[], &events(1)).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(store.load().is_err());
        cluster.launch().unwrap();
        store.load().unwrap();
        let verdict = store.verify_audit(None).unwrap();
        assert_eq!((verdict.head.sequence, verdict.broken), (committed, None));
    }
    drop(sample().restore(store.load().unwrap()));
}

#[test]
fn a_schema_with_other_tables_is_refused_and_one_beside_it_is_not() {
    let place = Postgres::new("foreign_tables");
    place.sql("CREATE TABLE bookmarks (url text)");
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("public"), "{error}");
    place
        .sql("CREATE TABLE store (a int); CREATE TABLE record (a int); CREATE TABLE audit (a int)");
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    place.sql("CREATE SCHEMA one; CREATE SCHEMA two");
    let url = |schema: &str| -> StoreUrl {
        let base = place.cluster.url(place.database);
        format!("{base}?options=-csearch_path%3D{schema}")
            .parse()
            .unwrap()
    };
    let error = store::open(&url("none"), Create::Yes).err().unwrap();
    assert!(error.to_string().contains("CREATE SCHEMA"), "{error}");
    // Each schema is a store, with a lock of its own.
    let mut one = store::open(&url("one"), Create::Yes).unwrap();
    let mut two = store::open(&url("two"), Create::Yes).unwrap();
    one.commit(&sample().steps[0], &events(1)).unwrap();
    assert!(two.load().unwrap().is_empty());
}

#[test]
fn a_server_that_is_not_there_is_an_error_without_the_password() {
    let url: StoreUrl = "postgres://kort:geheim@127.0.0.1:1/portal?connect_timeout=5"
        .parse()
        .unwrap();
    let error = store::open(&url, Create::Yes).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let said = format!("{error} {error:?} {url} {url:?}");
    assert!(!said.contains("geheim"), "{said}");
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

#[test]
fn the_store_works_off_and_on_the_threads_of_an_asynchronous_runtime() {
    let place = Postgres::new("threads");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let mut store = place.open();
        store.commit(&sample().steps[0], &events(1)).unwrap();
        drop(store);
    });
    assert!(!place.open().load().unwrap().is_empty());
}

#[test]
fn tls_checks_the_servers_certificate_and_name() {
    let directory = tempfile::tempdir().unwrap();
    make_certificates(&directory);
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let cluster =
        PostgresCluster::start_with_tls(&read("server.pem"), &read("server.key")).unwrap();
    cluster.database("tls").unwrap();
    let base = cluster.tls_url("tls", "geheim").unwrap();
    let open = |url: String| store::open(&url.parse::<StoreUrl>().unwrap(), Create::Yes);
    let with = |roots: &str| {
        let roots = directory.path().join(roots);
        format!("{base}&sslmode=verify-full&sslrootcert={}", roots.display())
    };
    let mut store = open(with("ca.pem")).unwrap();
    store.commit(&sample().steps[0], &events(1)).unwrap();
    drop(store);
    let encrypted = "SELECT count(*) FROM pg_hba_file_rules WHERE type = 'hostssl'";
    assert_eq!(cluster.psql("tls", encrypted).unwrap(), "1");
    for (url, why) in [
        (with("other.pem"), "UnknownIssuer"),
        (with("missing.pem"), "missing.pem"),
        (
            with("ca.pem").replace("@localhost", "@elsewhere"),
            "certificate",
        ),
        (with("ca.pem").replace("geheim", "falsch"), "password"),
        // Without TLS nobody comes in.
        (format!("{base}&sslmode=disable"), "no encryption"),
    ] {
        let error = open(url).err().unwrap();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(why), "{why}: {error}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}

/// An authority, another one, and a certificate for `localhost`, by OpenSSL.
fn make_certificates(directory: &TempDir) {
    const SCRIPT: &str = r#"
set -e
for ca in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=$ca" -keyout $ca.key -out $ca.pem
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -keyout server.key -out server.csr
echo 'subjectAltName=DNS:localhost' >extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile extensions \
    -out server.pem
"#;
    let output = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
