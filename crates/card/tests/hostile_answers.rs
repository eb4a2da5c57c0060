//! Cards that answer nonsense, and cards that are pulled out.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use kortlab_apdu::{Channel, ChannelError, Protocol, ResetKind};
use kortlab_card::{
    Card, CardError, ErrorKind, Hash, IfChanged, MemoryJournal, NewCertificate, PinRole, PinState,
    Scheme,
};
use kortlab_emulator::{Image, InProcess};
use proptest::prelude::*;
use support::{OpenSsl, PROTOCOLS, insert, keys, model, on_card, pin};

/// The most commands that anything here may take: no answer makes a session go on for ever.
const MAX_COMMANDS: usize = 100_000;

/// What to do with the answer to one command: its number, the command, the true answer.
type Rule = Box<dyn FnMut(usize, &[u8], Vec<u8>) -> Result<Vec<u8>, ChannelError>>;

/// A virtual card whose answers a rule changes.
struct Hostile {
    card: InProcess,
    rule: Rule,
    count: usize,
}

impl Hostile {
    fn new(
        image: Image,
        rule: impl FnMut(usize, &[u8], Vec<u8>) -> Result<Vec<u8>, ChannelError> + 'static,
    ) -> Self {
        Self {
            card: insert(image),
            rule: Box::new(rule),
            count: 0,
        }
    }
}

impl std::fmt::Debug for Hostile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hostile")
    }
}

impl Channel for Hostile {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        assert!(self.count < MAX_COMMANDS, "the session goes on for ever");
        let answer = self.card.transmit(command);
        self.count += 1;
        (self.rule)(self.count - 1, command, answer)
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(&mut self.card, kind)
    }
    fn atr(&self) -> &[u8] {
        Channel::atr(&self.card)
    }
    fn protocol(&self) -> Protocol {
        Channel::protocol(&self.card)
    }
}

fn image(protocol: Protocol) -> Image {
    // Nothing here reads it as a certificate with success; a file to read is enough.
    let filler = vec![0x30, 0x03, 0x02, 0x01, 0x00];
    let card = model(protocol).certificate(on_card(&filler, 0x45, "Filler"));
    card.build().expect("an image")
}

/// Everything that only reads, and a signature; the first error ends it.
fn use_card(channel: Hostile) -> Result<(), CardError> {
    let mut card = Card::open(channel)?;
    for role in PinRole::ALL {
        card.pin_status(role)?;
    }
    card.slots()?;
    card.check(
        std::time::SystemTime::now(),
        &kortlab_card::Against::default(),
    )?;
    card.unlocked(PinRole::Authentication, &pin("123456"), |key| {
        key.sign(Scheme::Pss(Hash::Sha256), b"x")
    })?;
    Ok(())
}

/// How many commands that takes undisturbed.
fn length(protocol: Protocol) -> usize {
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = seen.clone();
    use_card(Hostile::new(image(protocol), move |number, _, answer| {
        count.set(number + 1);
        Ok(answer)
    }))
    .expect("undisturbed it works");
    seen.get()
}

