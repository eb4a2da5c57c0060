//! HCCs as a portal at fault, or somebody else, would issue them: made by OpenSSL.

use kortlab_card::CertificateInfo;

use crate::openssl::OpenSsl;

/// What a certificate is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Attribute types as OpenSSL calls them, or in numbers, and values.
    pub subject: Vec<(String, String)>,
    /// Identifiers in numbers, and values as OpenSSL's configuration has them.
    pub extensions: Vec<(String, String)>,
    pub issuer: &'static str,
    pub days: u32,
}

impl Parts {
    /// Those of a certificate (DER) that is valid for two years.
    pub fn of(der: &[u8]) -> Self {
        let info = CertificateInfo::parse(der).unwrap();
        let attributes = info.subject_attributes.iter();
        let extensions = info.extensions.iter().map(|one| {
            let critical = if one.critical { "critical," } else { "" };
            let value: String = one.value.iter().map(|byte| format!("{byte:02X}")).collect();
            (dotted(&one.identifier), format!("{critical}DER:{value}"))
        });
        Self {
            subject: attributes
                .map(|one| (dotted(&one.kind), one.text.clone()))
                .collect(),
            extensions: extensions.collect(),
            issuer: "/C=SE/O=TEST Kortlab/CN=TEST SITHS Type 1 CA v1",
            days: 2 * 365,
        }
    }

    pub fn say(&mut self, kind: &str, value: &str) {
        let place = self.subject.iter_mut().find(|(known, _)| known == kind);
        match place {
            Some((_, known)) => value.clone_into(known),
            None => self.subject.push((kind.to_owned(), value.to_owned())),
        }
    }

    pub fn extend(&mut self, identifier: &str, value: &str) {
        self.leave_out(identifier);
        let extension = (identifier.to_owned(), value.to_owned());
        self.extensions.push(extension);
    }

    pub fn leave_out(&mut self, identifier: &str) {
        self.extensions.retain(|(known, _)| known != identifier);
    }

    /// The certificate (DER) of a key (SubjectPublicKeyInfo, DER).
    pub fn issue(&self, openssl: &OpenSsl, key: &[u8]) -> Vec<u8> {
        openssl.write("key.der", key);
        openssl.must(&[
            "pkey", "-pubin", "-inform", "DER", "-in", "key.der", "-pubout", "-out", "key.pem",
        ]);
        openssl.must(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "issuer.pem",
            "-days",
            "9000",
            "-utf8",
            "-subj",
            self.issuer,
        ]);
        let lines = self.extensions.iter();
        let lines: String = lines
            .map(|(id, value)| format!("{} = {value}\n", named(id, value)))
            .collect();
        openssl.write("extensions", lines.as_bytes());
        let subject = self.subject.iter();
        let subject: String = subject
            .map(|(kind, value)| format!("/{kind}={}", value.replace('/', "\\/")))
            .collect();
        // What the request is signed with does not matter: the key is another.
        openssl.must(&[
            "req",
            "-new",
            "-utf8",
            "-key",
            "ca.key",
            "-subj",
            &subject,
            "-out",
            "request.pem",
        ]);
        let days = self.days.to_string();
        openssl.must(&[
            "x509",
            "-req",
            "-in",
            "request.pem",
            "-force_pubkey",
            "key.pem",
            "-CA",
            "issuer.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            &days,
            "-extfile",
            "extensions",
            "-outform",
            "DER",
            "-out",
            "new.der",
        ]);
        openssl.read("new.der")
    }
}

/// An extension as OpenSSL wants to have it called: by name, unless its value is given in DER.
fn named<'a>(id: &'a str, value: &str) -> &'a str {
    match id {
        _ if value.contains("DER:") => id,
        "2.5.29.14" => "subjectKeyIdentifier",
        "2.5.29.15" => "keyUsage",
        "2.5.29.17" => "subjectAltName",
        "2.5.29.19" => "basicConstraints",
        "2.5.29.32" => "certificatePolicies",
        "2.5.29.37" => "extendedKeyUsage",
        _ => id,
    }
}

/// The content of an object identifier, in numbers.
fn dotted(content: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number = 0_u64;
    for byte in content {
        number = number << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first.to_string());
                number -= first * 40;
            }
            numbers.push(number.to_string());
            number = 0;
        }
    }
    numbers.join(".")
}
