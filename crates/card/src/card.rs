//! [`Card`]: a session with one card.

use std::collections::BTreeMap;

use kortlab_apdu::{Channel, ResetKind};
use kortlab_pkcs15::{Id, ObjectValue, Path};

use crate::contents::Contents;
use crate::dialect::{self, Dialect, Identity};
use crate::error::{CardError, ErrorKind};
use crate::files::{Files, path_text};
use crate::keys::RsaPublicKey;

/// A session with one card that has a PKCS#15 application.
///
/// What is on the card is read once, when the session is opened, and again when the session
/// itself has changed it; [`Card::refresh`] reads it anew.
///
/// Calls that consist of several commands keep other programs from the card while they run. To
/// keep them out for longer (a PIN, then a signature), use [`Card::exclusively`].
#[derive(Debug)]
pub struct Card<C: Channel> {
    channel: C,
    identity: Identity,
    dialect: &'static dyn Dialect,
    contents: Contents,
    held: usize,
    pub(crate) public_keys: BTreeMap<Id, RsaPublicKey>,
    #[cfg(feature = "planted-bug")]
    pub(crate) planted_bug: Option<crate::slots::PlantedBug>,
}

impl<C: Channel> Card<C> {
    /// Opens a session: finds out which card OS it is, and reads the PKCS#15 directories.
    ///
    /// # Errors
    /// The card is gone, or has no PKCS#15 application. A broken one opens, with
    /// [`Contents::problems`].
    pub fn open(mut channel: C) -> Result<Self, CardError> {
        channel.begin_exclusive()?;
        let opened = open(&mut channel);
        let ended = channel.end_exclusive();
        let (identity, dialect, contents) = opened?;
        ended?;
        Ok(Self {
            channel,
            identity,
            dialect,
            contents,
            held: 0,
            public_keys: BTreeMap::new(),
            #[cfg(feature = "planted-bug")]
            planted_bug: None,
        })
    }

    /// Puts an error into the slot writer of this session, so that a harness can show that it
    /// finds one.
    #[cfg(feature = "planted-bug")]
    pub const fn plant(&mut self, bug: crate::slots::PlantedBug) {
        self.planted_bug = Some(bug);
    }

    /// What is on the card, and what is wrong with it.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// How this card's OS wants its commands.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.dialect
    }

    /// What the card told of itself before its files were read.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The card's serial number, as its TokenInfo gives it.
    pub fn serial_number(&self) -> Option<&[u8]> {
        self.contents.token_info.as_ref()?.serial_number.as_deref()
    }

    /// The card's files.
    pub fn files(&mut self) -> Files<'_, C> {
        Files::new(&mut self.channel)
    }

    /// The channel, for commands of one's own. What they change is not noticed before
    /// [`Card::refresh`].
    pub fn channel_mut(&mut self) -> &mut C {
        &mut self.channel
    }

    /// Ends the session and gives the channel back. PINs stay verified; see [`Card::reset`].
    pub fn into_channel(self) -> C {
        self.channel
    }

    /// Reads the PKCS#15 directories anew.
    ///
    /// # Errors
    /// As for [`Card::open`]; what was known before stays.
    pub fn refresh(&mut self) -> Result<(), CardError> {
        self.contents = self.exclusively(|card| Contents::read(&mut card.channel))?;
        self.public_keys.clear();
        Ok(())
    }

    /// The value of an object: the file, or the part of it, that its path names, or the bytes
    /// that stand in the object itself.
    ///
    /// # Errors
    /// The file cannot be read, the part is not in it, or the value is somewhere else than on the
    /// card.
    pub fn read_value(&mut self, value: &ObjectValue) -> Result<Vec<u8>, CardError> {
        match value {
            ObjectValue::Path(path) => self.read_path(path),
            ObjectValue::Direct(bytes) => Ok(bytes.clone()),
            ObjectValue::Other(_) => Err(CardError::new(
                ErrorKind::Unsupported,
                "the value is not on the card, or is protected: that is not supported",
            )),
        }
    }

    fn read_path(&mut self, path: &Path) -> Result<Vec<u8>, CardError> {
        let file = self.contents.absolute(path);
        let data = self.exclusively(|card| card.files().read(&file))?.data;
        let from = path.index.unwrap_or(0) as usize;
        let length = path.length.map(|length| length as usize);
        let part = match length {
            // A length of 0 is what some cards write for "all of it".
            None | Some(0) => data.get(from..),
            Some(length) => from.checked_add(length).and_then(|to| data.get(from..to)),
        };
        part.map(<[u8]>::to_vec).ok_or_else(|| {
            CardError::new(
                ErrorKind::Nonsense,
                format!(
                    "the card says a value is at byte {from} of {}, which has {} bytes",
                    path_text(&file),
                    data.len()
                ),
            )
        })
    }

    /// Resets the card, which forgets the PINs that were verified.
    ///
    /// # Errors
    /// The card is gone.
    pub fn reset(&mut self) -> Result<(), CardError> {
        self.channel
            .reset(ResetKind::Warm)
            .map_err(|error| CardError::channel("reset the card", error))
    }

    /// Does `work` while other programs are kept from the card.
    ///
    /// # Errors
    /// Those of `work`, or the card is gone or held by another program.
    pub fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        if self.held == 0 {
            self.channel
                .begin_exclusive()
                .map_err(|error| CardError::channel("get hold of the card", error))?;
        }
        self.held += 1;
        let result = work(self);
        self.held -= 1;
        if self.held == 0 {
            let ended = self.channel.end_exclusive();
            if result.is_ok() {
                ended?;
            }
        }
        result
    }
}

fn open<C: Channel>(
    channel: &mut C,
) -> Result<(Identity, &'static dyn Dialect, Contents), CardError> {
    let identity = dialect::identify(channel)?;
    let dialect = dialect::detect(&identity);
    let contents = Contents::read(channel)?;
    Ok((identity, dialect, contents))
}
