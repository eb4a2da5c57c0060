//! OpenSSL as the judge: digests, signatures, encryption, certificates.

use kortlab_interop::Output;

use crate::lab::{Lab, Role};

/// The fixed front of a DigestInfo with SHA-256 (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// The digest of the bytes, made by OpenSSL.
pub fn digest(lab: &Lab, algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    let output = lab
        .tool("openssl")
        .args(["dgst", "-binary", algorithm])
        .input(bytes);
    output.run().unwrap().success().unwrap().stdout
}

/// The DigestInfo of the bytes with SHA-256.
pub fn sha256_digest_info(lab: &Lab, bytes: &[u8]) -> Vec<u8> {
    let mut info = SHA256_DIGEST_INFO.to_vec();
    info.extend(digest(lab, "-sha256", bytes));
    info
}

/// A DigestInfo padded for RSA-2048 as PKCS#1 v1.5 does for signatures (RFC 8017 §9.2).
pub fn padded(digest_info: &[u8]) -> Vec<u8> {
    let mut block = vec![0x00, 0x01];
    block.resize(256 - 1 - digest_info.len(), 0xFF);
    block.push(0x00);
    block.extend_from_slice(digest_info);
    block
}

/// Whether a signature over a digest verifies. The options are those of `openssl pkeyutl`.
#[track_caller]
pub fn assert_signed(lab: &Lab, role: Role, digest: &[u8], signature: &[u8], options: &[&str]) {
    let key = lab.public_key(role);
    let digest = lab.write("digest", digest);
    let signature = lab.write("signature", signature);
    let verify = lab
        .tool("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-inkey", &key])
        .args(["-in", &digest, "-sigfile", &signature])
        .args(options.iter().flat_map(|option| ["-pkeyopt", option]));
    let output = verify.run().unwrap().success().unwrap();
    assert!(output.text().contains("Verified Successfully"));
}

/// The bytes encrypted to a role's key. The options are those of `openssl pkeyutl`.
pub fn encrypt(lab: &Lab, role: Role, plain: &[u8], options: &[&str]) -> Vec<u8> {
    let key = lab.public_key(role);
    let encrypt = lab
        .tool("openssl")
        .args(["pkeyutl", "-encrypt", "-pubin", "-inkey", &key])
        .args(options.iter().flat_map(|option| ["-pkeyopt", option]))
        .input(plain);
    encrypt.run().unwrap().success().unwrap().stdout
}

/// A certificate for the role's key from a throw-away authority, as DER.
pub fn certificate_for(lab: &Lab, role: Role, name: &str) -> Vec<u8> {
    let key = lab.public_key(role);
    if !lab.sandbox.file("ca.pem").exists() {
        lab.sandbox
            .openssl([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "ca.key",
                "-out",
                "ca.pem",
                "-days",
                "30",
                "-subj",
                "/CN=TEST throw-away CA",
            ])
            .unwrap();
    }
    let subject = format!("/CN=TEST {name}");
    let output = lab
        .sandbox
        .openssl([
            "x509",
            "-new",
            "-subj",
            &subject,
            "-force_pubkey",
            &key,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-days",
            "30",
            "-outform",
            "DER",
        ])
        .unwrap();
    output.stdout
}

/// What OpenSSL makes of a certificate: subject, issuer, dates.
pub fn describe(lab: &Lab, der: &[u8]) -> Output {
    let describe = lab
        .tool("openssl")
        .args(["x509", "-inform", "DER", "-noout"])
        .args(["-subject", "-issuer", "-dates", "-serial"])
        .input(der);
    describe.run().unwrap().success().unwrap()
}

/// The certificate chains to one of the authorities, and to no other.
#[track_caller]
pub fn assert_chains(lab: &Lab, der: &[u8], authorities: &[String]) {
    let certificate = lab.write("chained.pem", &pem(lab, der));
    let chains = authorities.iter().enumerate().filter(|(index, authority)| {
        let file = lab.write(&format!("authority-{index}.pem"), authority.as_bytes());
        let verify =
            lab.tool("openssl")
                .args(["verify", "-x509_strict", "-CAfile", &file, &certificate]);
        verify.run().unwrap().success().is_ok()
    });
    assert_eq!(chains.count(), 1, "{}", describe(lab, der).stdout_text());
}

/// The certificate is for the role's key.
#[track_caller]
pub fn assert_holds_key(lab: &Lab, der: &[u8], role: Role) {
    let own = lab
        .tool("openssl")
        .args(["x509", "-inform", "DER", "-noout", "-pubkey"])
        .input(der);
    let own = own.run().unwrap().success().unwrap();
    let wanted = std::fs::read_to_string(lab.public_key(role)).unwrap();
    assert_eq!(own.stdout_text().trim(), wanted.trim());
}

fn pem(lab: &Lab, der: &[u8]) -> Vec<u8> {
    let convert = lab.tool("openssl").args(["x509", "-inform", "DER"]);
    convert.input(der).run().unwrap().success().unwrap().stdout
}
