//! Files as OpenSSL and NSS make them, read; the key is judged by what OpenSSL says its public half
//! is.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use kortlab_credential::{
    CredentialError, Effort, Holdings, Passphrase, Personal, Role, Warning, personal, read_key,
    read_pkcs12,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

const WORDS: &str = "hemliga ord";

/// A directory with what OpenSSL has made.
struct Files(TempDir);

impl Files {
    /// An authority, an authority below it, and a holder's key and certificate with this key usage.
    fn new(key: &str, usage: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for (name, issuer, extensions) in [
            ("root", None, "basicConstraints=critical,CA:TRUE"),
            ("middle", Some("root"), "basicConstraints=critical,CA:TRUE"),
            ("me", Some("middle"), usage),
        ] {
            let algorithm = if name == "me" { key } else { "rsa:2048" };
            files.openssl(&format!("req -new -newkey {algorithm} -nodes -keyout {name}.key -subj /CN=TEST-{name} -out {name}.csr"));
            fs::write(files.0.path().join("ext"), extensions).unwrap();
            let signer = match issuer {
                Some(issuer) => format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial"),
                None => format!("-signkey {name}.key"),
            };
            files.openssl(&format!(
                "x509 -req -in {name}.csr {signer} -days 30 -extfile ext -out {name}.pem"
            ));
        }
        let chain = ["middle.pem", "root.pem"]
            .map(|name| files.read(name))
            .concat();
        fs::write(files.0.path().join("chain.pem"), chain).unwrap();
        files
    }

    fn try_run(&self, program: &str, arguments: &str) -> Output {
        Command::new(program)
            .args(arguments.split_whitespace())
            .env("WORDS", WORDS)
            .current_dir(self.0.path())
            .output()
            .unwrap_or_else(|_| panic!("{program} is missing; run: cargo xtask test"))
    }

    fn run(&self, program: &str, arguments: &str) -> Vec<u8> {
        let output = self.try_run(program, arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments}: {text}");
        output.stdout
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        self.run("openssl", arguments)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    /// The holder's key and certificate with both authorities, as PKCS#12.
    fn pkcs12(&self, options: &str) -> Vec<u8> {
        let export = "pkcs12 -export -inkey me.key -in me.pem -certfile chain.pem -out me.p12";
        self.openssl(&format!("{export} {options}"));
        self.read("me.p12")
    }

    /// SubjectPublicKeyInfo of the holder's key, DER, as OpenSSL sees it.
    fn public_key(&self) -> Vec<u8> {
        self.openssl("pkey -in me.key -pubout -outform DER")
    }

    fn der(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("x509 -in {name}.pem -outform DER"))
    }
}

fn words(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec()))
}

fn pkcs12(file: &[u8], text: Option<&str>) -> Result<Holdings, CredentialError> {
    let passphrase = text.map(words);
    read_pkcs12(file, passphrase.as_ref(), &mut Effort::default())
}

fn now() -> SystemTime {
    SystemTime::now()
}

/// The key is the holder's, the certificate its own, and both authorities follow, the nearer first.
#[track_caller]
fn assert_all_there(files: &Files, made: &Personal) {
    let key = made.authentication_key.as_ref().unwrap();
    assert_eq!(key.public_key_der(), files.public_key());
    let ders: Vec<_> = made
        .certificates
        .iter()
        .map(|one| one.der.clone())
        .collect();
    assert_eq!(ders, ["me", "middle", "root"].map(|name| files.der(name)));
    let authority: Vec<_> = made.certificates.iter().map(|one| one.authority).collect();
    assert_eq!(authority, [false, true, true]);
    assert_eq!(made.certificates[0].label, "TEST-me");
    assert!(made.signature_key.is_none());
    assert_eq!(made.warnings, []);
}

