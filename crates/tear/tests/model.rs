//! Random sequences of commands, slot operations, tears, resets, crashes and recoveries, beside a
//! simple model: which certificates there are, and how many tries each PIN has at most.
//!
//! `KORTLAB_SEQUENCES` says how many sequences, a few hundred if it is not set. What a sequence
//! has found is a test of its own here, without chance.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::sync::OnceLock;

use kortlab_card::{
    Card, Change, ErrorKind, Exception, IfChanged, MemoryJournal, NewCertificate, Pin, PinRole,
};
use kortlab_emulator::memory::{MemoryTechnology, PowerCut};
use kortlab_emulator::{CardRng, Image, InProcess, VirtualCard};
use kortlab_issuer::clock::Timestamp;
use kortlab_renewal::states::{CardState, NewCard, new_card};
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

/// The labels that certificates are written under; the model knows a certificate by its label.
const LABELS: [&str; 5] = ["A", "B", "C", "D", "E"];
/// The labels on the card at the start.
const AT_START: [&str; 2] = ["Telia Legitimering", "Telia Underskrift"];
const TRIES: u8 = 3;

#[derive(Clone, Copy, Debug)]
enum Tear {
    Bytes(u64),
    Command(u64),
    Answer(u64),
}

#[derive(Clone, Debug)]
enum Transition {
    /// Writes certificates and removes the ones at these places, in one transaction.
    Change {
        write: Vec<usize>,
        remove: Vec<usize>,
        tear: Option<Tear>,
    },
    /// Recovers, and perhaps is torn meanwhile.
    Recover {
        tear: Option<Tear>,
    },
    /// A PIN, right or wrong; perhaps torn meanwhile.
    Verify {
        signature: bool,
        right: bool,
        tear: Option<Tear>,
    },
    /// A command by itself.
    Command(Vec<u8>),
    Reset,
    /// The host forgets everything but the journal.
    Crash,
}

/// What a sequence begins with. The model itself is beside the card, in [`Bench`]: whether a tear
/// is reached, and so what may be there, only carrying out the sequence tells.
#[derive(Clone, Debug)]
struct Model {
    memory: MemoryTechnology,
}

fn tear() -> impl Strategy<Value = Option<Tear>> {
    proptest::option::weighted(
        0.5,
        prop_oneof![
            (0_u64..4_000).prop_map(Tear::Bytes),
            (1_u64..150).prop_map(Tear::Command),
            (1_u64..150).prop_map(Tear::Answer),
        ],
    )
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        proptest::sample::select(MemoryTechnology::ALL.to_vec())
            .prop_map(|memory| Self { memory })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let places = || proptest::collection::vec(0_usize..5, 0..3);
        let commands = prop_oneof![
            Just(vec![0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x44, 0x03]),
            Just(vec![0x00, 0xB0, 0x00, 0x00, 0x10]),
            Just(vec![0x00, 0x20, 0x00, 0x81]),
            // Commands that read, with parameters of any kind.
            (
                proptest::sample::select(vec![0xA4, 0xB0, 0xB2, 0xC0, 0xCA, 0x84]),
                proptest::collection::vec(any::<u8>(), 2..9),
            )
                .prop_map(|(ins, rest)| [&[0x00, ins], rest.as_slice()].concat()),
        ];
        prop_oneof![
            4 => (places(), places(), tear())
                .prop_map(|(write, remove, tear)| Transition::Change { write, remove, tear }),
            2 => tear().prop_map(|tear| Transition::Recover { tear }),
            2 => (any::<bool>(), proptest::bool::weighted(0.8), tear())
                .prop_map(|(signature, right, tear)| Transition::Verify { signature, right, tear }),
            1 => commands.prop_map(Transition::Command),
            1 => Just(Transition::Reset),
            1 => Just(Transition::Crash),
        ]
        .boxed()
    }

    fn apply(state: Self, _: &Transition) -> Self {
        state
    }
}

/// The card, the host, and what the model allows after what has happened.
struct Bench {
    session: Option<Card<InProcess>>,
    journal: MemoryJournal,
    /// The certificates; two lists while a change is not finished.
    allowed: Vec<Vec<String>>,
    /// The most tries of the PINs for authentication and signature.
    tries: [u8; 2],
}

fn start() -> &'static Image {
    static START: OnceLock<Image> = OnceLock::new();
    START.get_or_init(|| {
        let date = Timestamp::from_date(2026, 11, 24).unwrap();
        let NewCard { image, .. } =
            new_card(CardState::Delivered, kortlab_apdu::Protocol::T1, 5, date).unwrap();
        image
    })
}

fn pin(digits: &str) -> Pin {
    Pin::try_from(digits).unwrap()
}

impl Bench {
    fn card(&mut self) -> &mut InProcess {
        self.session.as_mut().unwrap().channel_mut()
    }

    fn schedule(&mut self, tear: Option<Tear>) {
        // A cut that was not reached must not come later; this one is never reached.
        let cut = match tear {
            None => PowerCut::AfterBytes(u64::MAX),
            Some(Tear::Bytes(n)) => PowerCut::AfterBytes(n),
            Some(Tear::Command(n)) => PowerCut::BeforeCommand(n),
            Some(Tear::Answer(n)) => PowerCut::BeforeAnswer(n),
        };
        self.card().card_mut().schedule_power_cut(cut);
    }

