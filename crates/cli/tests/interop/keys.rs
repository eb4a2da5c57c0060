//! The card's keys under OpenSC, judged by OpenSSL: signing, deciphering, OpenSC's own test.

use kortlab_interop::Output;

use crate::lab::{AUTH, Lab, Link, Role, SIGN, assert_no_error_line};
use crate::openssl;

const MESSAGE: &[u8] = b"Kvittera kort";
const PKCS1: [&str; 2] = ["rsa_padding_mode:pkcs1", "digest:sha256"];
const PSS: [&str; 4] = [
    "rsa_padding_mode:pss",
    "rsa_pss_saltlen:32",
    "digest:sha256",
    "rsa_mgf1_md:sha256",
];

/// A signature that pkcs11-tool has the card make.
fn sign(lab: &Lab, role: Role, mechanism: &[&str], input: &[u8]) -> Vec<u8> {
    let input = lab.write("input", input);
    let output = lab.path("output");
    let sign = [
        "--sign", "--id", role.key, "-i", &input, "-o", &output, "-m",
    ];
    let signed = lab.pkcs11_tool(role, &[&sign[..], mechanism].concat());
    signed.success().unwrap();
    lab.read("output")
}

/// The cryptogram, which pkcs11-tool has the card decipher.
fn decrypt(lab: &Lab, role: Role, mechanism: &[&str], cryptogram: &[u8]) -> Output {
    let input = lab.write("input", cryptogram);
    let output = lab.path("output");
    let decrypt = [
        "--decrypt",
        "--id",
        role.key,
        "-i",
        &input,
        "-o",
        &output,
        "-m",
    ];
    lab.pkcs11_tool(role, &[&decrypt[..], mechanism].concat())
}

fn signs(link: Link) {
    let lab = Lab::new("valid", link);
    let sha256 = openssl::digest(&lab, "-sha256", MESSAGE);
    let sha1 = openssl::digest(&lab, "-sha1", MESSAGE);
    let digest_info = openssl::sha256_digest_info(&lab, MESSAGE);
    for role in [AUTH, SIGN] {
        let signature = sign(&lab, role, &["RSA-PKCS"], &digest_info);
        openssl::assert_signed(&lab, role, &sha256, &signature, &PKCS1);

        let signature = sign(&lab, role, &["SHA1-RSA-PKCS"], MESSAGE);
        let options = ["rsa_padding_mode:pkcs1", "digest:sha1"];
        openssl::assert_signed(&lab, role, &sha1, &signature, &options);

        let signature = sign(&lab, role, &["RSA-X-509"], &openssl::padded(&digest_info));
        openssl::assert_signed(&lab, role, &sha256, &signature, &PKCS1);

        let pss = [
            "RSA-PKCS-PSS",
            "--hash-algorithm",
            "SHA256",
            "--salt-len",
            "32",
        ];
        let signature = sign(&lab, role, &pss, &sha256);
        openssl::assert_signed(&lab, role, &sha256, &signature, &PSS);

        pkcs15_crypt_signs(&lab, role, &sha256, &sha1);
    }
}

fn pkcs15_crypt_signs(lab: &Lab, role: Role, sha256: &[u8], sha1: &[u8]) {
    for (name, digest) in [("sha256", sha256), ("sha1", sha1)] {
        let option = match name {
            "sha256" => "--sha-256",
            _ => "--sha-1",
        };
        let input = lab.write("input", digest);
        let output = lab.path("output");
        let crypt = lab.tool("pkcs15-crypt").args([
            "--sign", "--pkcs1", option, "--key", role.key, "--pin", role.pin, "--input", &input,
            "--output", &output,
        ]);
        crypt.run().unwrap().success().unwrap();
        let options = ["rsa_padding_mode:pkcs1", &format!("digest:{name}")];
        openssl::assert_signed(lab, role, digest, &lab.read("output"), &options);
    }
}

