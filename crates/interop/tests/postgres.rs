//! The private PostgreSQL itself.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use kortlab_interop::PostgresCluster;

#[test]
fn two_clusters_run_side_by_side_survive_a_crash_and_leave_nothing_behind() {
    let mut first = PostgresCluster::start().unwrap();
    let second = PostgresCluster::start().unwrap();
    let url = first.database("one").unwrap();
    assert!(url.starts_with("postgres://kortlab@%2F"), "{url}");
    first
        .psql("one", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
        .unwrap();
    first.crash_and_restart().unwrap();
    assert_eq!(first.psql("one", "SELECT n, n + 1 FROM t").unwrap(), "7|8");
    let databases = second
        .psql("postgres", "SELECT datname FROM pg_database")
        .unwrap();
    assert!(!databases.contains("one"), "{databases}");
    assert_eq!(second.psql("postgres", "SHOW fsync").unwrap(), "on");
    assert!(second.psql("postgres", "SELECT nonsense").is_err());
    let socket = second
        .psql("postgres", "SHOW unix_socket_directories")
        .unwrap();
    let process = second.psql("postgres", "SELECT pg_backend_pid()").unwrap();
    assert!(Path::new(&socket).is_dir());
    drop(second);
    assert!(!Path::new(&socket).exists());
    assert!(!is_of(&process, &socket));
    drop(first);
}

/// Whether the process exists and has to do with this directory.
fn is_of(process: &str, directory: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/cmdline"))
        .is_ok_and(|line| line.contains(directory))
}
