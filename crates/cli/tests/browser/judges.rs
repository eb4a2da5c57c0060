//! What OpenSC and OpenSSL say of the card's certificates, over the portal's own CRLs and OCSP.

use std::path::{Path, PathBuf};

use kortlab_interop::Output;

use crate::lab::Lab;

/// A certificate as OpenSC reads it from the card.
#[derive(Debug)]
pub struct OnCard {
    /// Its label.
    pub label: String,
    /// A file with the certificate, DER.
    pub file: PathBuf,
}

/// What is to be said of a certificate.
#[derive(Clone, Copy, Debug)]
pub enum Worth {
    Valid,
    OnHold,
    Revoked,
    Expired,
}

/// The certificates on the card, in the order in which `pkcs15-tool` lists them.
pub fn on_card(lab: &Lab) -> Vec<OnCard> {
    let list = lab
        .sandbox
        .command("pkcs15-tool")
        .arg("--list-certificates");
    let listing = list.run().unwrap().success().unwrap().stdout_text();
    let sections = listing.split("X.509 Certificate [").skip(1);
    let certificates = sections.enumerate().map(|(number, section)| {
        let (label, rest) = section.split_once(']').unwrap();
        let path = rest.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "Path").then(|| value.trim().trim_start_matches("3f00"))
        });
        let (directory, name) = path.unwrap().split_at(4);
        let file = lab.sandbox.file(&format!("on-card-{number}.der"));
        let script = format!("cd {directory}\nget {name} {}\n", file.display());
        let explorer = lab.sandbox.command("opensc-explorer").input(script);
        explorer.run().unwrap().success().unwrap();
        OnCard {
            label: label.to_owned(),
            file,
        }
    });
    certificates.collect()
}

/// `openssl ocsp` and `openssl verify -crl_check`, each asking where the certificate says, are of
/// one opinion.
#[track_caller]
pub fn assert_worth(lab: &Lab, certificate: &OnCard, worth: Worth) {
    let pem = lab.sandbox.file("judged.pem");
    let convert = ["x509", "-inform", "DER", "-in"];
    let convert = lab
        .sandbox
        .command("openssl")
        .args(convert)
        .arg(&certificate.file);
    convert
        .arg("-out")
        .arg(&pem)
        .run()
        .unwrap()
        .success()
        .unwrap();
    let authority = authority(lab, &pem);
    let context = format!("{} {worth:?}", certificate.label);

    let ocsp = ocsp(lab, &authority, &pem);
    let verify = verify(lab, &authority, &pem);
    let (says, because, verified) = match worth {
        Worth::Valid => (": good", "", "OK"),
        // OCSP knows nothing of expiry (RFC 6960 §2.2): it is the certificate that says so.
        Worth::Expired => (": good", "", "error 10 at 0 depth lookup"),
        Worth::OnHold => (
            ": revoked",
            "Reason: certificateHold",
            "error 23 at 0 depth",
        ),
        Worth::Revoked => (
            ": revoked",
            "Reason: affiliationChanged",
            "error 23 at 0 depth",
        ),
    };
    for wanted in ["Response verify OK", says, because] {
        assert!(ocsp.contains(wanted), "{context}: {wanted:?} in\n{ocsp}");
    }
    let verified_well = verify.status.success() == matches!(worth, Worth::Valid);
    let verify = verify.text();
    assert!(
        verified_well && verify.contains(verified),
        "{context}:\n{verify}"
    );
}

/// The certificate of the authority that issued the certificate.
fn authority(lab: &Lab, pem: &Path) -> PathBuf {
    let issuer = lab
        .sandbox
        .openssl(["x509", "-noout", "-issuer", "-in", pem.to_str().unwrap()]);
    let issuer = issuer.unwrap().stdout_text();
    let name = match issuer.contains("SITHS") {
        true => "hcc-ca.pem",
        false => "carrier-ca.pem",
    };
    lab.portal_file(name)
}

fn ocsp(lab: &Lab, authority: &Path, pem: &Path) -> String {
    let url = ["x509", "-noout", "-ocsp_uri", "-in", pem.to_str().unwrap()];
    let url = lab.sandbox.openssl(url).unwrap().stdout_text();
    let ask = lab
        .sandbox
        .command("openssl")
        .args(["ocsp", "-url", url.trim(), "-issuer"]);
    let ask = ask
        .arg(authority)
        .arg("-cert")
        .arg(pem)
        .arg("-CAfile")
        .arg(authority);
    ask.run().unwrap().success().unwrap().text()
}

fn verify(lab: &Lab, authority: &Path, pem: &Path) -> Output {
    let verify = [
        "verify",
        "-x509_strict",
        "-crl_check",
        "-crl_download",
        "-CAfile",
    ];
    let verify = lab.sandbox.command("openssl").args(verify);
    verify.arg(authority).arg(pem).run().unwrap()
}