#[test]
fn pkcs12_files_of_openssl_are_read_modern_and_legacy_and_a_wrong_passphrase_is_told() {
    let files = Files::new("rsa:2048", "keyUsage=digitalSignature");
    for options in [
        "",
        "-legacy",
        "-legacy -descert",
        "-nomac",
        "-legacy -nomac",
        "-macalg sha1",
        "-macalg sha512 -keypbe AES-128-CBC -certpbe AES-192-CBC",
        "-keypbe NONE -certpbe NONE",
        "-certpbe NONE",
        "-keypbe DES-EDE3-CBC -certpbe DES-EDE3-CBC",
        "-iter 100000",
        "-legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128",
    ] {
        let file = files.pkcs12(&format!("-passout env:WORDS {options}"));
        let read = pkcs12(&file, Some(WORDS)).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert_all_there(&files, &personal(read, None, now()).unwrap());
        let wrong = pkcs12(&file, Some("andra ord")).map(|_| ());
        let without = pkcs12(&file, None).map(|_| ());
        assert_eq!(wrong, Err(CredentialError::WrongPassphrase), "{options}");
        assert_eq!(without, Err(CredentialError::NeedsPassphrase), "{options}");
    }
    // As some programs write it: PEM, with words before and behind.
    files.pkcs12("-passout env:WORDS");
    let base64 = files.openssl("base64 -in me.p12");
    let pem = [
        &b"m\xE5n fil\n-----BEGIN PKCS12-----\n"[..],
        &base64,
        b"-----END PKCS12-----\n",
    ];
    let read = pkcs12(&pem.concat(), Some(WORDS)).unwrap();
    assert_all_there(&files, &personal(read, None, now()).unwrap());
    let spoilt = b"-----BEGIN PKCS12-----\n?\n-----END PKCS12-----\n";
    let error = pkcs12(spoilt, None).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("the PKCS#12 file"), "{error}");
    let open = files.pkcs12("-passout pass: -nomac -keypbe NONE -certpbe NONE");
    let empty = files.pkcs12("-passout pass:");
    for file in [open, empty] {
        let read = pkcs12(&file, None).unwrap();
        assert_all_there(&files, &personal(read, None, now()).unwrap());
    }
}

#[test]
fn a_passphrase_that_is_not_ascii_fits() {
    let files = Files::new("rsa:2048", "keyUsage=digitalSignature");
    for options in ["", "-legacy"] {
        let file = files.pkcs12(&format!("-passout pass:lösenord𝄞 {options}"));
        let read = pkcs12(&file, Some("lösenord𝄞")).unwrap();
        assert_all_there(&files, &personal(read, None, now()).unwrap());
    }
}

#[test]
fn pkcs12_files_of_nss_in_ber_are_read() {
    let files = Files::new("rsa:2048", "keyUsage=digitalSignature");
    files.pkcs12("-passout pass:first -name me");
    fs::write(files.0.path().join("words"), WORDS).unwrap();
    files.run("certutil", "-N -d . --empty-password");
    files.run("pk12util", "-i me.p12 -d . -W first");
    files.run("pk12util", "-o nss.p12 -n me -d . -w words");
    let file = files.read("nss.p12");
    let read = pkcs12(&file, Some(WORDS)).unwrap();
    assert_all_there(&files, &personal(read, None, now()).unwrap());
    assert!(matches!(
        pkcs12(&file, Some("x")),
        Err(CredentialError::WrongPassphrase)
    ));
}

