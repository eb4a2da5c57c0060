//! First sign of life.
use kortlab_emulator::*;
#[test]
fn select_and_read_binary_work_over_t0() {
    let text = include_bytes!("../../vectors/emulator/small-card-t0.json");
    let image = Image::from_json(text).expect("an image");
    let mut card = VirtualCard::new(image, CardRng::from_seed(1)).expect("a card");
    let hex = |b: Vec<u8>| hex::encode_upper(b);
    let mut send = |c: &str| hex(card.transmit(&hex::decode(c).unwrap()));
    assert_eq!(send("00A40800022F00"), "6117");
    println!("{}", send("00C0000017"));
    assert_eq!(send("00B0000005"), "61134F0CA09000");
    println!("{}", send("00A40800025015"));
    println!("{}", send("00C000002B"));
    println!("{}", send("00CADF3005"));
}
