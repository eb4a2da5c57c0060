//! Certificates in the forms in which people have them, made by OpenSSL.

use std::fs;
use std::path::Path;
use std::process::Command;

use kortlab_issuer::encoded::{GivenAs, Wanted, described, read_all, read_chain, read_leaf};

/// Runs OpenSSL in a directory; it must succeed.
fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .expect("openssl runs; run: cargo xtask test");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {text}");
}

/// A root, an intermediate and a leaf with everything about them, in files.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a directory"));
        let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout";
        let run = |arguments: &str| openssl(files.0.path(), arguments);
        run(&format!(
            "req -x509 {new} root.key -subj /CN=Root -out root.pem"
        ));
        run(&format!(
            "req {new} middle.key -subj /CN=Middle -out middle.csr"
        ));
        fs::write(files.0.path().join("ca.ext"), "basicConstraints=CA:TRUE").expect("written");
        run(
            "x509 -req -in middle.csr -CA root.pem -CAkey root.key -extfile ca.ext -out middle.pem",
        );
        run(&format!("req {new} leaf.key -subj /CN=Leaf -out leaf.csr"));
        fs::write(files.0.path().join("leaf.ext"), "basicConstraints=CA:FALSE").expect("written");
        run(
            "x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -extfile leaf.ext -out leaf.pem",
        );
        for name in ["leaf", "middle", "root"] {
            run(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        }
        files
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).expect(name)
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("text")
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: [u8; 2]) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(bytes);
    mark.into_iter().chain(units).collect()
}

#[test]
fn the_leaf_is_read_from_every_form_that_holds_it() {
    let files = Files::new();
    let [leaf, middle, root] = ["leaf.pem", "middle.pem", "root.pem"].map(|name| files.text(name));
    openssl(files.0.path(), "x509 -in leaf.pem -text -out text.pem");
    let body: String = leaf.lines().filter(|line| !line.starts_with('-')).collect();
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("DER", files.read("leaf.der")),
        ("PEM", leaf.clone().into()),
        ("text before", files.read("text.pem")),
        (
            "text around, in Latin-1",
            [b"K\xE4ra l\xE4sare\n", leaf.as_bytes(), b"h\xE4lsningar\n"].concat(),
        ),
        ("UTF-8 mark", [b"\xEF\xBB\xBF", leaf.as_bytes()].concat()),
        ("UTF-16 LE", utf16(&leaf, u16::to_le_bytes, [0xFF, 0xFE])),
        ("UTF-16 BE", utf16(&leaf, u16::to_be_bytes, [0xFE, 0xFF])),
        ("CRLF", leaf.replace('\n', "\r\n").into()),
        ("CR", leaf.replace('\n', "\r").into()),
        ("indented", leaf.replace('\n', "\n   ").into()),
        ("no line feed at the end", leaf.trim_end().into()),
        (
            "one long line",
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----").into(),
        ),
        ("base64 alone", body.clone().into()),
        (
            "headers",
            leaf.replacen('\n', "\nProc-Type: 4,CLEAR\nX: y\n\n", 1)
                .into(),
        ),
        (
            "the old label",
            leaf.replace("CERTIFICATE", "X509 CERTIFICATE").into(),
        ),
        ("twice the same", format!("{leaf}{leaf}").into()),
        ("chain, leaf first", format!("{leaf}{middle}{root}").into()),
        ("chain, leaf last", format!("{root}{middle}{leaf}").into()),
        ("chain without its root", format!("{middle}{leaf}").into()),
        ("root and leaf alone", format!("{root}{leaf}").into()),
        (
            "with the key beside it",
            format!("{}{leaf}", files.text("leaf.key")).into(),
        ),
    ];
    for (form, bytes) in forms {
        let read = read_leaf(&bytes).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(read, files.read("leaf.der"), "{form}");
    }
    // Whatever the order, what is not the leaf may have issued it, and comes once.
    let others = ["middle.der", "root.der"].map(|name| files.read(name));
    for chain in [
        [&leaf, &middle, &root, &root],
        [&root, &middle, &leaf, &leaf],
        [&middle, &root, &middle, &leaf],
    ] {
        let chain = chain.map(String::as_str).concat();
        let mut read = read_chain(chain.as_bytes()).expect("a chain");
        read.others.sort_by_key(|der| Some(der) != others.first());
        assert_eq!(read.leaf, files.read("leaf.der"));
        assert_eq!(read.others, others);
    }
    let alone = read_chain(leaf.as_bytes()).expect("one");
    assert_eq!(alone.others, Vec::<Vec<u8>>::new());
    let chain = format!("{leaf}{middle}{root}");
    let all = read_all(chain.as_bytes(), Wanted::Certificate).expect("three");
    assert_eq!(all.len(), 3);
}

