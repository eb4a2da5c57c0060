//! An applet of one's own: a counter behind a PIN, in pcscd's virtual reader.
//!
//! `cargo run -p kortlab-emulator --example counter -- 127.0.0.1:35963 counter.json`, and then
//! `opensc-tool -s 00:A4:04:0C:06:F0:43:4F:55:4E:54 -s 80:10:00:00:04`. PIN 1234 lets one count:
//! `-s 00:20:00:01:08:31:32:33:34:FF:FF:FF:FF -s 80:12:00:00` before the reading.

use std::error::Error;
use std::os::unix::net::UnixStream;
use std::path::Path;

use kortlab_apdu::{Command, Response, StatusWord};
use kortlab_emulator::applications::{Answer, Application, Context, Instruction, Traffic, iso};
use kortlab_emulator::fs::{Fid, FileId};
use kortlab_emulator::image::{FileImage, PinImage};
use kortlab_emulator::link::vpcd::VpcdLink;
use kortlab_emulator::{CardRng, Image, ImageFile, Inserted, VirtualCard};

#[derive(Debug)]
pub(crate) struct Counter;

impl Application for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn instructions(&self) -> &'static [&'static [Instruction]] {
        &[OWN, iso::SELECTION, iso::PINS]
    }
}

const OWN: &[Instruction] = &[
    Instruction::proprietary(0x80, 0x10, Traffic::Out, read),
    Instruction::proprietary(0x80, 0x12, Traffic::In, count),
];

fn value(context: &Context<'_>) -> Result<(FileId, u32), StatusWord> {
    let file = context.child(Fid(0x0001))?;
    let bytes = context.contents(file)?.first_chunk();
    let bytes = bytes.ok_or(StatusWord::MEMORY_FAILURE)?;
    Ok((file, u32::from_be_bytes(*bytes)))
}

fn read(context: &mut Context<'_>, _: &Command) -> Answer {
    Ok(Response::success(value(context)?.1.to_be_bytes()))
}

fn count(context: &mut Context<'_>, _: &Command) -> Answer {
    context.expect_verified(0x01)?;
    let (file, value) = value(context)?;
    let next = value.checked_add(1).ok_or(StatusWord::CONDITIONS_OF_USE)?;
    context.update(file, 0, &next.to_be_bytes())?;
    Ok(Response::status_only(StatusWord::SUCCESS))
}

pub(crate) fn image() -> Image {
    let counter = FileImage::df(0x7001, vec![FileImage::transparent(0x0001, 4, &[])]);
    let counter = counter.with_name(b"\xF0COUNT").with_application("counter");
    let mut image = Image::plain(vec![counter]);
    image.pins.push(PinImage::digits(0x01, "Counter", "1234"));
    image
}

pub(crate) fn serve(address: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    if !path.exists() {
        ImageFile::create(path, &image())?;
    }
    let (file, image) = ImageFile::open(path)?;
    let card = VirtualCard::with_applications(image, CardRng::from_os()?, [&Counter as _])?;
    let (_stop, stopped) = UnixStream::pair()?;
    let mut card = Inserted::new(card, file);
    Ok(VpcdLink::new(address).run(&mut card, &stopped, |event| println!("{event}"))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (address, path) = args.next().zip(args.next()).ok_or("HOST:PORT FILE")?;
    serve(&address, Path::new(&path))
}
