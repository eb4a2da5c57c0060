//! The openssl command, in a directory of its own.

use std::process::Command;

use kortlab_renewal::world::TestWorld;
use tempfile::TempDir;

pub struct OpenSsl(TempDir);

impl OpenSsl {
    /// With the certificates of a world's authorities in `ca.pem`, and their CRLs in `0.crl` and
    /// `1.crl`.
    pub fn with_authorities_of(world: &mut TestWorld) -> Self {
        let openssl = Self(tempfile::tempdir().unwrap());
        let mut authorities = String::new();
        for (index, files) in world.authority_files().unwrap().iter().enumerate() {
            authorities.push_str(&files.certificate_pem);
            openssl.write("crl.der", &files.crl_der);
            let out = format!("{index}.crl");
            openssl.must(&["crl", "-inform", "DER", "-in", "crl.der", "-out", &out]);
        }
        openssl.write("ca.pem", authorities.as_bytes());
        openssl
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    #[allow(dead_code)] // One of the tests that share this reads files.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// Whether it succeeded, and what it said.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let out = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("openssl is missing; run: cargo xtask test");
        let text = [out.stdout, out.stderr].concat();
        (
            out.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// What it said; it must succeed.
    pub fn must(&self, arguments: &[&str]) -> String {
        let (is_well, text) = self.run(arguments);
        assert!(is_well, "{arguments:?}: {text}");
        text
    }
}