#[test]
fn what_is_something_else_is_refused_by_its_name_with_the_way_out() {
    let files = Files::new();
    let run = |arguments: &str| openssl(files.0.path(), arguments);
    run("crl2pkcs7 -nocrl -certfile leaf.pem -out bag.p7.pem");
    run("crl2pkcs7 -nocrl -certfile leaf.pem -outform DER -out bag.p7b");
    run("pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:x -out bag.p12");
    run("x509 -in leaf.pem -trustout -out trusted.pem");
    run("req -in leaf.csr -outform DER -out leaf.csr.der");
    run("pkey -in leaf.key -outform DER -out leaf.key.der");
    run("pkey -in leaf.key -pubout -out public.pem");
    run("pkey -in leaf.key -pubout -outform DER -out public.der");
    fs::write(files.0.path().join("index"), "").expect("written");
    fs::write(files.0.path().join("number"), "01").expect("written");
    fs::write(
        files.0.path().join("ca.conf"),
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=1\n",
    )
    .expect("written");
    run("ca -config ca.conf -gencrl -keyfile root.key -cert root.pem -out list.pem");
    run("crl -in list.pem -outform DER -out list.der");
    for (name, what, way) in [
        ("bag.p7.pem", "PKCS#7", "openssl pkcs7"),
        ("bag.p7b", "PKCS#7", "openssl pkcs7"),
        ("bag.p12", "PKCS#12", "openssl pkcs12"),
        ("trusted.pem", "trust settings", "openssl x509"),
        ("leaf.csr", "request", "authority"),
        ("leaf.csr.der", "request", "authority"),
        ("leaf.key", "private key", "certificate"),
        ("leaf.key.der", "private key", "certificate"),
        ("public.pem", "public key", "certificate"),
        ("public.der", "public key", "certificate"),
        ("list.pem", "revocation list", "--crl"),
        ("list.der", "revocation list", "--crl"),
    ] {
        let error = read_leaf(&files.read(name)).expect_err(name);
        assert!(error.to_string().contains(what), "{name}: {error}");
        assert!(
            error.next_step().contains(way),
            "{name}: {}",
            error.next_step()
        );
        if name.contains("key") {
            let key: String = files
                .text("leaf.key")
                .lines()
                .nth(1)
                .expect("a line")
                .into();
            assert!(!error.to_string().contains(&key));
        }
    }
    for name in ["list.pem", "list.der"] {
        let lists = read_all(&files.read(name), Wanted::RevocationList).expect(name);
        assert_eq!(lists, [files.read("list.der")]);
    }
    let error = read_all(&files.read("leaf.der"), Wanted::RevocationList).expect_err("no list");
    assert!(
        error.to_string().contains("this is a certificate"),
        "{error}"
    );
    // What the way out makes is taken.
    run("pkcs7 -in bag.p7.pem -print_certs -out out.pem");
    assert_eq!(
        read_leaf(&files.read("out.pem")),
        Ok(files.read("leaf.der"))
    );
    run("pkcs12 -in bag.p12 -passin pass:x -clcerts -nokeys -out out.pem");
    assert_eq!(
        read_leaf(&files.read("out.pem")),
        Ok(files.read("leaf.der"))
    );
}

