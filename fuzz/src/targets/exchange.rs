//! The exchange layer over a hostile card.

use kortlab_apdu::exchange::{Exchange, Lengths, MAX_RESPONSE, MAX_ROUNDS};
use kortlab_apdu::{Channel, ChannelError, Command, Protocol, ResetKind};

/// However the card answers, the exchange ends within its bounds, and sends only well-formed
/// commands.
///
/// The input: one byte of options, one byte n, n bytes of command, then answers, each with one
/// length byte before it (`FF`: 256 bytes of what follows, over and over). The last answer is
/// repeated for ever.
pub fn exchange(data: &[u8]) {
    let [options, n, rest @ ..] = data else {
        return;
    };
    let Some((command, answers)) = rest.split_at_checked(usize::from(*n)) else {
        return;
    };
    let Ok(mut command) = Command::parse(command) else {
        return;
    };
    if options & 0x08 != 0 {
        // Long data, which a short input cannot hold.
        let data = command.data().repeat(usize::from(*n).max(2) * 4);
        command = command.with_data(data);
    }
    let mut card = Hostile {
        protocol: if options & 0x01 == 0 {
            Protocol::T0
        } else {
            Protocol::T1
        },
        max_command_data: if options & 0x02 == 0 { 255 } else { 65_535 },
        answers: Answers { rest: answers },
        last: Vec::new(),
        sent: 0,
    };
    let lengths = match options >> 4 & 0x03 {
        1 => Lengths::Short,
        2 => Lengths::Extended,
        _ => Lengths::Auto,
    };
    let blocks = command.data().len().div_ceil(255).max(1);
    let (rounds, bytes) = if options & 0x04 == 0 {
        (20, 2_000)
    } else {
        (MAX_ROUNDS, MAX_RESPONSE)
    };
    let outcome = Exchange::new()
        .lengths(lengths)
        .max_rounds(rounds)
        .max_response(bytes)
        .run(&mut card, &command);
    assert!(card.sent <= blocks + rounds, "{} commands sent", card.sent);
    match outcome {
        Ok(outcome) => {
            assert!(outcome.response.data().len() <= bytes);
            assert_eq!(outcome.sent, card.sent);
            if let Some(block) = outcome.refused_block {
                assert!(block.number < block.of && block.of == blocks);
            }
            if let Some(ne) = command.ne()
                && ne != 256
                && outcome.refused_block.is_none()
            {
                assert!(outcome.response.data().len() <= ne as usize);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

struct Answers<'a> {
    rest: &'a [u8],
}

impl Iterator for Answers<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let (&length, rest) = self.rest.split_first()?;
        if length == 0xFF {
            let (fill, rest) = rest.split_first_chunk::<3>()?;
            let [byte, status @ ..] = fill;
            self.rest = rest;
            let mut answer = vec![*byte; 256];
            answer.extend_from_slice(status);
            return Some(answer);
        }
        let (answer, rest) = rest.split_at(usize::from(length).min(rest.len()));
        self.rest = rest;
        Some(answer.to_vec())
    }
}

struct Hostile<'a> {
    protocol: Protocol,
    max_command_data: usize,
    answers: Answers<'a>,
    last: Vec<u8>,
    sent: usize,
}

impl Channel for Hostile<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.sent += 1;
        let sent = match self.protocol {
            Protocol::T0 => {
                assert!(command.len() >= 5, "a TPDU has a P3");
                Command::parse_tpdu(command)
            }
            Protocol::T1 => Command::parse(command),
        };
        assert!(sent.is_ok(), "{sent:?}");
        if let Some(answer) = self.answers.next() {
            self.last = answer;
        }
        Ok(self.last.clone())
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

    fn max_command_data(&self) -> usize {
        self.max_command_data
    }
}