#[test]
fn keys_are_read_in_every_form_that_openssl_writes() {
    let files = Files::new("rsa:2048", "keyUsage=digitalSignature");
    for (convert, passphrase) in [
        ("pkey -in me.key", false),
        ("pkey -in me.key -outform DER", false),
        ("rsa -traditional -in me.key", false),
        ("rsa -traditional -in me.key -outform DER", false),
        ("pkcs8 -topk8 -in me.key -passout env:WORDS", true),
        (
            "pkcs8 -topk8 -in me.key -passout env:WORDS -outform DER",
            true,
        ),
        (
            "pkcs8 -topk8 -v2prf hmacWithSHA512 -in me.key -passout env:WORDS",
            true,
        ),
        ("pkcs8 -topk8 -v2 des3 -in me.key -passout env:WORDS", true),
        (
            "pkcs8 -topk8 -v1 PBE-SHA1-3DES -in me.key -passout env:WORDS",
            true,
        ),
        ("pkcs12 -in me.p12 -nodes -passin env:WORDS", false),
    ] {
        files.pkcs12("-passout env:WORDS");
        let file = files.openssl(convert);
        let right = passphrase.then(|| words(WORDS));
        let key = read_key(&file, right.as_ref(), &mut Effort::default());
        let key = key.unwrap_or_else(|error| panic!("{convert}: {error}"));
        assert_eq!(key.public_key_der(), files.public_key(), "{convert}");
        if passphrase {
            let read = |words: Option<&Passphrase>| read_key(&file, words, &mut Effort::default());
            assert_eq!(read(None), Err(CredentialError::NeedsPassphrase));
            let wrong = read(Some(&words("andra ord")));
            assert_eq!(wrong, Err(CredentialError::WrongPassphrase), "{convert}");
        }
    }
    // Which of several is meant, nobody says.
    let several = [
        files.read("me.key"),
        files.read("me.pem"),
        files.read("root.key"),
    ]
    .concat();
    let error = read_key(&several, None, &mut Effort::default()).unwrap_err();
    assert_eq!(error, CredentialError::SeveralKeys(2));
    assert!(read_key(&several[..several.len() / 2], None, &mut Effort::default()).is_ok());
    let old = files.openssl("rsa -traditional -aes128 -in me.key -passout env:WORDS");
    let error = read_key(&old, None, &mut Effort::default()).unwrap_err();
    assert!(error.to_string().contains("DEK-Info"), "{error}");
}

#[test]
fn keys_of_every_size_that_the_card_takes_are_read_and_others_refused_with_the_sizes() {
    for bits in [512, 1024, 2048, 3072, 4096] {
        let files = Files(tempfile::tempdir().unwrap());
        files.openssl(&format!("genrsa -out me.key {bits}"));
        let key = read_key(&files.read("me.key"), None, &mut Effort::default()).unwrap();
        assert_eq!(
            (key.bits(), key.public_key_der()),
            (bits, files.public_key())
        );
    }
    for bits in [1023, 4104] {
        let files = Files(tempfile::tempdir().unwrap());
        files.openssl(&format!("genrsa -out me.key {bits}"));
        let error = read_key(&files.read("me.key"), None, &mut Effort::default()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(&bits.to_string()) && said.contains("512 to 4096 bits"),
            "{said}"
        );
    }
}

