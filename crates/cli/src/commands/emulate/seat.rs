//! Which PC/SC reader a card has come to be in.
//!
//! vpcd does not say: its port is all that a card knows. So the readers are looked at before, and
//! again once the card is in: it is in one that shows its ATR and held no card before. Several cards
//! are in readers in the order of their ports.

/// Where PC/SC shows a card.
pub enum Seat {
    /// In this reader.
    #[cfg_attr(not(feature = "pcsc"), allow(dead_code))]
    Reader {
        /// Its name.
        name: String,
        /// Whether no other reader holds a card, so that it needs not be named.
        only: bool,
    },
    /// Nowhere; why, as far as that can be told.
    NotSeen {
        /// Why.
        reason: String,
    },
}

#[cfg(feature = "pcsc")]
pub use with_pcsc::Readers;
#[cfg(not(feature = "pcsc"))]
pub use without::Readers;

#[cfg(feature = "pcsc")]
mod with_pcsc {
    use std::collections::BTreeSet;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use kortlab_card::pcsc::{Occupancy, Reader, readers};

    use super::Seat;

    /// How long pcscd is given to notice a card; it looks every 0.4 seconds.
    const PATIENCE: Duration = Duration::from_secs(3);
    const PAUSE: Duration = Duration::from_millis(100);

    /// How vpcd's slots are called, but by somebody who has configured another name.
    const VIRTUAL: &str = "Virtual PCD";

    fn slots(readers: &[Reader]) -> usize {
        let is_virtual = |reader: &&Reader| reader.name.starts_with(VIRTUAL);
        readers.iter().filter(is_virtual).count()
    }

    /// The readers as they were before the cards came.
    pub struct Readers {
        taken: BTreeSet<String>,
        /// Why there was no PC/SC service, if so.
        missing: Option<String>,
        /// How many virtual readers there were, free or not.
        slots: usize,
        cards: usize,
    }

    impl Readers {
        /// Looks at the readers, into which so many cards are to come. Where the system starts
        /// pcscd when it is asked for, that starts it.
        pub fn before(cards: usize) -> Self {
            let (slots, taken, missing) = match readers() {
                Ok(readers) => (
                    slots(&readers),
                    readers
                        .into_iter()
                        .filter(|reader| reader.state != Occupancy::Empty)
                        .map(|reader| reader.name)
                        .collect(),
                    None,
                ),
                Err(error) => (0, BTreeSet::new(), Some(error.to_string())),
            };
            Self {
                taken,
                missing,
                slots,
                cards,
            }
        }

        /// What to do so that there is a virtual reader at this address.
        pub fn what_is_missing(&self, address: &str) -> String {
            match &self.missing {
                Some(_) => "no PC/SC service runs here; Debian and Ubuntu: `apt-get install pcscd \
                            vsmartcard-vpcd`, then `pcscd --foreground` as root; or use the card \
                            without one: --socket PATH"
                    .to_owned(),
                // The driver is there: each of its slots has a port of its own, and no more are there.
                None if self.slots > 0 => {
                    let slots = match self.slots {
                        1 => "one slot".to_owned(),
                        slots => format!("{slots} slots"),
                    };
                    format!(
                        "pcscd runs, and vpcd in it with {slots} (as it is packaged it has two, at \
                         consecutive ports), none of them at {address}; put in no more cards than there \
                         are slots, or see to the port (--vpcd); `kortlab pcscd` and `kortlab run` take \
                         any number of cards, without vpcd"
                    )
                }
                None => format!(
                    "pcscd runs, and has no virtual reader at {address}; Debian and Ubuntu: \
                     `apt-get install vsmartcard-vpcd`, then start pcscd again; or use the card \
                     without one: --socket PATH"
                ),
            }
        }

        /// Finds the reader of the card with this ATR and this place in the list of cards; gives
        /// up after three seconds, or when there is no more need to know.
        pub fn find(&self, atr: &[u8], place: usize, over: impl Fn() -> bool) -> Option<Seat> {
            let deadline = Instant::now() + PATIENCE;
            loop {
                if over() {
                    return None;
                }
                let looked = readers();
                if let Ok(readers) = &looked
                    && let Some(seat) = self.seat(readers, atr, place)
                {
                    return Some(seat);
                }
                if Instant::now() >= deadline {
                    let reason = match looked {
                        Err(error) => error.to_string(),
                        Ok(_) => "the virtual reader may belong to another pcscd, or several \
                                  cards came at the same time; `kortlab readers` lists what there \
                                  is"
                        .to_owned(),
                    };
                    return Some(Seat::NotSeen { reason });
                }
                sleep(PAUSE);
            }
        }