    fn push_in(&mut self) {
        self.schedule(None);
        while self.card().is_out() {
            self.card().reinsert();
        }
    }

    /// A new program with nothing but the journal.
    fn reopen(&mut self) {
        let channel = self.session.take().unwrap().into_channel();
        self.session = Some(Card::open(channel).unwrap());
    }

    fn left(&mut self) -> [u8; 2] {
        let pins = &self.card().card().state().pins;
        [0x81, 0x82].map(|reference| {
            let mut pins = pins.iter();
            let pin = pins.find(|pin| pin.reference == reference).unwrap();
            pin.tries_left
        })
    }

    fn labels(&mut self) -> Vec<String> {
        let slots = self.session.as_mut().unwrap().slots().unwrap();
        let label = |slot: &kortlab_card::Slot| slot.label().unwrap_or_default().to_owned();
        assert!(
            slots.iter().all(|slot| slot.findings.is_empty()),
            "{slots:?}"
        );
        slots.iter().map(label).collect()
    }

    fn recover(&mut self, tear: Option<Tear>) {
        self.schedule(tear);
        let session = self.session.as_mut().unwrap();
        let recovered = session.recover(&mut self.journal, &pin("123456"), IfChanged::LeaveIt);
        let torn = self.card().is_out();
        self.push_in();
        match recovered {
            Ok(Some(_)) => {
                self.tries[0] = TRIES;
                self.settled();
            }
            Ok(None) => {}
            Err(_) if torn => {
                // The PIN may have been verified before the cut.
                self.tries[0] = self.tries[0].max(self.left()[0]);
                self.reopen();
            }
            // Only a PIN that was blocked before keeps recovery from its work.
            Err(error) => assert_eq!(error.kind(), ErrorKind::PinBlocked, "{error}"),
        }
    }

    /// Nothing is under way: the card has one of the lists that are allowed, and keeps it.
    fn settled(&mut self) {
        let labels = self.labels();
        assert!(
            self.allowed.contains(&labels),
            "{labels:?}: {:?}",
            self.allowed
        );
        self.allowed = vec![labels];
    }

    fn change(&mut self, write: &[usize], remove: &[usize], tear: Option<Tear>) {
        let role = PinRole::Authentication;
        if self.left()[0] == 0 || !self.journal.is_empty() {
            return;
        }
        let session = self.session.as_mut().unwrap();
        session.refresh().unwrap();
        session.verify(role, &pin("123456")).unwrap();
        self.tries[0] = TRIES;
        self.settled();
        let before = self.allowed[0].clone();
        let session = self.session.as_mut().unwrap();
        let slots = session.slots().unwrap();
        let mut change = Change::new();
        let mut after = Vec::new();
        for (place, slot) in slots.iter().enumerate() {
            // The carrier's two stay, as a source of bytes for the others.
            if place >= AT_START.len() && remove.contains(&(place - AT_START.len())) {
                change = change.remove(slot.clone());
            } else {
                after.push(before[place].clone());
            }
        }
        for index in write {
            let source = &slots[index % AT_START.len()];
            let new =
                NewCertificate::new(source.der.clone(), source.key_id().clone(), LABELS[*index]);
            // The same certificate again, so that none has to be issued.
            change = change.write(new.except([Exception::OnCardAlready]));
            after.push(LABELS[*index].to_owned());
        }
        self.schedule(tear);
        let session = self.session.as_mut().unwrap();
        let operations = self.journal.operations();
        let changed = session.change(&change, &mut self.journal);
        let begun = self.journal.operations() > operations;
        let torn = self.card().is_out();
        self.push_in();
        match changed {
            Ok(_) => self.allowed = vec![after],
            Err(_) if torn && !begun => self.allowed = vec![before],
            // It was done, and the cut came while the directories were read anew.
            Err(_) if torn && self.journal.is_empty() => self.allowed = vec![after],
            Err(_) if torn => self.allowed = vec![before, after],
            Err(error) => {
                let refused = matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Full);
                assert!(refused, "{error}");
                self.allowed = vec![before];
            }
        }
        if torn {
            self.tries[0] = self.tries[0].max(self.left()[0]);
        }
    }

    fn verify(&mut self, signature: bool, right: bool, tear: Option<Tear>) {
        let (role, digits, index) = match signature {
            false => (PinRole::Authentication, "123456", 0),
            true => (PinRole::Signature, "654321", 1),
        };
        let before = self.left()[index];
        self.schedule(tear);
        let session = self.session.as_mut().unwrap();
        let verified = session.verify(role, &pin(if right { digits } else { "999999" }));
        let torn = self.card().is_out();
        self.push_in();
        let after = self.left()[index];
        match (verified.is_ok(), right) {
            (true, true) => self.tries[index] = TRIES,
            (true, false) => panic!("a wrong PIN was right"),
            (false, true) if torn => self.tries[index] = TRIES,
            (false, true) => assert_eq!(before, 0, "the right PIN is refused only when blocked"),
            // An answer that came out has cost a try.
            (false, false) if !torn => self.tries[index] = before.saturating_sub(1),
            (false, false) => self.tries[index] = before,
        }
        assert!(after <= self.tries[index]);
    }
}

