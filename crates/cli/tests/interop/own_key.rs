//! Cards with one's own key and certificates, used by OpenSC and judged by OpenSSL.

use crate::lab::{AUTH, Lab, Link, Role, SIGN};
use crate::openssl;

const MESSAGE: &[u8] = b"mitt eget";
const WORDS: &str = "hemliga ord";

/// An authority, and a certificate of it with this key usage for a new RSA key.
fn certificate(lab: &Lab, usage: &str) {
    let run = |arguments: String| lab.sandbox.openssl(arguments.split(' ')).unwrap();
    run(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=TEST-CA"
            .into(),
    );
    run("req -new -newkey rsa:2048 -nodes -keyout me.key -out me.csr -subj /CN=TEST-me".into());
    lab.write("ext", format!("keyUsage={usage}").as_bytes());
    run("x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out me.pem".into());
    run("x509 -in me.pem -outform DER -out me.der".into());
    run("x509 -in ca.pem -outform DER -out ca.der".into());
}

/// Makes a card of these files, with the passphrase from the environment.
fn card_of(lab: &mut Lab, link: Link, files: &[&str]) -> String {
    let image = lab.image.to_str().unwrap().to_owned();
    let new = [
        "card",
        "new",
        "-o",
        &image,
        "--protocol",
        link.protocol(),
        "--seed",
        "1",
    ];
    let made = lab
        .tool(crate::lab::KORTLAB)
        .args(new)
        .args(files)
        .env("WORDS", WORDS);
    let made = made.run().unwrap().success().unwrap().stdout_text();
    lab.insert();
    made
}

/// OpenSC reads the certificate from the card byte for byte, has the key sign with the PIN, and
/// OpenSSL verifies with the certificate that was brought along.
fn assert_works(lab: &Lab, role: Role) {
    let listed = lab.certificates();
    let own = listed.iter().find(|one| one.id == role.key).unwrap();
    assert_eq!(lab.file_of(own), lab.read("me.der"));

    let input = lab.write("input", &openssl::sha256_digest_info(lab, MESSAGE));
    let output = lab.path("signature");
    let sign = [
        "--sign", "--id", role.key, "-m", "RSA-PKCS", "-i", &input, "-o", &output,
    ];
    lab.pkcs11_tool(role, &sign).success().unwrap();
    let certificate = lab.path("me.pem");
    let public = lab
        .tool("openssl")
        .args(["x509", "-in", &certificate, "-noout", "-pubkey"]);
    let public = public.run().unwrap().success().unwrap().stdout;
    let public = lab.write("me.pub.pem", &public);
    let message = lab.write("message", MESSAGE);
    let verify = lab.tool("openssl").args([
        "dgst",
        "-sha256",
        "-verify",
        &public,
        "-signature",
        &output,
        &message,
    ]);
    let verified = verify.run().unwrap().success().unwrap().stdout_text();
    assert!(verified.contains("Verified OK"), "{verified}");
}

#[test]
fn opensc_signs_with_ones_own_key_from_a_modern_and_a_legacy_pkcs12_file() {
    for (link, options) in [(Link::T0, ""), (Link::T1, "-legacy")] {
        let mut lab = Lab::without_card(link);
        certificate(&lab, "digitalSignature,keyEncipherment");
        let export = format!(
            "pkcs12 -export -inkey me.key -in me.pem -certfile ca.pem -out me.p12 -passout env:WORDS {options}"
        );
        let (p12, directory) = (lab.path("me.p12"), lab.path(""));
        let export = lab
            .tool("openssl")
            .args(export.split_whitespace())
            .current_dir(&directory)
            .env("WORDS", WORDS);
        export.run().unwrap().success().unwrap();
        let made = card_of(
            &mut lab,
            link,
            &["--p12", &p12, "--passphrase", "env:WORDS"],
        );
        assert!(
            made.contains("TEST-me (key 45)") && made.contains("TEST-CA (an authority)"),
            "{made}"
        );
        assert_works(&lab, AUTH);
        let authority = lab
            .certificates()
            .into_iter()
            .find(|one| one.id == "51")
            .unwrap();
        assert_eq!(lab.file_of(&authority), lab.read("ca.der"));

        // Our own commands on the same card, through the same reader.
        let info = lab.kortlab(&["info"]).run().unwrap().success().unwrap();
        assert!(info.stdout_text().contains("45"), "{}", info.stdout_text());
        let list = lab
            .kortlab(&["cert", "list"])
            .run()
            .unwrap()
            .success()
            .unwrap();
        assert!(
            list.stdout_text().contains("TEST-me"),
            "{}",
            list.stdout_text()
        );
        // The issuer is on the card, so that the signature was checked.
        let check = lab
            .kortlab(&["cert", "check", "--allow-empty"])
            .run()
            .unwrap()
            .success()
            .unwrap();
        let text = check.stdout_text();
        assert!(
            text.contains("not checked") && !text.contains("the signature by"),
            "{text}"
        );
    }
}

#[test]
fn a_key_for_signatures_in_pem_signs_under_the_other_pin_and_its_issuer_is_said_to_be_unknown() {
    let link = Link::T0;
    let mut lab = Lab::without_card(link);
    certificate(&lab, "nonRepudiation");
    let (key, certificate) = (lab.path("me.key"), lab.path("me.der"));
    card_of(&mut lab, link, &["--key", &key, "--cert", &certificate]);
    assert_works(&lab, SIGN);
    let check = lab.kortlab(&["cert", "check"]).run().unwrap();
    let text = check.stdout_text();
    assert!(
        text.contains("the signature by TEST-CA") && !text.contains("no findings"),
        "{text}"
    );
    // With the authority's certificate there is nothing left to say of the signature.
    let authority = lab.path("ca.pem");
    let checked = lab
        .kortlab(&["cert", "check", "--issuer", &authority, "--allow-empty"])
        .run()
        .unwrap();
    checked.success().unwrap();
}