/// A name, and what it makes of an answer.
type Mutation = (&'static str, fn(Vec<u8>) -> Vec<u8>);

/// The named mutations of one answer.
const MUTATIONS: [Mutation; 14] = [
    ("nothing at all", |_| Vec::new()),
    ("one byte", |_| vec![0x90]),
    ("success without data", |_| vec![0x90, 0x00]),
    ("no diagnosis", |_| vec![0x6F, 0x00]),
    ("end of file at once", |_| vec![0x62, 0x82]),
    ("outside the file", |_| vec![0x6B, 0x00]),
    ("more bytes for ever", |_| vec![0x61, 0x00]),
    ("wrong Le", |_| vec![0x6C, 0x01]),
    ("more data", |_| vec![0x63, 0xF1]),
    ("half of it", |answer| {
        let half = answer.len() / 2;
        [&answer[..half], &[0x90, 0x00]].concat()
    }),
    ("a length one too long", |mut answer| {
        if answer.len() > 3 {
            answer[1] = answer[1].wrapping_add(1);
        }
        answer
    }),
    ("a length one too short", |mut answer| {
        if answer.len() > 3 {
            answer[1] = answer[1].wrapping_sub(1);
        }
        answer
    }),
    ("an indefinite length", |mut answer| {
        if answer.len() > 3 {
            answer[1] = 0x80;
        }
        answer
    }),
    ("too much", |answer| {
        [&vec![0x30; 300][..], &answer].concat()
    }),
];

#[test]
fn no_mutated_answer_makes_the_session_panic_or_go_on_for_ever() {
    for protocol in PROTOCOLS {
        let length = length(protocol);
        assert!(length > 30, "{length}");
        for at in 0..length {
            for (_, mutation) in MUTATIONS {
                let channel = Hostile::new(image(protocol), move |number, _, answer| {
                    Ok(if number == at {
                        mutation(answer)
                    } else {
                        answer
                    })
                });
                let _ = use_card(channel);
            }
        }
    }
}

#[test]
fn an_answer_repeated_for_ever_ends_with_an_error() {
    for protocol in PROTOCOLS {
        for (name, mutation) in &MUTATIONS[..9] {
            for from in [0, 5, 20] {
                let mutation = *mutation;
                let channel = Hostile::new(image(protocol), move |number, _, answer| {
                    Ok(if number >= from {
                        mutation(answer)
                    } else {
                        answer
                    })
                });
                assert!(use_card(channel).is_err(), "{name} from {from} on");
            }
        }
    }
}

#[test]
fn file_sizes_that_lie_are_noticed_and_cost_nothing() {
    for (size, part) in [
        (0x0000_u16, ""),
        (0x0001, ""),
        (0xFFFF, "the card says it has 65535"),
    ] {
        let channel = Hostile::new(image(Protocol::T1), move |_, command, mut answer| {
            if command.get(1) == Some(&0xA4) {
                let at = answer.windows(2).position(|two| two == [0x81, 0x02]);
                if let Some(at) = at {
                    answer[at + 2..at + 4].copy_from_slice(&size.to_be_bytes());
                }
            }
            Ok(answer)
        });
        match Card::open(channel) {
            Ok(card) => {
                let problems = &card.contents().problems;
                let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
                let all = all.join("\n");
                assert!(
                    part.is_empty() || all.contains("ends after"),
                    "{part}: {all}"
                );
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotPkcs15, "{error}"),
        }
    }
}

#[test]
fn a_card_pulled_out_at_any_command_is_no_card() {
    for protocol in PROTOCOLS {
        for at in 0..length(protocol) {
            let channel = Hostile::new(image(protocol), move |number, _, answer| {
                if number >= at {
                    Err(ChannelError::NoCard)
                } else {
                    Ok(answer)
                }
            });
            let error = use_card(channel).expect_err("pulled");
            assert_eq!(error.kind(), ErrorKind::NoCard, "{at}: {error}");
        }
    }
}

#[test]
fn a_signature_with_a_fault_in_it_is_not_given_out() {
    for protocol in PROTOCOLS {
        let mut signing = false;
        let channel = Hostile::new(image(protocol), move |_, command, mut answer| {
            signing |= command.get(1) == Some(&0x2A);
            if signing && answer.len() > 256 {
                answer[100] ^= 0x04;
            }
            Ok(answer)
        });
        let mut card = Card::open(channel).expect("a session");
        for scheme in [Scheme::Pkcs1(Hash::Sha256), Scheme::Pss(Hash::Sha256)] {
            let error = card
                .unlocked(PinRole::Authentication, &pin("123456"), |key| {
                    key.sign(scheme, b"x")
                })
                .expect_err("a fault");
            assert_eq!(error.kind(), ErrorKind::Nonsense, "{error}");
            assert!(error.to_string().contains("does not open"), "{error}");
        }
    }
}

#[test]
fn tries_are_told_as_the_card_tells_them_and_nothing_is_believed_verified() {
    for (status, kind) in [
        ([0x63, 0xCF], ErrorKind::PinWrong { tries: Some(15) }),
        ([0x63, 0x00], ErrorKind::PinWrong { tries: None }),
        // No counter by the standard, whatever a card means by it: the number is not relied on.
        ([0x63, 0x02], ErrorKind::PinWrong { tries: None }),
        ([0x63, 0x81], ErrorKind::PinWrong { tries: None }),
        ([0x63, 0xC0], ErrorKind::PinBlocked),
        ([0x69, 0x83], ErrorKind::PinBlocked),
        ([0x6A, 0x88], ErrorKind::Refused),
        ([0x62, 0x00], ErrorKind::Refused),
        ([0x90, 0x01], ErrorKind::Refused),
    ] {
        let channel = Hostile::new(image(Protocol::T1), move |_, command, answer| {
            Ok(if command.get(1) == Some(&0x20) {
                status.to_vec()
            } else {
                answer
            })
        });
        let mut card = Card::open(channel).expect("a session");
        let error = card
            .verify(PinRole::Authentication, &pin("123456"))
            .expect_err("no success");
        assert_eq!(error.kind(), kind, "{status:02X?}");
        let state = card.pin_status(PinRole::Authentication);
        assert_ne!(state, Ok(PinState::Verified));
    }
}

#[test]
fn a_certificate_that_reads_back_differently_is_taken_back() {
    let authority = OpenSsl::authority();
    let der = authority.certificate(&keys().0, "1", 30);
    for protocol in PROTOCOLS {
        // Damage what is read of a file after it was written, that is after UPDATE BINARY.
        let mut written = false;
        let channel = Hostile::new(image(protocol), move |_, command, mut answer| {
            written |= command.get(1) == Some(&0xD6);
            if written && command.get(1) == Some(&0xB0) && answer.len() > 100 {
                answer[50] ^= 0xFF;
            }
            Ok(answer)
        });
        let mut card = Card::open(channel).expect("a session");
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        let before = card.channel_mut().card.card().image();
        let error = card
            .write_certificate(
                &NewCertificate::new(der.clone(), 0x45, "New"),
                &mut MemoryJournal::new(),
            )
            .expect_err("damage");
        assert_eq!(error.kind(), ErrorKind::Nonsense, "{error}");
        assert!(
            error.to_string().starts_with("nothing was changed"),
            "{error}"
        );
        assert_eq!(card.channel_mut().card.card().image(), before);
    }
}

#[test]
fn a_card_pulled_out_while_writing_or_removing_loses_no_other_certificate() {
    let authority = OpenSsl::authority();
    let old = authority.certificate(&keys().0, "1", 30);
    let new = authority.certificate(&keys().0, "2", 30);
    let start = model(Protocol::T0).certificate(on_card(&old, 0x45, "Old"));
    let start = start.build().expect("an image");
    let certificate = NewCertificate::new(new.clone(), 0x45, "New");
    let mut completed = false;
    for at in 0.. {
        assert!(at < 1000, "it never completes");
        // The card does the command, and the answer is lost; from then on it is gone.
        let mut changes = 0;
        let channel = Hostile::new(start.clone(), move |_, command, answer| {
            let changing = matches!(command.get(1), Some(0xE0 | 0xD6 | 0xE4));
            changes += usize::from(changing);
            if changes > at {
                Err(ChannelError::NoCard)
            } else {
                Ok(answer)
            }
        });
        let mut card = Card::open(channel).expect("a session");
        card.verify(PinRole::Authentication, &pin("123456"))
            .expect("verified");
        let mut journal = MemoryJournal::new();
        let written = card.write_certificate(&certificate, &mut journal);
        let result = written.and_then(|_| {
            let slots = card.slots()?;
            card.remove_certificate(&slots[1], &mut journal)
        });
        if let Err(error) = &result {
            assert_eq!(error.kind(), ErrorKind::Unfinished, "{at}: {error}");
        }
        let left = card.into_channel().card.card().image();
        let mut card = Card::open(insert(left)).expect("it opens again");
        let recovered = card.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
        let recovered = recovered.expect("recovered");
        assert_eq!(recovered.is_some(), result.is_err());
        assert_eq!(card.contents().problems, [], "cut {at}");
        let slots = card.slots().expect("slots");
        assert_eq!(slots[0].der, old, "cut {at}");
        if let Some(second) = slots.get(1) {
            assert_eq!(
                second.der, new,
                "cut {at}: an entry whose certificate is not there"
            );
        }
        if result.is_ok() {
            assert_eq!(slots.len(), 1);
            completed = true;
            break;
        }
    }
    assert!(completed);
}

/// A card that answers with arbitrary bytes, one answer after the other, over and over.
#[derive(Debug)]
struct Arbitrary {
    answers: Vec<Vec<u8>>,
    count: usize,
    protocol: Protocol,
}

impl Channel for Arbitrary {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
        assert!(self.count < MAX_COMMANDS, "the session goes on for ever");
        self.count += 1;
        let index = self.count % self.answers.len();
        Ok(self.answers[index].clone())
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        self.protocol
    }
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        4 => Just([0x90, 0x00]),
        1 => Just([0x62, 0x82]),
        1 => Just([0x6B, 0x00]),
        1 => any::<[u8; 2]>(),
    ];
    (prop::collection::vec(any::<u8>(), 0..200), status)
        .prop_map(|(data, status)| [&data[..], &status].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn arbitrary_answers_neither_panic_nor_go_on_for_ever(
        answers in prop::collection::vec(answer(), 1..40),
        block: bool,
    ) {
        let protocol = if block { Protocol::T1 } else { Protocol::T0 };
        if let Ok(mut card) = Card::open(Arbitrary { answers, count: 0, protocol }) {
            let _ = card.slots();
            let _ = card.pins();
        }
    }
}
