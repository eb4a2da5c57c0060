//! The portal's database, as an operator reads it: with `sqlite3` or `psql`.

use std::path::PathBuf;
use std::process::Command;

use kortlab_interop::PostgresCluster;

pub enum Database<'a> {
    Sqlite(PathBuf),
    Postgres(&'a PostgresCluster),
}

#[derive(Debug)]
pub struct StoredOrder {
    pub id: String,
    pub state: String,
    /// Serial numbers, hexadecimal.
    pub pair: [String; 2],
}

impl Database<'_> {
    /// All orders.
    pub fn orders(&self) -> Vec<StoredOrder> {
        let rows = self.read("SELECT id, state, authentication, signature FROM placed_order");
        let order = |row: &str| {
            let columns: Vec<_> = row.split('|').map(str::to_owned).collect();
            let [id, state, authentication, signature] = columns.try_into().expect("four columns");
            StoredOrder {
                id,
                state,
                pair: [authentication, signature],
            }
        };
        rows.lines().map(order).collect()
    }

    /// The serial numbers of all HCCs, hexadecimal.
    pub fn hcc_serials(&self) -> Vec<String> {
        let rows = self.read("SELECT serial FROM certificate WHERE authority = 'hcc'");
        rows.lines().map(str::to_owned).collect()
    }

    fn read(&self, sql: &str) -> String {
        match self {
            Self::Postgres(cluster) => {
                cluster.wait_until_ready().unwrap();
                cluster.psql("portal", sql).unwrap()
            }
            Self::Sqlite(path) => {
                let output = Command::new("sqlite3")
                    .args(["-readonly", "-cmd", ".timeout 5000"])
                    .arg(path)
                    .arg(sql)
                    .output()
                    .expect("sqlite3 is not installed; run: cargo xtask test");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{said}");
                String::from_utf8(output.stdout).unwrap()
            }
        }
    }
}
