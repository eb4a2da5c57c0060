//! Objects that this program does not use, on cards that are well: public keys of elliptic curves
//! are compared with their certificates, and an empty directory of secret keys is nothing left out.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::SystemTime;

use kortlab_apdu::Protocol;
use kortlab_card::problem::code;
use kortlab_card::{Against, Card, Severity, SlotProblem};
use kortlab_emulator::Image;
use kortlab_emulator::image::{Fid, FileImage};
use kortlab_pkcs15::{
    CommonKeyAttributes, CommonObjectAttributes, Directory, KeyUsage, ObjectValue, Path,
    PrivateKey, PuKdf, PublicKey,
};
use support::{OpenSsl, id, insert, model, on_card};

const APPLICATION: u16 = 0x5015;
const PUBLIC_KEY: u16 = 0x5503;

fn file(image: &mut Image, fid: u16) -> &mut FileImage {
    let directories = image.master_file.files_mut().into_iter().flatten();
    let mut files = directories.flat_map(|file| file.files_mut().into_iter().flatten());
    files.find(|file| file.fid == Fid(fid)).expect("the file")
}

fn add(image: &mut Image, new: FileImage) {
    let files = image.master_file.files_mut().expect("the MF");
    let mut dfs = files.iter_mut();
    let application = dfs.find(|file| file.fid == Fid(APPLICATION));
    let files = application.and_then(FileImage::files_mut);
    files.expect("the application").push(new);
}

/// What OpenSSL made: a certificate for a key on prime256v1, and the key's SubjectPublicKeyInfo,
/// compressed too.
struct Made {
    certificate: Vec<u8>,
    spki: Vec<u8>,
    compressed: Vec<u8>,
}

fn made() -> Made {
    let openssl = OpenSsl::new();
    let curve = "ec_paramgen_curve:P-256";
    openssl.must(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        curve,
        "-nodes",
        "-keyout",
        "key.pem",
        "-subj",
        "/C=SE/CN=EC",
        "-days",
        "30",
        "-outform",
        "DER",
        "-out",
        "certificate.der",
    ]);
    let public = |form: &str, name: &str| {
        openssl.must(&[
            "ec",
            "-in",
            "key.pem",
            "-pubout",
            "-conv_form",
            form,
            "-outform",
            "DER",
            "-out",
            name,
        ]);
        openssl.read(name)
    };
    Made {
        spki: public("uncompressed", "public.der"),
        compressed: public("compressed", "compressed.der"),
        certificate: openssl.read("certificate.der"),
    }
}

/// A card with a key on a curve, its certificate, and this as its public key.
fn card_with(certificate: &[u8], public: Option<&[u8]>) -> Card<kortlab_emulator::InProcess> {
    let named = |label: &str| CommonObjectAttributes::labelled(label);
    let model = model(Protocol::T1).certificate(on_card(certificate, 0x47, "EC"));
    let mut image = model.build().expect("an image");
    let key = PrivateKey::ec(
        named("EC").with_auth_id(0x01),
        CommonKeyAttributes::new(0x47, KeyUsage::SIGN),
        Path::file([0x3F, 0x00, 0x50, 0x15, 0x4B, 0x01]),
    );
    let key = Directory::new([key]).encode().expect("it encodes");
    file(&mut image, 0x4402)
        .data_mut()
        .expect("PrKDF")
        .clone_from(&key);
    if let Some(public) = public {
        let path = Path::file([0x3F, 0x00, 0x50, 0x15, 0x55, 0x03]);
        let key = PublicKey::ec(
            named("EC"),
            CommonKeyAttributes::new(0x47, KeyUsage::VERIFY),
            ObjectValue::from(path),
        );
        let directory = file(&mut image, 0x4404).data_mut().expect("PuKDF");
        let mut keys: Vec<_> = PuKdf::parse(directory).value.objects().cloned().collect();
        keys.push(key);
        *directory = Directory::new(keys).encode().expect("it encodes");
        add(
            &mut image,
            FileImage::transparent(PUBLIC_KEY, public.len() as u32, public),
        );
    }
    Card::open(insert(image)).expect("a session")
}

/// The codes of what is wrong with the certificate, but for where its issuer is concerned.
fn found(card: &mut Card<kortlab_emulator::InProcess>) -> Vec<&'static str> {
    let checked = card.check(SystemTime::now(), &Against::default());
    let checked = checked.expect("a check");
    let slot = checked
        .certificates
        .iter()
        .find(|one| *one.slot.key_id() == id(0x47));
    let problems = slot.expect("the certificate").problems.iter();
    let problems = problems.filter(|problem| problem.severity() > Severity::Note);
    problems.map(SlotProblem::code).collect()
}

#[test]
fn a_public_key_of_a_curve_is_found_in_every_form_in_which_cards_have_it() {
    let made = made();
    let point = &made.spki[made.spki.len() - 65..];
    let octets = [&[0x04, 0x41], point].concat();
    for public in [&made.spki[..], &made.compressed, &octets, point] {
        let mut card = card_with(&made.certificate, Some(public));
        assert_eq!(found(&mut card), Vec::<&str>::new(), "{public:02X?}");
    }
}

#[test]
fn a_certificate_for_another_key_of_the_curve_is_found() {
    let (one, other) = (made(), made());
    let mut card = card_with(&one.certificate, Some(&other.spki));
    assert_eq!(found(&mut card), ["key-mismatch"]);
    // Public keys are listed, but none for this one; and one that is none.
    let mut card = card_with(&one.certificate, None);
    assert_eq!(found(&mut card), ["no-public-key"]);
    let mut card = card_with(&one.certificate, Some(&one.spki[..40]));
    assert_eq!(found(&mut card), ["no-public-key"]);
}

#[test]
fn a_directory_of_secret_keys_is_read_and_one_of_a_kind_that_is_not_known_is_told_of() {
    // An AES key, whose file is 3F00/5015/4B07.
    let whole = "3025300C0C0A41204145532D6B65792E3007040147030206C0A10C300A300804063F0050154B07";
    let whole = hex::decode(whole).expect("hex");
    for (entry, content, codes) in [
        ("A3", &[0xFF; 64][..], &[][..]),
        ("A3", &[0x00; 64], &[]),
        ("A3", &whole, &[]),
        ("AA", &whole, &[code::KIND_NOT_READ]),
        ("AA", &[0x00; 64], &[]),
    ] {
        let mut image = model(Protocol::T0).build().expect("an image");
        add(
            &mut image,
            FileImage::transparent(0x4407, content.len() as u32, content),
        );
        let entry = hex::decode(format!("{entry}0A300804063F0050154407")).expect("hex");
        let odf = file(&mut image, 0x5031);
        odf.data_mut().expect("ODF").extend(&entry);
        let odf = odf.as_transparent_mut().expect("an EF");
        odf.size = odf
            .size
            .max(odf.data.as_ref().map_or(0, |data| data.0.len() as u32));
        let card = Card::open(insert(image)).expect("a session");
        let problems = &card.contents().problems;
        let found: Vec<_> = problems.iter().map(|problem| problem.code()).collect();
        assert_eq!(found, codes, "{problems:?}");
    }
}
