//! A card of any kind: what it is, without a command that only another kind of card understands;
//! and each dialect asking only cards that may be its own.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use kortlab_apdu::{
    Channel, ChannelError, FilePath, Layer, Layered, Protocol, ResetKind, StatusWord, instruction,
};
use kortlab_card::applications::Reply;
use kortlab_card::files::Budget;
use kortlab_card::{Card, ErrorKind, PinRole, PinState, Session, Token, TokenKind, WhyUnknown};
use kortlab_emulator::{Image, InProcess};
use support::{PROTOCOLS, insert, model};

/// Commands as the card got them, shared with the test.
type Sent = Rc<RefCell<Vec<Vec<u8>>>>;

/// Notes each command.
#[derive(Debug, Default)]
struct Record(Sent);

impl Layer for Record {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        self.0.borrow_mut().push(command.to_vec());
        next.transmit(command)
    }
}

/// Describes files with an FCP, where the card gives an FCI.
#[derive(Debug)]
struct Fcp;

impl Layer for Fcp {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        let mut answer = next.transmit(command)?;
        if let Some(first @ 0x6F) = answer.first_mut() {
            *first = 0x62;
        }
        Ok(answer)
    }
}

/// A card with these applications and nothing else.
#[derive(Debug)]
struct Applet {
    aids: &'static [&'static str],
    /// What it answers to everything else.
    otherwise: StatusWord,
}

impl Channel for Applet {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let name = match command {
            [0x00, 0xA4, 0x04, _, length, rest @ ..] => rest.get(..usize::from(*length)),
            _ => None,
        };
        let has = |name: &[u8]| {
            let mut aids = self.aids.iter().map(|aid| hex::decode(aid).unwrap());
            aids.any(|aid| aid.starts_with(name))
        };
        let status = match name {
            Some(name) if has(name) => StatusWord::SUCCESS,
            Some(_) => StatusWord::FILE_NOT_FOUND,
            None => self.otherwise,
        };
        Ok(status.value().to_be_bytes().to_vec())
    }
    fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
        Ok(())
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x80, 0x01, 0x81]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
}

const PIV: &str = "A000000308000010000100";
const INS_NOT_SUPPORTED: StatusWord = StatusWord::INS_NOT_SUPPORTED;

fn recorded<C: Channel>(card: C) -> (Layered<C, Record>, Sent) {
    let record = Record::default();
    let sent = Rc::clone(&record.0);
    (Layered::new(card, record), sent)
}

/// A PKCS#15 card that nobody here knows: another answer to reset, other descriptions of files.
fn stranger(protocol: Protocol) -> Layered<InProcess, Fcp> {
    let mut image = staff(protocol);
    image.atr = other_atr(protocol).into();
    Layered::new(insert(image), Fcp)
}

/// An answer to reset that says nothing but the protocol.
fn other_atr(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::T0 => vec![0x3B, 0x00],
        Protocol::T1 => vec![0x3B, 0x80, 0x01, 0x81],
    }
}

fn staff(protocol: Protocol) -> Image {
    model(protocol).build().expect("an image")
}

/// Whether a command is one that ISO/IEC 7816-4 gives every card: class 00, and to select and read.
fn is_for_every_card(command: &[u8]) -> bool {
    let known = [
        instruction::SELECT,
        instruction::READ_BINARY,
        instruction::READ_RECORD,
        instruction::GET_RESPONSE,
    ];
    matches!(command, [0x00, ins, ..] if known.contains(ins))
}

/// How often GET DATA DF30 was sent.
fn asked_for_the_applet(sent: &Sent) -> usize {
    let sent = sent.borrow();
    sent.iter()
        .filter(|command| command.starts_with(&[0x00, 0xCA, 0xDF, 0x30]))
        .count()
}

#[test]
fn a_card_that_nobody_knows_gets_commands_of_the_standard_only() {
    // With PKCS#15: what it holds is read, and its PINs are not asked for, which might cost a try.
    for protocol in PROTOCOLS {
        let (channel, sent) = recorded(stranger(protocol));
        let mut card = Card::open(channel).expect("a session");
        assert!(card.dialect().guesses());
        assert_eq!((card.keys().len(), card.pins().len()), (2, 2));
        let state = card.pin_status(PinRole::Authentication);
        assert_eq!(state, Ok(PinState::Unknown(WhyUnknown::NotAsked)));
        assert_eq!(card.contents().problems, []);
        assert!(sent.borrow().len() > 10);
        for command in sent.borrow().iter() {
            assert!(is_for_every_card(command), "{command:02X?}");
        }
    }

    // Without PKCS#15, with an application of another kind, or with none.
    for aids in [&[PIV][..], &[]] {
        let otherwise = INS_NOT_SUPPORTED;
        let (channel, sent) = recorded(Applet { aids, otherwise });
        let mut none = Session::new(channel).open_token(Budget::CARD).unwrap_err();
        assert_eq!(none.error().kind(), ErrorKind::NotPkcs15);
        let told: Vec<_> = none
            .answers()
            .expect("told")
            .iter()
            .map(|one| one.name)
            .collect();
        match aids {
            [] => assert_eq!(told, [""; 0]),
            _ => assert_eq!(told, ["PIV (NIST SP 800-73)"]),
        }
        none.into_session().identify().expect("identified");
        assert!(sent.borrow().len() > 10);
        for command in sent.borrow().iter() {
            assert!(is_for_every_card(command), "{command:02X?}");
        }
    }
}