fn deciphers(link: Link) {
    let lab = Lab::new("valid", link);
    let oaep_options = [
        "rsa_padding_mode:oaep",
        "rsa_oaep_md:sha256",
        "rsa_mgf1_md:sha256",
    ];
    let oaep = ["RSA-PKCS-OAEP", "--hash-algorithm", "SHA256"];
    let plain = openssl::padded(MESSAGE);
    let cases: [(&[&str], &[&str], &[u8]); 3] = [
        (&["RSA-PKCS"], &["rsa_padding_mode:pkcs1"], MESSAGE),
        (&oaep, &oaep_options, MESSAGE),
        (&["RSA-X-509"], &["rsa_padding_mode:none"], &plain),
    ];
    for (mechanism, options, plain) in cases {
        let cryptogram = openssl::encrypt(&lab, AUTH, plain, options);
        let deciphered = decrypt(&lab, AUTH, mechanism, &cryptogram);
        deciphered.success().unwrap();
        assert_eq!(lab.read("output"), plain, "{mechanism:?}");

        // The signature key may not decipher: its cryptogram is fine, its usage is not.
        let cryptogram = openssl::encrypt(&lab, SIGN, plain, options);
        let refused = decrypt(&lab, SIGN, mechanism, &cryptogram);
        refused.failure().unwrap();
    }
}

fn passes_openscs_test(link: Link) {
    let lab = Lab::new("valid", link);
    for role in [AUTH, SIGN] {
        let test = lab.pkcs11_tool(role, &["--test"]).success().unwrap();
        let text = test.stdout_text();
        assert!(text.trim_end().ends_with("\nNo errors"), "{text}");
    }
}

/// The same proof for each link, as a test of its own so that a failure names the link.
macro_rules! on_every_link {
    ($proof:ident: $t0:ident $t1:ident $t0_large:ident $t1_large:ident) => {
        #[test]
        fn $t0() {
            $proof(Link::T0);
        }
        #[test]
        fn $t1() {
            $proof(Link::T1);
        }
        #[test]
        fn $t0_large() {
            $proof(Link::T0LargeApdus);
        }
        #[test]
        fn $t1_large() {
            $proof(Link::T1LargeApdus);
        }
    };
}

on_every_link!(signs:
    both_keys_sign_by_every_mechanism_under_t0
    both_keys_sign_by_every_mechanism_under_t1
    both_keys_sign_by_every_mechanism_under_t0_with_openscs_malformed_block
    both_keys_sign_by_every_mechanism_under_t1_with_extended_length);
on_every_link!(deciphers:
    key_45_deciphers_and_key_46_refuses_under_t0
    key_45_deciphers_and_key_46_refuses_under_t1
    key_45_deciphers_and_key_46_refuses_under_t0_with_openscs_malformed_block
    key_45_deciphers_and_key_46_refuses_under_t1_with_extended_length);
on_every_link!(passes_openscs_test:
    pkcs11_tool_test_finds_no_errors_under_t0
    pkcs11_tool_test_finds_no_errors_under_t1
    pkcs11_tool_test_finds_no_errors_under_t0_with_openscs_malformed_block
    pkcs11_tool_test_finds_no_errors_under_t1_with_extended_length);

#[test]
fn a_key_signs_only_after_its_own_pin() {
    let lab = Lab::new("valid", Link::T0);
    let input = lab.write("input", &openssl::sha256_digest_info(&lab, MESSAGE));
    let output = lab.path("output");
    let sign = [
        "--sign", "--id", SIGN.key, "-m", "RSA-PKCS", "-i", &input, "-o", &output,
    ];
    // The signature key's slot, and the PIN for authentication.
    let refused = lab
        .tool("pkcs11-tool")
        .args(["--slot-index", SIGN.slot, "--login", "--pin", AUTH.pin])
        .args(sign);
    let refused = refused.run().unwrap().failure().unwrap();
    refused.containing("CKR_PIN_INCORRECT").unwrap();
    lab.pkcs11_tool(SIGN, &sign).success().unwrap();
}

#[test]
fn random_numbers_come_from_the_card() {
    let lab = Lab::new("valid", Link::T0);
    let random = || {
        let output = lab.path("random");
        let generate = ["--generate-random", "64", "--output-file", &output];
        let tool = lab
            .tool("pkcs11-tool")
            .args(["--slot-index", "0"])
            .args(generate);
        assert_no_error_line(&tool.run().unwrap().success().unwrap());
        lab.read("random")
    };
    let (first, second) = (random(), random());
    assert_eq!(first.len(), 64);
    assert_ne!(first, second);
}
