//! First starts, second starts, and directories that are refused.

use std::os::unix::fs::PermissionsExt as _;

use kortlab_issuer::authority::AuthorityKind;
use kortlab_issuer::profile::AuthorityUrls;

use super::*;

fn refusal(path: &Path) -> String {
    DataDirectory::open(path).unwrap_err().to_string()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_start_finds_what_the_first_has_made_and_others_may_read_no_key() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("new/data");
    let kind = AuthorityKind::Carrier;
    let urls = || AuthorityUrls::at("http://127.0.0.1:1", kind);
    let mut directory = DataDirectory::open(&path).unwrap();
    assert!(directory.is_fresh());
    directory.complete().unwrap();
    let token = directory.admin_token().unwrap().expose().to_owned();
    let authority = directory.authority(kind, urls()).unwrap();
    let tls = directory.tls_authority().unwrap();
    assert_eq!(mode(&path), 0o700);
    for secret in ["carrier-ca.key", "hcc-ca.key", "tls-ca.key", "admin-token"] {
        assert_eq!(mode(&path.join(secret)), 0o600, "{secret}");
    }
    let key = fs::read_to_string(path.join("hcc-ca.key")).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "PKCS#8");

    assert!(refusal(&path).contains("another portal runs"));
    drop(directory);
    let directory = DataDirectory::open(&path).unwrap();
    assert!(!directory.is_fresh());
    assert_eq!(directory.admin_token().unwrap().expose(), token);
    let again = directory.authority(kind, urls()).unwrap();
    assert_eq!(again.certificate_der(), authority.certificate_der());
    let again = directory.tls_authority().unwrap();
    assert_eq!(again.certificate_pem(), tls.certificate_pem());
}

#[test]
fn a_directory_that_is_not_a_portals_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let thesis = directory.path().join("thesis.txt");
    fs::write(&thesis, "do not lose").unwrap();
    let said = refusal(directory.path());
    assert!(
        said.contains("thesis.txt") && said.contains("not a portal's"),
        "{said}"
    );
    let said = refusal(&thesis);
    assert!(said.contains("not a directory"), "{said}");
}

#[test]
fn what_a_newer_version_made_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let marker = r#"{"format": 2, "made_by": "9.9.9", "complete": true, "more": 1}"#;
    fs::write(directory.path().join(MARKER), marker).unwrap();
    let said = refusal(directory.path());
    assert!(said.contains("newer Kortlab (9.9.9"), "{said}");
}

#[test]
fn a_first_start_that_was_killed_is_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let marker = r#"{"format": 1, "made_by": "0.1.0", "complete": false}"#;
    fs::write(directory.path().join(MARKER), marker).unwrap();
    fs::write(directory.path().join("carrier-ca.key"), "half a k").unwrap();
    fs::write(directory.path().join("hcc-ca.new"), "less").unwrap();
    let opened = DataDirectory::open(directory.path()).unwrap();
    let kind = AuthorityKind::Carrier;
    let urls = AuthorityUrls::at("http://127.0.0.1:1", kind);
    assert!(opened.authority(kind, urls).is_ok());
    assert!(opened.is_fresh());
}

#[test]
fn damage_is_named_with_the_file_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let opened = DataDirectory::open(directory.path()).unwrap();
    let kind = AuthorityKind::Hcc;
    let error = || {
        let urls = AuthorityUrls::at("http://127.0.0.1:1", kind);
        opened.authority(kind, urls).unwrap_err().to_string()
    };
    let key = directory.path().join("hcc-ca.key");
    let whole = fs::read_to_string(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(error().contains("chmod 600"), "{}", error());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, &whole[..whole.len() / 2]).unwrap();
    let said = error();
    assert!(
        said.contains("hcc-ca.key") && said.contains("backup"),
        "{said}"
    );
    assert!(!said.contains(&whole[40..60]), "the key is quoted: {said}");
    // The other authority's key is whole, and does not belong here.
    fs::copy(directory.path().join("carrier-ca.key"), &key).unwrap();
    assert!(error().contains("damaged"), "{}", error());
    fs::remove_file(&key).unwrap();
    assert!(error().contains("missing"), "{}", error());
    fs::write(directory.path().join(MARKER), "{").unwrap();
    drop(opened);
    assert!(refusal(directory.path()).contains("damaged"));
}