#[test]
fn a_session_finds_the_token_and_goes_on_without_it() {
    for protocol in PROTOCOLS {
        let session = Session::new(insert(staff(protocol)));
        let token = session.open_token(Budget::CARD).expect("a token");
        assert_eq!(token.kind(), TokenKind::Pkcs15);
        let found = token.into_session().identify().expect("identified");
        assert!(matches!(found.master_file, Reply::Selected(_)));
        let Ok(Token::Pkcs15(card)) =
            Session::new(insert(staff(protocol))).open_token(Budget::CARD)
        else {
            panic!("a PKCS#15 application");
        };
        assert_eq!(card.keys().len(), 2);
    }
}

#[test]
fn a_card_that_looks_like_a_staff_card_is_asked_once_whether_it_is_one() {
    for protocol in PROTOCOLS {
        // By its answer to reset and by its files; by its files alone; by its answer alone.
        let mut other = staff(protocol);
        other.atr = other_atr(protocol).into();
        let (both, sent) = recorded(insert(staff(protocol)));
        assert!(!Card::open(both).expect("a session").dialect().guesses());
        assert_eq!(asked_for_the_applet(&sent), 1);
        let (files, sent) = recorded(insert(other));
        assert!(!Card::open(files).expect("a session").dialect().guesses());
        assert_eq!(asked_for_the_applet(&sent), 1);
        let (atr, sent) = recorded(Layered::new(insert(staff(protocol)), Fcp));
        assert!(!Card::open(atr).expect("a session").dialect().guesses());
        assert_eq!(asked_for_the_applet(&sent), 1);
        // It looks like one, and is none.
        let mut none = staff(protocol);
        none.data_objects.clear();
        let (none, sent) = recorded(insert(none));
        assert!(Card::open(none).expect("a session").dialect().guesses());
        assert_eq!(asked_for_the_applet(&sent), 1);
    }
}

#[test]
fn a_session_sends_nothing_until_something_is_wanted_and_works_with_any_card() {
    let otherwise = INS_NOT_SUPPORTED;
    let (channel, sent) = recorded(Applet {
        aids: &[PIV],
        otherwise,
    });
    let mut session = Session::new(channel);
    assert_eq!(session.atr(), [0x3B, 0x80, 0x01, 0x81]);
    assert!(sent.borrow().is_empty());
    let error = session
        .exclusively(|session| session.files().select(&FilePath::MASTER_FILE))
        .unwrap_err();
    assert_eq!(error.status(), Some(INS_NOT_SUPPORTED));
    let piv = hex::decode(PIV).unwrap();
    session.files().select_application(&piv).expect("selected");
    let answer = session.channel_mut().transmit(&[0x00, 0xA4, 0x00, 0x00]);
    assert_eq!(answer, Ok(vec![0x6D, 0x00]));
}

#[test]
fn a_card_without_pkcs15_says_what_it_answers_to() {
    let mut session = Session::new(Applet {
        aids: &[PIV],
        otherwise: INS_NOT_SUPPORTED,
    });
    let found = session.identify().expect("identified");
    assert_eq!(found.master_file, Reply::Refused(INS_NOT_SUPPORTED));
    assert_eq!(found.directory, Reply::Refused(INS_NOT_SUPPORTED));
    assert!(!found.anything);
    let answering: Vec<_> = found.answering().collect();
    let [piv] = answering.as_slice() else {
        panic!("{answering:?}");
    };
    assert!(piv.name.as_deref().unwrap().contains("PIV"));
    assert!(piv.next_step.unwrap().contains("piv-tool"));
    let absent = found
        .applications
        .iter()
        .filter(|asked| asked.reply == Reply::Refused(StatusWord::FILE_NOT_FOUND))
        .count();
    assert_eq!(absent, found.applications.len() - 1);
}

#[test]
fn what_ef_dir_lists_is_asked_for_first_and_by_its_own_name() {
    for protocol in PROTOCOLS {
        // The application is listed, and the files in it are gone.
        let mut image = staff(protocol);
        for file in image.master_file.files_mut().into_iter().flatten() {
            if let Some(files) = file.files_mut() {
                files.clear();
            }
        }
        let none = Session::new(insert(image))
            .open_token(Budget::CARD)
            .unwrap_err();
        let found = none.into_session().identify().expect("identified");
        assert!(matches!(found.master_file, Reply::Selected(_)));
        assert!(matches!(found.directory, Reply::Selected(_)));
        assert!(found.master_file_parameters().is_some());
        let first = &found.applications[0];
        assert!(first.listed && first.name.is_some());
        assert!(matches!(first.reply, Reply::Selected(_)));
        assert!(found.applications[1..].iter().all(|asked| !asked.listed));
    }
}

#[test]
fn answers_of_a_card_that_answers_to_everything_say_nothing() {
    #[derive(Debug)]
    struct Anything;
    impl Layer for Anything {
        fn transmit(&mut self, _: &mut dyn Channel, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(vec![0x90, 0x00])
        }
    }
    let applet = Applet {
        aids: &[],
        otherwise: INS_NOT_SUPPORTED,
    };
    let mut session = Session::new(Layered::new(applet, Anything));
    let found = session.identify().expect("identified");
    assert!(found.anything);
    assert_eq!(found.answering().count(), 0);
}

#[test]
fn a_card_that_is_pulled_out_ends_every_question() {
    #[derive(Debug)]
    struct Gone(usize);
    impl Layer for Gone {
        fn transmit(
            &mut self,
            next: &mut dyn Channel,
            command: &[u8],
        ) -> Result<Vec<u8>, ChannelError> {
            self.0 = self.0.checked_sub(1).ok_or(ChannelError::NoCard)?;
            next.transmit(command)
        }
    }
    for after in [0, 1, 3, 10] {
        let applet = Applet {
            aids: &[PIV],
            otherwise: INS_NOT_SUPPORTED,
        };
        let mut session = Session::new(Layered::new(applet, Gone(after)));
        let error = session.identify().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCard);
    }
}
