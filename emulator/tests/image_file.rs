//! The image file: one user at a time, whole after every save, and nothing promised that is not
//! saved.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kortlab_emulator::{
    CardRng, Image, ImageError, ImageFile, Inserted, Store, StoreError, VirtualCard,
};

const CARD: &[u8] = include_bytes!("../../vectors/emulator/small-card-t1.json");

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn image() -> Image {
    Image::from_json(CARD).expect("a card image")
}

fn made(directory: &Path) -> PathBuf {
    let path = directory.join("card.json");
    ImageFile::create(&path, &image()).expect("a new image file");
    path
}

fn inserted(path: &Path) -> Inserted<ImageFile> {
    let (file, image) = ImageFile::open(path).expect("the image file");
    let card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
    Inserted::new(card, file)
}

fn send<S: Store>(card: &mut Inserted<S>, command: &str) -> String {
    hex::encode_upper(card.transmit(&hex::decode(command).expect("hex")))
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("the directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_change_is_in_the_file_before_its_answer_is_given() {
    let directory = directory();
    let path = made(directory.path());
    let mut card = inserted(&path);
    assert_eq!(send(&mut card, "00200081083131313131310000"), "63C2");
    let saved = ImageFile::peek(&path).expect("the image");
    assert_eq!(saved.pins[0].tries_left, 2);
    drop(card);
    let mut card = inserted(&path);
    assert_eq!(send(&mut card, "00200081"), "63C2");
    assert_eq!(names(directory.path()), ["card.json"]);
}

#[test]
fn reading_writes_nothing() {
    let directory = directory();
    let path = made(directory.path());
    let mut card = inserted(&path);
    let inode = fs::metadata(&path).expect("the file").ino();
    assert_eq!(send(&mut card, "00A4000C022F01"), "9000");
    assert_eq!(send(&mut card, "00B0000002"), "00019000");
    assert_eq!(send(&mut card, "00200081"), "63C3");
    assert_eq!(fs::metadata(&path).expect("the file").ino(), inode);
}

#[test]
fn a_second_user_is_told_what_to_do_and_gets_in_later() {
    let directory = directory();
    let path = made(directory.path());
    let mut card = inserted(&path);
    let refused = || {
        ImageFile::open(&path)
            .map(|_| ())
            .expect_err("in use")
            .to_string()
    };
    let who = format!("in use by process {}", std::process::id());
    assert!(refused().contains(&who), "{}", refused());
    // The lock follows the file through the renames of saving.
    for _ in 0..3 {
        send(&mut card, "0020008108"); // a slip that changes nothing
        send(&mut card, "00200081083132333435360000");
        assert!(refused().contains("in use"));
    }
    assert!(ImageFile::peek(&path).is_ok(), "looking is always possible");
    drop(card);
    assert!(ImageFile::open(&path).is_ok());
}

#[test]
fn of_many_that_open_at_once_while_it_is_being_replaced_one_has_it() {
    let directory = directory();
    let path = made(directory.path());
    let mut holders = 0_u32;
    for _ in 0..20 {
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut file, image) = ImageFile::open(&path).ok()?;
                        file.save(&image).expect("saved");
                        Some(file)
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().expect("a thread"))
                .collect()
        });
        // Each that got in kept its lock until all had tried.
        assert_eq!(opened.len(), 1);
        holders += 1;
    }
    assert_eq!(holders, 20);
    assert_eq!(names(directory.path()), ["card.json"]);
}

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let directory = directory();
    let path = made(directory.path());
    let mode = |path: &Path| fs::metadata(path).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let mut card = inserted(&path);
    send(&mut card, "00200081083132333435360000");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn an_image_that_is_replaced_keeps_its_mode() {
    let directory = directory();
    let path = made(directory.path());
    for (mode, tries) in [(0o640, 2), (0o644, 1), (0o400, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        // Who is not root is refused where nobody may write.
        let may_write = fs::OpenOptions::new().write(true).open(&path).is_ok();
        let before = fs::metadata(&path).expect("the file").ino();
        let mut card = inserted(&path);
        send(&mut card, "00200081083131313131310000");
        let after = fs::metadata(&path).expect("the file");
        assert_eq!(after.ino() != before, may_write, "{mode:o}");
        assert_eq!(after.permissions().mode() & 0o777, mode);
        if may_write {
            let saved = ImageFile::peek(&path).expect("the image");
            assert_eq!(saved.pins[0].tries_left, tries);
        }
    }
    assert_eq!(names(directory.path()), ["card.json"]);
}

#[test]
fn whom_a_list_lets_in_the_group_s_bits_do_not() {
    let directory = directory();
    let path = made(directory.path());
    let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
    // POSIX.1e, as Linux keeps it: version 2, then tag, permissions and who for each: the owner rw, user
    // 12345 r, the group nothing, at most r, others nothing.
    let mut list = vec![2, 0, 0, 0];
    let nobody = u32::MAX;
    for (tag, may, who) in [
        (0x01_u16, 6_u16, nobody),
        (0x02, 4, 12345),
        (0x04, 0, nobody),
        (0x10, 4, nobody),
        (0x20, 0, nobody),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(may.to_le_bytes());
        list.extend(who.to_le_bytes());
    }
    let name = "system.posix_acl_access";
    let flags = rustix::fs::XattrFlags::empty();
    match rustix::fs::setxattr(&path, name, &list, flags) {
        // This file system has no such lists.
        Err(rustix::io::Errno::OPNOTSUPP) => return,
        set => set.expect("a list"),
    }
    // The group's bits are now what the list allows at most.
    assert_eq!(mode(), 0o640);
    let mut card = inserted(&path);
    send(&mut card, "00200081083131313131310000");
    assert_eq!(mode(), 0o600);
}

#[test]
fn a_symbolic_link_stays_and_what_it_points_to_is_saved() {
    let directory = directory();
    let target = directory.path().join("real");
    fs::create_dir(&target).expect("a directory");
    let path = made(&target);
    let link = directory.path().join("link.json");
    symlink(&path, &link).expect("a link");
    let mut card = inserted(&link);
    send(&mut card, "00200081083131313131310000");
    assert!(
        ImageFile::open(&path).is_err(),
        "the same lock by either name"
    );
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(
        ImageFile::peek(&path).expect("the image").pins[0].tries_left,
        2
    );
    symlink("nowhere", directory.path().join("dangling")).expect("a link");
    assert!(ImageFile::open(directory.path().join("dangling")).is_err());
}

#[test]
fn a_file_that_is_there_is_never_overwritten_by_create() {
    let directory = directory();
    let path = made(directory.path());
    fs::write(&path, b"precious").expect("written");
    let error = ImageFile::create(&path, &image())
        .map(|_| ())
        .expect_err("there already");
    assert!(error.to_string().contains("there already"), "{error}");
    assert_eq!(fs::read(&path).expect("read"), b"precious");
    symlink("nowhere", directory.path().join("dangling")).expect("a link");
    assert!(ImageFile::create(directory.path().join("dangling"), &image()).is_err());
    assert_eq!(names(directory.path()), ["card.json", "dangling"]);
}

#[test]
fn what_is_no_image_file_is_refused_in_one_line() {
    let directory = directory();
    let path = directory.path().join("x.json");
    let refused = |path: &Path| {
        let line = ImageFile::open(path)
            .map(|_| ())
            .expect_err("no image")
            .to_string();
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    };
    assert!(refused(&path).contains("check the name"));
    assert!(refused(directory.path()).contains("not a regular file"));
    assert!(refused(Path::new("/dev/zero")).contains("not a regular file"));
    fs::write(&path, &CARD[..CARD.len() / 2]).expect("written");
    assert!(refused(&path).contains("at $"));
    fs::write(&path, b"").expect("written");
    assert!(refused(&path).contains("at $"));
    let mut huge = fs::File::create(&path).expect("a file");
    huge.write_all(b" ").expect("written");
    huge.set_len(1 << 40).expect("sparse");
    assert!(matches!(
        ImageFile::open(&path).map(|_| ()).expect_err("too large"),
        ImageError::TooLarge { .. }
    ));
}

#[test]
fn what_a_crash_left_behind_is_replaced_by_the_next_save() {
    let directory = directory();
    let path = made(directory.path());
    fs::write(directory.path().join(".card.json.new"), b"half of an ima").expect("written");
    let mut card = inserted(&path);
    assert_eq!(send(&mut card, "00200081083131313131310000"), "63C2");
    assert_eq!(names(directory.path()), ["card.json"]);
    assert!(ImageFile::peek(&path).is_ok());
}

/// A store that fails when it is told to.
struct Failing(bool);

impl Store for Failing {
    fn save(&mut self, _: &Image) -> Result<(), StoreError> {
        if self.0 {
            return Err(StoreError::new("the disk is full"));
        }
        Ok(())
    }
}

fn failing() -> Inserted<Failing> {
    let card = VirtualCard::new(image(), CardRng::from_seed(1)).expect("a card");
    Inserted::new(card, Failing(true))
}

#[test]
fn what_cannot_be_saved_is_undone_and_answered_6581() {
    let mut card = failing();
    let before = card.card().image();
    // Right or wrong: the answer does not tell, and no try is gained by a full disk.
    assert_eq!(send(&mut card, "00200081083132333435360000"), "6581");
    assert_eq!(send(&mut card, "00200081083131313131310000"), "6581");
    assert_eq!(send(&mut card, "00200081"), "63C3", "not verified");
    assert_eq!(card.card().image(), before);
    assert_eq!(
        card.store_error().map(ToString::to_string).as_deref(),
        Some("the disk is full")
    );
}

#[test]
fn a_directory_that_cannot_be_written_undoes_the_change() {
    let directory = directory();
    let path = made(directory.path());
    let mut card = inserted(&path);
    // A directory in the place of the temporary file stops even root.
    let blocker = directory.path().join(".card.json.new");
    fs::create_dir(&blocker).expect("a directory");
    assert_eq!(send(&mut card, "00200081083131313131310000"), "6581");
    assert_eq!(
        ImageFile::peek(&path).expect("the image").pins[0].tries_left,
        3
    );
    let line = card.store_error().expect("an error").to_string();
    assert!(line.contains("cannot be saved"), "{line}");
    assert!(ImageFile::open(&path).is_err(), "still locked");
    fs::remove_dir(&blocker).expect("removed");
    assert_eq!(send(&mut card, "00200081083131313131310000"), "63C2");
    assert!(card.store_error().is_none());
}