#[test]
fn what_was_cut_is_called_so_in_every_form() {
    let files = Files::new();
    let der = files.read("leaf.der");
    let pem = files.text("leaf.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let little = utf16(&pem, u16::to_le_bytes, [0xFF, 0xFE]);
    let big = utf16(&pem, u16::to_be_bytes, [0xFE, 0xFF]);
    for text in [&little[2..], &big[2..]] {
        assert_eq!(read_leaf(text).as_ref(), Ok(&der), "UTF-16 without a mark");
    }
    for tenth in 1..10 {
        let part = |bytes: &[u8]| bytes[..bytes.len() * tenth / 10].to_vec();
        for (form, bytes, said) in [
            ("DER", part(&der), "is cut"),
            ("base64 alone", part(body.as_bytes()), "is cut"),
            ("PEM", part(pem.as_bytes()), "does not end"),
            ("UTF-16", part(&little), "does not end"),
            ("UTF-16 without a mark", part(&little[2..]), "does not end"),
            ("big UTF-16 without a mark", part(&big[2..]), "does not end"),
        ] {
            for wanted in [Wanted::Certificate, Wanted::RevocationList] {
                let error = read_all(&bytes, wanted).expect_err(form).to_string();
                // So little may be told from a text that merely begins alike.
                let is_known =
                    error.contains(said) || tenth == 1 && error.contains("text without a");
                assert!(is_known, "{form}, {tenth} tenths: {error}");
            }
        }
    }
    let whole = format!("{} bytes, and {} are there", der.len(), der.len() / 2);
    let error = read_leaf(&der[..der.len() / 2]).expect_err("cut");
    assert!(error.to_string().contains(&whole), "{error}");
    assert!(error.next_step().contains("again"), "{}", error.next_step());
}

#[test]
fn what_is_given_as_a_secret_is_named_without_a_word_of_what_it_holds() {
    let files = Files::new();
    let run = |arguments: &str| openssl(files.0.path(), arguments);
    run("pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass:x -out bag.p12");
    run("pkey -in leaf.key -outform DER -out leaf.key.der");
    let key = files.read("leaf.key.der");
    let text = files.text("leaf.key");
    for (bytes, given_as, said) in [
        (
            files.read("leaf.pem"),
            GivenAs::PrivateKey,
            "a certificate, and no private key",
        ),
        (
            files.read("leaf.der"),
            GivenAs::Pkcs12,
            "a certificate, and no PKCS#12",
        ),
        (
            files.read("bag.p12"),
            GivenAs::PrivateKey,
            "PKCS#12 (a .p12 or .pfx file)",
        ),
        (
            files.read("leaf.key"),
            GivenAs::Pkcs12,
            "a private key, and no PKCS#12",
        ),
        (
            key.clone(),
            GivenAs::Pkcs12,
            "a private key, and no PKCS#12",
        ),
        (
            key[..key.len() - 1].to_vec(),
            GivenAs::PrivateKey,
            "the file is cut",
        ),
        (
            utf16(&text, u16::to_le_bytes, [0xFF, 0xFE]),
            GivenAs::PrivateKey,
            "UTF-16",
        ),
        (
            b"a song".to_vec(),
            GivenAs::PrivateKey,
            "text without a private key",
        ),
        (
            b"\xCA\xFE".to_vec(),
            GivenAs::Pkcs12,
            "neither text nor DER",
        ),
        (vec![], GivenAs::PrivateKey, "empty"),
    ] {
        let error = described(&bytes, given_as).expect(said);
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert!(!error.next_step().is_empty());
    }
    for (bytes, given_as) in [
        (files.read("leaf.key"), GivenAs::PrivateKey),
        (key, GivenAs::PrivateKey),
        (files.read("bag.p12"), GivenAs::Pkcs12),
    ] {
        assert_eq!(described(&bytes, given_as), None);
    }
}

#[test]
fn several_that_do_not_belong_together_are_not_guessed_at() {
    let (one, other) = (Files::new(), Files::new());
    let both = format!("{}{}", one.text("leaf.pem"), other.text("root.pem"));
    // A leaf and a stranger's authority: the leaf is the only one that is for an end.
    assert_eq!(read_leaf(both.as_bytes()), Ok(one.read("leaf.der")));
    openssl(
        one.0.path(),
        "req -x509 -key leaf.key -subj /CN=Self -addext basicConstraints=CA:FALSE -out self.pem",
    );
    let both = format!("{}{}", one.text("leaf.pem"), one.text("self.pem"));
    let error = read_leaf(both.as_bytes()).expect_err("two leaves");
    let text = error.to_string();
    assert!(
        text.contains("2 certificates") && text.contains("Self"),
        "{text}"
    );
}