#[test]
fn keys_that_are_not_rsa_are_refused_by_name_in_every_container() {
    for (make, name) in [
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out me.key",
            "an EC key",
        ),
        ("ecparam -name prime256v1 -genkey -out me.key", "an EC key"),
        ("genpkey -algorithm ED25519 -out me.key", "an Ed25519 key"),
        (
            "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:1024 -out me.key",
            "RSASSA-PSS",
        ),
    ] {
        let files = Files(tempfile::tempdir().unwrap());
        files.openssl(make);
        let error = read_key(&files.read("me.key"), None, &mut Effort::default()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(name) && said.contains("RSA only until EC keys come"),
            "{said}"
        );
        files.openssl("req -x509 -new -key me.key -subj /CN=TEST -out me.pem");
        files.openssl("pkcs12 -export -inkey me.key -in me.pem -passout env:WORDS -out me.p12");
        let error = pkcs12(&files.read("me.p12"), Some(WORDS))
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// The holder's key with this certificate alone.
fn with(files: &Files, certificate: Vec<u8>) -> Holdings {
    let key = read_key(&files.read("me.key"), None, &mut Effort::default()).unwrap();
    Holdings {
        keys: vec![key],
        certificates: vec![certificate],
    }
}

#[test]
fn the_key_takes_the_place_that_its_key_usage_says_and_a_choice_where_it_does_not() {
    for (usage, place) in [
        (
            "keyUsage=digitalSignature,keyEncipherment",
            Some(Role::Authentication),
        ),
        ("keyUsage=nonRepudiation", Some(Role::Signature)),
        (
            "keyUsage=digitalSignature,nonRepudiation\nextendedKeyUsage=clientAuth",
            Some(Role::Authentication),
        ),
        ("keyUsage=digitalSignature,nonRepudiation", None),
        ("basicConstraints=CA:FALSE", None),
    ] {
        let files = Files::new("rsa:1024", usage);
        let holdings = with(&files, files.der("me"));
        let found = personal(holdings.clone(), None, now());
        match place {
            Some(place) => {
                let found = found.unwrap();
                assert_eq!(
                    found.authentication_key.is_some(),
                    place == Role::Authentication
                );
                assert_eq!(found.signature_key.is_some(), place == Role::Signature);
            }
            None => assert_eq!(
                found.map(|_| ()),
                Err(CredentialError::Ambiguous("TEST-me".to_owned()))
            ),
        }
        let chosen = personal(holdings, Some(Role::Signature), now()).unwrap();
        assert!(chosen.signature_key.is_some() && chosen.authentication_key.is_none());
    }
}

#[test]
fn what_does_not_belong_together_is_told_and_what_is_expired_or_foreign_is_warned_of() {
    let files = Files::new("rsa:1024", "keyUsage=digitalSignature");
    let others = Files::new("rsa:1024", "keyUsage=digitalSignature");
    let error = personal(with(&files, others.der("me")), None, now()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("do not belong together") && said.contains("TEST-me"),
        "{said}"
    );

    let mut holdings = with(&files, files.der("me"));
    holdings.certificates.push(others.der("me"));
    holdings.certificates.push(b"no certificate".to_vec());
    let later = now() + Duration::from_secs(60 * 24 * 3600);
    let made = personal(holdings.clone(), None, later).unwrap();
    let codes: Vec<_> = made.warnings.iter().map(Warning::code).collect();
    assert_eq!(codes, ["unreadable", "left-out", "expired"]);
    assert_eq!(made.certificates.len(), 1);
    let earlier = now() - Duration::from_secs(60 * 24 * 3600);
    let made = personal(holdings.clone(), None, earlier).unwrap();
    assert!(
        made.warnings
            .iter()
            .any(|warning| warning.code() == "not-yet-valid")
    );

    holdings.certificates.clear();
    let error = personal(holdings, None, now()).unwrap_err();
    assert_eq!(error, CredentialError::NoCertificate);
    files.openssl("pkcs12 -export -nokeys -in me.pem -passout env:WORDS -out me.p12");
    let read = pkcs12(&files.read("me.p12"), Some(WORDS)).unwrap();
    assert_eq!(
        personal(read, None, now()).map(|_| ()),
        Err(CredentialError::NoKey)
    );
}

#[test]
fn nothing_secret_is_printed() {
    let files = Files::new("rsa:1024", "keyUsage=digitalSignature");
    let read = pkcs12(&files.pkcs12("-passout env:WORDS"), Some(WORDS)).unwrap();
    let text = format!("{:?} {:?}", words(WORDS), read.keys);
    assert!(!text.contains(WORDS) && text.len() < 60, "{text}");
}

#[test]
fn a_damaged_or_foreign_file_is_refused_at_every_byte_without_a_panic() {
    let files = Files::new("rsa:1024", "keyUsage=digitalSignature");
    for options in [
        "-passout env:WORDS -iter 1 -maciter",
        "-passout env:WORDS -nomac -keypbe NONE -certpbe NONE",
    ] {
        let options = options.replace("-maciter", "-nomaciter");
        let file = files.pkcs12(&options);
        for end in (0..file.len()).step_by(7) {
            assert!(pkcs12(&file[..end], Some(WORDS)).is_err(), "{end}");
        }
        for place in (0..file.len()).step_by(3) {
            let mut damaged = file.clone();
            damaged[place] ^= 0x41;
            // Without a MAC some damage is not to be seen; it must only not be a panic.
            let _ = pkcs12(&damaged, Some(WORDS));
        }
    }
    for foreign in [&b""[..], b"hello", &files.read("me.pem"), &files.der("me")] {
        let error = pkcs12(foreign, None).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("PKCS#12"), "{error}");
    }
}
