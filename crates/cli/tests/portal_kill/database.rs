//! The portal's database, as an operator reads it: with `sqlite3` or `psql`.

use std::path::PathBuf;
use std::process::Command;

use kortlab_interop::PostgresCluster;
use kortlab_portal_api::Binary;

/// The contents octets of id-kp-OCSPSigning (RFC 6960 §4.2.2.2).
const ID_KP_OCSP_SIGNING: [u8; 8] = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

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

    /// The serial numbers of all HCCs, hexadecimal. What the same authority has issued for its OCSP
    /// responders is none.
    pub fn hcc_serials(&self) -> Vec<String> {
        let rows = self
            .read("SELECT serial || ' ' || der_base64 FROM certificate WHERE authority = 'hcc'");
        let serial = |row: &str| {
            let (serial, certificate) = row.split_once(' ').expect("two columns");
            let certificate: Binary = serde_json::from_value(certificate.into()).expect("base64");
            let responder = certificate
                .as_bytes()
                .windows(ID_KP_OCSP_SIGNING.len())
                .any(|window| window == ID_KP_OCSP_SIGNING);
            (!responder).then(|| serial.to_owned())
        };
        rows.lines().filter_map(serial).collect()
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
