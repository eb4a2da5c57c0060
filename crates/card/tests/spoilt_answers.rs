//! Every fault there is, around a card that a session reads, signs with and writes to.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use kortlab_apdu::{Channel, ChannelError, Layered, Protocol, ResetKind};
use kortlab_card::{
    Against, Card, CardError, ErrorKind, Hash, IfChanged, MemoryJournal, NewCertificate, PinRole,
    PinState, Scheme,
};
use kortlab_emulator::{Image, InProcess};
use kortlab_faults::{Fault, FaultError, KINDS};
use support::{certificates, insert, model, old_and_stays, pin};

/// The most commands that anything here may take: no answer makes a session go on for ever.
const MAX_COMMANDS: usize = 100_000;

/// A virtual card that can still be looked at when the session with it has failed.
#[derive(Clone, Debug)]
struct Shared {
    card: Rc<RefCell<InProcess>>,
    commands: Rc<RefCell<usize>>,
    atr: Vec<u8>,
}

impl Shared {
    fn new(image: Image) -> Self {
        let card = insert(image);
        Self {
            atr: Channel::atr(&card).to_vec(),
            card: Rc::new(RefCell::new(card)),
            commands: Rc::default(),
        }
    }

    /// The card as it is, read by a session to which nothing is spoilt.
    fn truth(&self) -> Card<InProcess> {
        Card::open(insert(self.card.borrow().card().image())).expect("it opens")
    }
}

impl Channel for Shared {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        *self.commands.borrow_mut() += 1;
        assert!(
            *self.commands.borrow() < MAX_COMMANDS,
            "the session goes on for ever"
        );
        Channel::transmit(&mut *self.card.borrow_mut(), command)
    }
    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        Channel::reset(&mut *self.card.borrow_mut(), kind)
    }
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn protocol(&self) -> Protocol {
        Channel::protocol(&*self.card.borrow())
    }
}

/// What a session did of what it was to do.
#[derive(Debug, Default)]
struct Done {
    signed: Option<Vec<u8>>,
    written: bool,
}

/// Everything that reads, a signature, and a new certificate; the first error ends it.
fn use_card(
    channel: impl Channel,
    journal: &mut MemoryJournal,
    done: &mut Done,
) -> Result<(), CardError> {
    let mut card = Card::open(channel)?;
    for role in PinRole::ALL {
        card.pin_status(role)?;
    }
    card.slots()?;
    card.check(SystemTime::now(), &Against::default())?;
    done.signed = Some(
        card.unlocked(PinRole::Authentication, &pin("123456"), |key| {
            key.sign(Scheme::Pkcs1(Hash::Sha256), b"x")
        })?,
    );
    card.verify(PinRole::Authentication, &pin("123456"))?;
    let new = NewCertificate::new(certificates()[1].clone(), 0x45, "New");
    let _ = card.write_certificate(&new, journal)?;
    done.written = true;
    Ok(())
}

/// How many mixtures are tried: `KORTLAB_SPOILT_ANSWERS` for more outside of CI.
fn mixtures() -> usize {
    let asked = std::env::var("KORTLAB_SPOILT_ANSWERS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(60)
}

/// The faults: each by itself at all commands, now and then, and any of them mixed.
fn faults() -> Vec<String> {
    let mut faults = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.name != "delay") {
        let moments = ["ins", "nth", "times", "from", "until", "seed", "file"];
        let (name, parameters) = kind.vector.text.split_once(':').unwrap_or((kind.name, ""));
        let own: Vec<&str> = parameters
            .split(',')
            .filter(|parameter| {
                !parameter.is_empty()
                    && moments
                        .iter()
                        .all(|moment| !parameter.starts_with(&format!("{moment}=")))
            })
            .collect();
        let with = |more: &[&str]| {
            let parameters = [&own[..], more].concat().join(",");
            format!("{name}:{parameters}")
        };
        faults.push(with(&[]));
        if kind.of_commands {
            for moment in [
                "nth=3",
                "from=20,times=2",
                "ins=B0",
                "ins=20",
                "ins=D6,times=1",
            ] {
                faults.push(with(&[moment]));
            }
            for seed in ["seed=1", "seed=2", "seed=3", "seed=4"] {
                faults.push(with(&["chance=15", seed]));
            }
        }
    }
    faults.extend(
        (0..mixtures()).map(|seed| format!("mutate:seed={seed},chance={}", [3, 10, 30][seed % 3])),
    );
    faults
}

#[test]
fn no_fault_makes_a_session_panic_go_on_for_ever_lose_a_try_or_believe_what_is_not_so() {
    let image = old_and_stays(model(Protocol::T0));
    let (mut signed, mut written, mut wrong) = (0, 0, Vec::new());
    let faults = faults();
    for fault in &faults {
        let parsed = match Fault::parse(fault) {
            Ok(parsed) => parsed,
            // What is about one instruction strikes at no other, and is refused with its moment.
            Err(FaultError::Never | FaultError::OtherInstruction { .. }) => continue,
            Err(error) => panic!("{fault}: {error}"),
        };
        let card = Shared::new(image.clone());
        let (mut journal, mut done) = (MemoryJournal::new(), Done::default());
        let result = use_card(Layered::new(card.clone(), parsed), &mut journal, &mut done);
        assert_eq!(result.is_ok(), done.written, "{fault}");
        let mut truth = card.truth();
        for role in PinRole::ALL {
            let state = truth.pin_status(role).expect("a state");
            if !matches!(state, PinState::TriesLeft(3)) {
                wrong.push(format!("{fault}: {role:?} {state:?}"));
            }
        }
        if done.written
            && !truth
                .slots()
                .expect("slots")
                .iter()
                .any(|slot| slot.der == certificates()[1])
        {
            wrong.push(format!("{fault}: it believes that it has written"));
        }
        if result.is_err() {
            let recovered = truth.recover(&mut journal, &pin("123456"), IfChanged::LeaveIt);
            match recovered {
                Ok(_) => {}
                // The plan was made from a directory that was not the card's: nothing was done
                // by it, and nothing is done by it now.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => wrong.push(format!("{fault}: {error}")),
            }
        }
        let slots = truth.slots().expect("slots");
        for kept in [&certificates()[0], &certificates()[2]] {
            if !slots.iter().any(|slot| slot.der == *kept) {
                wrong.push(format!("{fault}: a certificate is gone"));
            }
        }
        signed += usize::from(done.signed.is_some());
        written += usize::from(done.written);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = faults.len();
    assert!(signed > all / 4 && signed < all, "{signed} of {all} signed");
    assert!(written > all / 8, "{written} of {all} written");
}