struct Tearing;

impl StateMachineTest for Tearing {
    type SystemUnderTest = Bench;
    type Reference = Model;

    fn init_test(model: &Model) -> Bench {
        let mut image = start().clone();
        image.settings.memory = model.memory;
        let card = VirtualCard::new(image, CardRng::from_seed(1)).unwrap();
        Bench {
            session: Some(Card::open(InProcess::ephemeral(card)).unwrap()),
            journal: MemoryJournal::new(),
            allowed: vec![AT_START.map(str::to_owned).to_vec()],
            tries: [TRIES; 2],
        }
    }

    fn apply(mut bench: Bench, _: &Model, transition: Transition) -> Bench {
        match transition {
            Transition::Change {
                write,
                remove,
                tear,
            } => bench.change(&write, &remove, tear),
            Transition::Recover { tear } => bench.recover(tear),
            Transition::Verify {
                signature,
                right,
                tear,
            } => bench.verify(signature, right, tear),
            Transition::Command(bytes) => drop(bench.card().transmit(&bytes)),
            Transition::Reset => bench.session.as_mut().unwrap().reset().unwrap(),
            Transition::Crash => bench.reopen(),
        }
        let left = bench.left();
        assert!(left[0] <= bench.tries[0] && left[1] <= bench.tries[1]);
        bench
    }

    fn teardown(mut bench: Bench, _: Model) {
        if bench.left()[0] == 0 && !bench.journal.is_empty() {
            return;
        }
        bench.reopen();
        bench.recover(None);
        assert!(bench.journal.is_empty());
        bench.reopen();
        let problems = &bench.session.as_ref().unwrap().contents().problems;
        assert!(problems.is_empty(), "{problems:?}");
        bench.settled();
    }
}

/// A card on which "A" is replaced by "B", perhaps torn out meanwhile.
fn replaced(tear: Option<Tear>) -> Bench {
    let mut bench = with_a();
    bench.change(&[1], &[0], tear);
    bench
}

/// A card with "A".
fn with_a() -> Bench {
    let mut bench = Tearing::init_test(&Model {
        memory: MemoryTechnology::Paged,
    });
    bench.change(&[0], &[], None);
    bench
}

/// The card is torn out of a change, and once more when its recovery has ended and the directories
/// are read anew. The session goes on with what it knows; that was the directory as it was before
/// the recovery, which named a file that is deleted by now.
#[test]
fn a_session_whose_card_was_torn_out_behind_its_recovery_knows_what_is_on_the_card() {
    let programmed = |mut bench: Bench| bench.card().card().bytes_programmed();
    let all = programmed(replaced(None)) - programmed(with_a());
    let mut tears = (0..all).rev().map(Tear::Bytes);
    let Some(Tear::Bytes(deleting)) = tears.find(|tear| !replaced(Some(*tear)).journal.is_empty())
    else {
        panic!("no byte is the last one");
    };
    // The old file is not deleted yet; and the directory is written in part, and the host crashes.
    for (first, crashed) in [(deleting, false), (deleting - 10, true)] {
        let torn = || {
            let mut bench = replaced(Some(Tear::Bytes(first)));
            if crashed {
                bench.reopen();
            }
            bench
        };
        let commands = |bench: &mut Bench| bench.card().card().commands_received();
        let recover = |bench: &mut Bench| {
            let session = bench.session.as_mut().unwrap();
            session.recover(&mut bench.journal, &pin("123456"), IfChanged::LeaveIt)
        };
        let mut bench = torn();
        let before = commands(&mut bench);
        assert!(recover(&mut bench).unwrap().is_some());
        let recovered = commands(&mut bench);
        bench.session.as_mut().unwrap().refresh().unwrap();
        // Recovery ends with a look whether the old file is gone, and with reading the directories,
        // which this has done once more.
        let reading = commands(&mut bench) - recovered;
        let last = recovered - before - reading - 1;
        assert!(reading > 10, "{reading}");
        for n in last - 3..=recovered - before {
            let mut bench = torn();
            bench.schedule(Some(Tear::Command(n)));
            let recovery = recover(&mut bench);
            assert!(bench.card().is_out());
            bench.push_in();
            assert_eq!(recovery.is_ok(), n > last, "{first} {n} of {last}");
            if n > last {
                let known = bench.labels();
                assert_eq!(known.last().unwrap(), "B", "{first} {n}");
                bench.reopen();
                assert_eq!(known, bench.labels(), "{first} {n}");
            }
        }
    }
}

prop_state_machine! {
    #![proptest_config(Config {
        cases: std::env::var("KORTLAB_SEQUENCES")
            .map_or(400, |count| count.parse().unwrap()),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn certificates_and_tries_are_those_of_the_model_whatever_happens(
        sequential 1..20 => Tearing
    );
}
