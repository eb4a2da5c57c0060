//! An authority that OpenSSL is, and a card with a certificate by it.

use std::fs;

use serde_json::Value;

use crate::bench::*;
use crate::common::Lab;
use crate::der::{element, elements};

/// A card with one certificate for its first key, by an authority that OpenSSL is: its lists can
/// be made as one likes.
pub struct Authority {
    pub lab: Lab,
}

/// The file of that certificate.
pub const CERTIFICATE: &str = "4331";

impl Authority {
    pub fn new(subject: &str, string_mask: &str) -> Self {
        let lab = valid();
        let config = format!(
            "[req]\ndistinguished_name = dn\nstring_mask = {string_mask}\nprompt = no\n\
             [dn]\nCN = {subject}\n\
             [ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\ncrlnumber = crlnumber\n\
             default_md = sha256\ncertificate = own.pem\nprivate_key = own.key\n\
             [idp]\nissuingDistributionPoint = critical,@point\n\
             [point]\nonlysomereasons = keyCompromise\n\
             [attributes]\nissuingDistributionPoint = critical,@pointa\n\
             [pointa]\nonlyAA = TRUE\n\
             [indirect]\nissuingDistributionPoint = critical,@pointi\n\
             [pointi]\nindirectCRL = TRUE\n\
             [users]\nissuingDistributionPoint = critical,@pointu\n\
             [pointu]\nonlyuser = TRUE\n\
             [cas]\nissuingDistributionPoint = critical,@pointc\n\
             [pointc]\nonlyCA = TRUE\n\
             [both]\n2.5.29.28 = critical,DER:30068101FF8201FF\n\
             [elsewhere]\nissuingDistributionPoint = critical,@pointe\n\
             [pointe]\nfullname = URI:http://elsewhere.example/x.crl\n\
             [empty]\n2.5.29.28 = critical,DER:3000\n\
             [untrue]\n2.5.29.28 = critical,DER:3003810101\n\
             [own]\nauthorityKeyIdentifier = keyid:always\n\
             [other]\n2.5.29.35 = DER:3003800141\n\
             [serial]\n2.5.29.35 = DER:300BA106820400000001820101\n\
             [delta]\n2.5.29.27 = critical,DER:020101\n\
             [odd]\n1.2.3.4 = critical,DER:0500\n"
        );
        fs::write(lab.path("own.cnf"), config).expect("written");
        fs::write(lab.path("index.txt"), "").expect("written");
        fs::write(lab.path("crlnumber"), "01\n").expect("written");
        lab.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "own.key",
            "-out",
            "own.pem",
            "-days",
            "4000",
            "-config",
            "own.cnf",
            "-addext",
            "basicConstraints=critical,CA:true",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-addext",
            "subjectKeyIdentifier=hash",
        ]);
        // The certificate is for the card's own key.
        lab.openssl(&[
            "req", "-new", "-key", "own.key", "-subj", "/CN=Kim", "-out", "new.csr",
        ]);
        fs::write(lab.path("old.der"), data(&lab, CERTIFICATE)).expect("written");
        lab.openssl(&[
            "x509", "-inform", "DER", "-in", "old.der", "-noout", "-pubkey", "-out", "key.pem",
        ]);
        let authority = Self { lab };
        authority.issue("own.pem", &[]);
        authority
    }

    /// The same, with a certificate `strict.pem` that has what `openssl verify -x509_strict` asks of one.
    pub fn strict() -> Self {
        let authority = Self::new("Own CA", "utf8only");
        let extensions = [
            "basicConstraints=critical,CA:true",
            "keyUsage=critical,keyCertSign,cRLSign",
            "authorityKeyIdentifier=keyid",
        ];
        authority.root("strict.pem", "4000", &extensions);
        authority
    }

    /// Makes the certificate `name` for the authority's own key and name, for so many days, with these
    /// extensions.
    pub fn root(&self, name: &str, days: &str, extensions: &[&str]) {
        let base = [
            "req",
            "-x509",
            "-key",
            "own.key",
            "-out",
            name,
            "-days",
            days,
            "-config",
            "own.cnf",
            "-addext",
            "subjectKeyIdentifier=hash",
        ];
        let more = extensions
            .iter()
            .flat_map(|extension| ["-addext", extension]);
        let arguments: Vec<_> = base.into_iter().chain(more).collect();
        self.lab.openssl(&arguments);
    }

    /// Puts a certificate of what `new.csr` asks for, for the card's own key, on the card, by the
    /// authority's certificate `by`; `options` are those of `openssl x509 -req`.
    pub fn issue(&self, by: &str, options: &[&str]) {
        let base = [
            "x509",
            "-req",
            "-in",
            "new.csr",
            "-CA",
            by,
            "-CAkey",
            "own.key",
            "-force_pubkey",
            "key.pem",
            "-set_serial",
            "4711",
            "-days",
            "3000",
            "-outform",
            "DER",
            "-out",
            "new.der",
        ];
        self.lab.openssl(&[&base[..], options].concat());
        let der = fs::read(self.lab.path("new.der")).expect("made");
        set_data(&self.lab, CERTIFICATE, &der);
    }

    /// Makes the list `name`; `options` are those of `openssl ca -gencrl`.
    pub fn list(&self, name: &str, revoked: bool, options: &[&str]) {
        let index = if revoked {
            "R\t400101000000Z\t240101000000Z\t1267\tunknown\t/CN=Kim\n"
        } else {
            ""
        };
        fs::write(self.lab.path("index.txt"), index).expect("written");
        let base = ["ca", "-config", "own.cnf", "-gencrl", "-out", name];
        self.lab.openssl(&[&base[..], options].concat());
    }

    /// What was signed, changed, and signed anew by the authority: the parts of a list or of an answer are
    /// the same, what is signed, algorithm, and signature.
    pub fn resigned(&self, signed: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let (_, parts, _) = elements(signed)[0];
        let parts = elements(parts);
        let body = change(parts[0].2);
        fs::write(self.lab.path("body.der"), &body).expect("written");
        self.lab.openssl(&[
            "dgst", "-sha256", "-sign", "own.key", "-out", "body.sig", "body.der",
        ]);
        let signature = fs::read(self.lab.path("body.sig")).expect("made");
        let signature = element(0x03, &[&[0], &signature[..]].concat());
        let rest: Vec<_> = parts[3..].iter().flat_map(|part| part.2.to_vec()).collect();
        element(0x30, &[&body[..], parts[1].2, &signature, &rest].concat())
    }

    /// Whether OpenSSL does this.
    pub fn openssl_does(&self, arguments: &[&str]) -> bool {
        let output = std::process::Command::new("openssl")
            .args(arguments)
            .current_dir(self.lab.directory())
            .output()
            .expect("openssl runs; run: cargo xtask test");
        output.status.success()
    }

    /// Revocation of the certificate, the codes of all problems but those of the other
    /// certificates, and the exit code.
    pub fn check(&self, lists: &[&str], options: &[&str]) -> (String, Vec<String>, i32) {
        let mut arguments = vec!["cert", "check"];
        for list in lists {
            arguments.extend(["--crl", list]);
        }
        arguments.extend(options);
        let (document, exit) = run(&self.lab, &arguments);
        let row = certificate(&document, CERTIFICATE);
        let mut of_row = row.clone();
        of_row["certificates"] = Value::Null;
        let own = serde_json::json!({ "problems": document["problems"], "certificates": [row] });
        (
            of_row["revocation"].as_str().expect("a word").to_owned(),
            codes(&own),
            exit,
        )
    }
}