        fn seat(&self, readers: &[Reader], atr: &[u8], place: usize) -> Option<Seat> {
            let holds = |reader: &&Reader| matches!(&reader.state, Occupancy::Card { atr: found, .. } if found == atr);
            let mut names: Vec<_> = readers
                .iter()
                .filter(holds)
                .map(|reader| &reader.name)
                .filter(|name| !self.taken.contains(*name))
                .collect();
            names.sort();
            // Fewer: some are not noticed yet. More: nobody can tell.
            if names.len() != self.cards {
                return None;
            }
            let occupied = readers.iter().filter(|r| r.state != Occupancy::Empty);
            Some(Seat::Reader {
                name: (*names.get(place)?).clone(),
                only: occupied.count() == 1,
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const ATR: &[u8] = &[0x3B, 0x00];

        fn reader(index: usize, name: &str, atr: Option<&[u8]>) -> Reader {
            Reader {
                index,
                name: name.to_owned(),
                state: match atr {
                    None => Occupancy::Empty,
                    Some(atr) => Occupancy::Card {
                        atr: atr.to_vec(),
                        exclusive: false,
                    },
                },
            }
        }

        fn name(seat: Option<Seat>) -> Option<(String, bool)> {
            match seat? {
                Seat::Reader { name, only } => Some((name, only)),
                Seat::NotSeen { .. } => None,
            }
        }

        #[test]
        fn a_card_too_many_for_vpcds_slots_is_not_told_to_install_vpcd() {
            let two = [
                reader(0, "Virtual PCD 00 00", Some(ATR)),
                reader(1, "Virtual PCD 00 01", None),
            ];
            let other = [reader(0, "Some Reader 00 00", None)];
            let said = |readers: &[Reader]| {
                let before = Readers {
                    taken: BTreeSet::new(),
                    missing: None,
                    slots: slots(readers),
                    cards: 3,
                };
                before.what_is_missing("localhost:35965")
            };
            let two = said(&two);
            assert!(
                two.contains("with 2 slots") && two.contains("localhost:35965"),
                "{two}"
            );
            assert!(!two.contains("apt-get"), "{two}");
            assert!(said(&other).contains("apt-get install vsmartcard-vpcd"));
        }

        #[test]
        fn a_card_is_in_the_reader_that_shows_its_atr_and_held_none_before() {
            let before = |cards| Readers {
                taken: ["Old".to_owned()].into(),
                missing: None,
                slots: 2,
                cards,
            };
            let now = [
                reader(0, "Old", Some(ATR)),
                reader(1, "Virtual PCD 00 00", Some(ATR)),
                reader(2, "Virtual PCD 00 01", None),
            ];
            let one = name(before(1).seat(&now, ATR, 0));
            assert_eq!(one, Some(("Virtual PCD 00 00".to_owned(), false)));
            assert_eq!(name(before(2).seat(&now, ATR, 0)), None, "one is missing");
            assert_eq!(name(before(1).seat(&now, &[0x3B, 0x01], 0)), None);

            let both = [
                reader(0, "Virtual PCD 00 01", Some(ATR)),
                reader(1, "Virtual PCD 00 00", Some(ATR)),
            ];
            let second = name(before(2).seat(&both, ATR, 1));
            assert_eq!(second, Some(("Virtual PCD 00 01".to_owned(), false)));
            assert_eq!(name(before(1).seat(&both, ATR, 0)), None, "which one?");
        }
    }
}

#[cfg(not(feature = "pcsc"))]
mod without {
    use super::Seat;

    /// Nothing is known of readers.
    pub struct Readers;

    impl Readers {
        /// Looks at nothing.
        pub const fn before(_cards: usize) -> Self {
            Self
        }

        /// What to do so that there is a virtual reader at this address.
        pub fn what_is_missing(&self, _address: &str) -> String {
            "start pcscd with vpcd; Debian and Ubuntu: `apt-get install pcscd vsmartcard-vpcd`, \
             then `pcscd --foreground` as root; or use the card without one: --socket PATH"
                .to_owned()
        }

        /// Says that this build cannot tell.
        pub fn find(&self, _atr: &[u8], _place: usize, _over: impl Fn() -> bool) -> Option<Seat> {
            Some(Seat::NotSeen {
                reason: "this build of kortlab has no PC/SC, so it cannot look".to_owned(),
            })
        }
    }
}
