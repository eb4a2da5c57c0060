//! The layer that records.

use std::time::Instant;

use kortlab_apdu::channel::Occasion;
use kortlab_apdu::{Channel, ChannelError, Layer};
use zeroize::Zeroizing;

use crate::event::{Event, Sent, What};
use crate::{Secrets, Trace};

/// Writes into a [`Trace`] what passes to and from one card.
#[derive(Clone, Debug)]
pub struct Recorder {
    trace: Trace,
    /// What the card is called, where the trace is about several.
    name: Option<String>,
}

impl Recorder {
    pub(crate) fn begin(trace: Trace, name: Option<String>, card: &dyn Channel) -> Self {
        let recorder = Self { trace, name };
        recorder.write([state(card)]);
        recorder
    }

    fn write(&self, happened: impl IntoIterator<Item = What>) {
        let events = happened.into_iter();
        let events: Vec<_> = events
            .map(|what| Event::now(self.name.clone(), what))
            .collect();
        self.trace.write(&events);
    }
}

/// How a card is now.
fn state(card: &dyn Channel) -> What {
    What::Card {
        atr: card.atr().to_vec(),
        protocol: Some(card.protocol()),
    }
}

impl Layer for Recorder {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        // Written before it is sent: whatever the card does then, the command is in the trace.
        let shown = match self.trace.secrets {
            Secrets::Masked => Sent::masked(command),
            Secrets::Shown => Sent::whole(command),
        };
        self.write([What::Command(shown)]);
        let sent = Instant::now();
        let answer = next.transmit(command);
        let after = Some(sent.elapsed());
        self.write([match &answer {
            Ok(bytes) => What::Answer {
                bytes: Zeroizing::new(bytes.clone()),
                after,
            },
            Err(error) => What::NoAnswer {
                why: error.to_string(),
                after,
            },
        }]);
        answer
    }

    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        let state = (occasion != Occasion::PowerOff).then(|| state(card));
        self.write(
            [Some(What::Occasion(occasion)), state]
                .into_iter()
                .flatten(),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use kortlab_apdu::{Protocol, ResetKind, script};

    use super::*;
    use crate::Format;

    struct Card;

    impl Channel for Card {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
            match command {
                [0xFF, ..] => Err(ChannelError::Link("gone\nfor good".to_owned())),
                [_, 0xB0, ..] => Ok(vec![0xCA, 0xFE, 0x90, 0x00]),
                _ => Ok(vec![0x90, 0x00]),
            }
        }
        fn reset(&mut self, _: ResetKind) -> Result<(), ChannelError> {
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T0
        }
    }

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("whole").clone()).expect("text")
        }
    }

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const COMMANDS: [&[u8]; 5] = [
        &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00],
        &[
            0x00, 0x20, 0x00, 0x81, 0x06, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36,
        ],
        &[0x00, 0xB0, 0x00, 0x00, 0x00],
        &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F],
        &[0xFF, 0x00],
    ];

    fn recorded(secrets: Secrets) -> String {
        let paper = Paper::default();
        let trace = Trace::new(paper.clone(), Format::Text, secrets);
        let mut card = trace.record(Card);
        for command in COMMANDS {
            let _ = card.transmit(command);
        }
        card.reset(ResetKind::Warm).expect("reset");
        card.power_off().expect("off");
        trace.finish().expect("written");
        paper.text()
    }

    #[test]
    fn a_trace_shows_what_passed_and_our_own_parser_of_scripts_reads_it() {
        let text = recorded(Secrets::Masked);
        let without_times: Vec<String> = text
            .lines()
            .map(|line| match line.split_once(" ms: ") {
                Some((before, after)) => {
                    let (what, _) = before.rsplit_once(' ').expect("a time");
                    format!("{what} …: {after}")
                }
                None => line.to_owned(),
            })
            .collect();
        assert_eq!(
            without_times,
            [
                "# ATR: 3B00",
                "# PROTOCOL: T=0",
                "00A40000023F00",
                "# Received in …: 9000",
                "# Not shown: 0020008106 and 6 bytes",
                "# Received in …: 9000",
                "00B0000000",
                "# Received in …: CAFE9000",
                "# No APDU: 00A40000023F",
                "# Received in …: 9000",
                "# No APDU: FF00",
                "# No answer after …: the link to the card failed: gone\\nfor good",
                "# RESET: warm",
                "# ATR: 3B00",
                "# PROTOCOL: T=0",
                "# POWER: off",
            ]
        );
        let steps = script::parse(&text).expect("a script");
        let sent: Vec<u8> = steps.iter().map(|step| step.command.ins()).collect();
        assert_eq!(sent, [0xA4, 0xB0]);
    }

    #[test]
    fn pins_are_shown_only_when_asked_for_and_never_as_a_line_that_would_be_sent() {
        assert!(!recorded(Secrets::Masked).contains("313233343536"));
        let shown = recorded(Secrets::Shown);
        assert!(
            shown.contains("# Secret: 0020008106313233343536\n"),
            "{shown}"
        );
        assert_eq!(script::parse(&shown).expect("a script").len(), 2);
    }

    #[test]
    fn stretches_of_several_cards_say_which_and_a_name_cannot_end_its_comment() {
        let paper = Paper::default();
        let trace = Trace::new(paper.clone(), Format::Text, Secrets::Masked);
        let mut anna = trace.record_as("anna\n00A4", Card);
        let mut bert = trace.record_as("bert", Card);
        for card in [&mut anna, &mut bert] {
            let _ = card.transmit(COMMANDS[0]);
            let _ = card.transmit(COMMANDS[2]);
        }
        let text = paper.text();
        assert_eq!(text.matches("# CARD: anna\\n00A4\n").count(), 2, "{text}");
        assert_eq!(text.matches("# CARD: bert\n").count(), 2, "{text}");
        assert_eq!(script::parse(&text).expect("a script").len(), 4);
    }

    #[test]
    fn a_trace_that_cannot_be_written_is_told_and_the_card_goes_on() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let trace = Trace::new(Full, Format::Text, Secrets::Masked);
        let mut card = trace.record(Card);
        assert_eq!(card.transmit(COMMANDS[0]), Ok(vec![0x90, 0x00]));
        let error = trace.finish().expect_err("told");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
