//! Where a store under test is, and how somebody else changes it behind the portal's back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kortlab_interop::PostgresCluster;
use kortlab_portal::store::{self, Create, Store, StoreError, StoreUrl};
use tempfile::TempDir;

pub trait Place {
    fn url(&self) -> StoreUrl;

    /// Carries out SQL, as somebody with access to the database, and returns what it prints.
    fn sql(&self, sql: &str) -> String;

    fn try_open(&self) -> Result<Box<dyn Store>, StoreError> {
        store::open(&self.url(), Create::Yes)
    }

    fn open(&self) -> Box<dyn Store> {
        self.try_open().unwrap()
    }
}

pub struct Sqlite {
    directory: TempDir,
}

impl Sqlite {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self) -> PathBuf {
        self.directory().join("portal.sqlite")
    }
}

impl Place for Sqlite {
    fn url(&self) -> StoreUrl {
        StoreUrl::sqlite(self.file())
    }

    fn sql(&self, sql: &str) -> String {
        let output = Command::new("sqlite3")
            .arg("-bail")
            .arg(self.file())
            .arg(sql)
            .output()
            .expect("sqlite3 is not installed; run: cargo xtask test");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }
}

pub struct Postgres {
    pub cluster: Arc<PostgresCluster>,
    pub database: &'static str,
}

impl Postgres {
    /// A database of its own. Tests that run at the same time share a server.
    pub fn new(database: &'static str) -> Self {
        static SHARED: Mutex<Weak<PostgresCluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(PostgresCluster::start().unwrap());
            *shared = Arc::downgrade(&cluster);
            cluster
        });
        drop(shared);
        cluster.database(database).unwrap();
        Self { cluster, database }
    }
}

impl Place for Postgres {
    fn url(&self) -> StoreUrl {
        self.cluster.url(self.database).parse().unwrap()
    }

    fn sql(&self, sql: &str) -> String {
        self.cluster.psql(self.database, sql).unwrap()
    }
}
