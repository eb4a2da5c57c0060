//! How long a card takes for its answers: [`Pace`].

use std::collections::BTreeMap;
use std::time::Duration;

use kortlab_apdu::{FilePath, instruction};

/// How long a card took for each command, by the command and the file that was selected.
///
/// Of a command that was sent more than once the shortest time is kept: what is slow once was
/// something else on this computer or at the reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    selected: Vec<u8>,
    taken: BTreeMap<Asked, Taken>,
}

/// A command, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    instruction: u8,
    /// What the last SELECT before it, or it itself, has named.
    selected: Vec<u8>,
    command: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    times: usize,
    least: Duration,
}

impl Pace {
    /// Notes how long a command took.
    pub fn note(&mut self, command: &[u8], time: Duration) {
        let Some(&instruction) = command.get(1) else {
            return;
        };
        if instruction == instruction::SELECT {
            // P1 says how the data is meant.
            self.selected = command.get(2..).unwrap_or_default().to_vec();
        }
        let asked = Asked {
            instruction,
            selected: self.selected.clone(),
            command: command.to_vec(),
        };
        let taken = self.taken.entry(asked).or_insert(Taken {
            times: 0,
            least: time,
        });
        taken.times = taken.times.saturating_add(1);
        taken.least = taken.least.min(time);
    }

    /// The commands that were sent more than once, with the shortest time of each, by instruction.
    pub fn repeated(&self) -> BTreeMap<u8, Vec<(&Asked, Duration)>> {
        let mut all: BTreeMap<u8, Vec<_>> = BTreeMap::new();
        for (asked, taken) in self.taken.iter().filter(|(_, taken)| taken.times > 1) {
            let of_instruction = all.entry(asked.instruction).or_default();
            of_instruction.push((asked, taken.least));
        }
        all
    }
}

impl Asked {
    /// The file that was selected, where it was by its path from the MF (P1 = 08).
    pub fn path(&self) -> Option<FilePath> {
        let [0x08, _, length, data @ ..] = self.selected.as_slice() else {
            return None;
        };
        let path = data.get(..usize::from(*length))?;
        let path = FilePath::from(path.to_vec());
        path.is_whole().then(|| FilePath::MASTER_FILE.join(&path))
    }

    /// Where in the file READ BINARY begins; of other commands nothing is said.
    pub fn offset(&self) -> Option<usize> {
        match *self.command.as_slice() {
            [_, instruction::READ_BINARY, p1, p2, ..] if p1 & 0x80 == 0 => {
                Some(usize::from(u16::from_be_bytes([p1, p2])))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_time_of_a_command_that_was_repeated_is_kept_by_file_and_offset() {
        let mut pace = Pace::default();
        let select = |fid| [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x44, fid];
        let read = [0x00, 0xB0, 0x01, 0x02, 0x10];
        let ms = Duration::from_millis;
        for (fid, time) in [(0x03, 9), (0x03, 7), (0x02, 5)] {
            pace.note(&select(fid), ms(1));
            pace.note(&read, ms(time));
        }
        let repeated = pace.repeated();
        let [(asked, time)] = repeated[&0xB0].as_slice() else {
            panic!("{repeated:?}");
        };
        assert_eq!((*time, asked.offset()), (ms(7), Some(0x0102)));
        let path = asked.path().expect("a path");
        assert_eq!(path.to_string(), "3F00/5015/4403");
        assert_eq!(repeated[&0xA4].len(), 1);
    }
}
