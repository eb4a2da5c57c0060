//! What stands between a program and its card: recording, faults, delays.

use super::{Channel, ChannelError, Protocol, ResetKind};

/// Something that happens to commands and answers on their way.
///
/// A layer sees each command before the card does and each answer before the program does. It may
/// hand the command on, once, several times or not at all, and change what comes back.
///
/// ```
/// use kortlab_apdu::channel::{Layer, Layered};
/// use kortlab_apdu::{Channel, ChannelError};
///
/// /// Counts the commands.
/// struct Count(usize);
///
/// impl Layer for Count {
///     fn transmit(
///         &mut self,
///         next: &mut dyn Channel,
///         command: &[u8],
///     ) -> Result<Vec<u8>, ChannelError> {
///         self.0 += 1;
///         next.transmit(command)
///     }
/// }
///
/// fn with_a_count<C: Channel>(card: C) -> Layered<C, Count> {
///     Layered::new(card, Count(0))
/// }
/// ```
pub trait Layer {
    /// Answers one command, with the help of the channel below.
    ///
    /// # Errors
    /// As for [`Channel::transmit`]: those of the channel below, or of the layer's own making.
    fn transmit(&mut self, next: &mut dyn Channel, command: &[u8])
    -> Result<Vec<u8>, ChannelError>;

    /// Hears around which card it was put, before anything else.
    fn around(&mut self, card: &dyn Channel) {
        let _ = card;
    }

    /// Hears that the card was reset or its power switched, after that was done.
    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        let _ = (card, occasion);
    }

    /// What the program sees in the place of the card's ATR, if it is not the same.
    fn atr(&self) -> Option<&[u8]> {
        None
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn transmit(
        &mut self,
        next: &mut dyn Channel,
        command: &[u8],
    ) -> Result<Vec<u8>, ChannelError> {
        (**self).transmit(next, command)
    }
    fn around(&mut self, card: &dyn Channel) {
        (**self).around(card);
    }
    fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
        (**self).notice(card, occasion);
    }
    fn atr(&self) -> Option<&[u8]> {
        (**self).atr()
    }
}

/// What was done to a card's contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A reset.
    Reset(ResetKind),
    /// Power was given.
    PowerOn,
    /// Power was taken away.
    PowerOff,
}

/// A channel with a layer around it. Everything but [`Channel::transmit`] goes on to the channel
/// as it is, so a layer cannot forget any of it; of the ATR it may say that another is seen.
#[derive(Clone, Debug)]
pub struct Layered<C, L> {
    channel: C,
    layer: L,
}

impl<C: Channel, L: Layer> Layered<C, L> {
    /// Puts a layer around a channel.
    pub fn new(channel: C, mut layer: L) -> Self {
        layer.around(&channel);
        Self { channel, layer }
    }
}

impl<C, L> Layered<C, L> {
    /// The channel inside.
    pub const fn channel(&self) -> &C {
        &self.channel
    }

    /// The channel inside, past the layer.
    pub const fn channel_mut(&mut self) -> &mut C {
        &mut self.channel
    }

    /// The layer.
    pub const fn layer(&self) -> &L {
        &self.layer
    }

    /// Takes both apart.
    pub fn into_parts(self) -> (C, L) {
        (self.channel, self.layer)
    }
}

impl<C: Channel, L: Layer> Channel for Layered<C, L> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        self.layer.transmit(&mut self.channel, command)
    }

    fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
        self.channel.reset(kind)?;
        self.layer.notice(&self.channel, Occasion::Reset(kind));
        Ok(())
    }

    fn reset_alone(&mut self, kind: ResetKind) -> Result<bool, ChannelError> {
        let done = self.channel.reset_alone(kind)?;
        if done {
            self.layer.notice(&self.channel, Occasion::Reset(kind));
        }
        Ok(done)
    }

    fn is_shared(&self) -> bool {
        self.channel.is_shared()
    }

    fn power_on(&mut self) -> Result<(), ChannelError> {
        self.channel.power_on()?;
        self.layer.notice(&self.channel, Occasion::PowerOn);
        Ok(())
    }

    fn power_off(&mut self) -> Result<(), ChannelError> {
        self.channel.power_off()?;
        self.layer.notice(&self.channel, Occasion::PowerOff);
        Ok(())
    }

    fn atr(&self) -> &[u8] {
        self.layer.atr().unwrap_or_else(|| self.channel.atr())
    }

    fn protocol(&self) -> Protocol {
        self.channel.protocol()
    }

    fn max_command_data(&self) -> usize {
        self.channel.max_command_data()
    }

    fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
        self.channel.begin_exclusive()
    }

    fn end_exclusive(&mut self) -> Result<(), ChannelError> {
        self.channel.end_exclusive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes which methods were called; nothing of it is a default.
    #[derive(Default)]
    struct Note(Vec<&'static str>);

    impl Channel for Note {
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
            self.0.push("transmit");
            Ok(vec![0x90, 0x00])
        }
        fn reset(&mut self, kind: ResetKind) -> Result<(), ChannelError> {
            self.0.push(match kind {
                ResetKind::Cold => "cold",
                ResetKind::Warm => "warm",
            });
            Ok(())
        }
        fn reset_alone(&mut self, _: ResetKind) -> Result<bool, ChannelError> {
            self.0.push("alone");
            Ok(false)
        }
        fn is_shared(&self) -> bool {
            true
        }
        fn power_on(&mut self) -> Result<(), ChannelError> {
            self.0.push("on");
            Ok(())
        }
        fn power_off(&mut self) -> Result<(), ChannelError> {
            self.0.push("off");
            Ok(())
        }
        fn atr(&self) -> &[u8] {
            &[0x3B, 0x00]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T0
        }
        fn max_command_data(&self) -> usize {
            1234
        }
        fn begin_exclusive(&mut self) -> Result<(), ChannelError> {
            self.0.push("begin");
            Ok(())
        }
        fn end_exclusive(&mut self) -> Result<(), ChannelError> {
            self.0.push("end");
            Ok(())
        }
    }

    /// Answers by itself, and notes what it noticed.
    #[derive(Default)]
    struct Deaf(Vec<Occasion>);

    impl Layer for Deaf {
        fn transmit(&mut self, _: &mut dyn Channel, _: &[u8]) -> Result<Vec<u8>, ChannelError> {
            Ok(vec![0x6F, 0x00])
        }
        fn notice(&mut self, card: &dyn Channel, occasion: Occasion) {
            assert_eq!(card.atr(), [0x3B, 0x00]);
            self.0.push(occasion);
        }
    }

    #[test]
    fn all_but_commands_reaches_the_card_through_layers_boxes_and_references() {
        let inner: Box<dyn Channel + Send> =
            Box::new(Layered::new(Note::default(), Deaf::default()));
        let mut channel = Layered::new(inner, Box::new(Deaf::default()));
        let reference = &mut channel;
        let through: &mut dyn Channel = reference;
        assert_eq!(through.atr(), [0x3B, 0x00]);
        assert_eq!(through.protocol(), Protocol::T0);
        assert_eq!(through.max_command_data(), 1234);
        through.begin_exclusive().expect("begun");
        through.reset(ResetKind::Cold).expect("reset");
        through.reset(ResetKind::Warm).expect("reset");
        assert!(through.is_shared());
        assert_eq!(through.reset_alone(ResetKind::Warm), Ok(false));
        through.power_on().expect("on");
        through.power_off().expect("off");
        through.end_exclusive().expect("ended");
        assert_eq!(
            channel.layer().0,
            [
                Occasion::Reset(ResetKind::Cold),
                Occasion::Reset(ResetKind::Warm),
                Occasion::PowerOn,
                Occasion::PowerOff
            ]
        );
    }

    #[test]
    fn the_card_hears_what_no_layer_may_keep_from_it_and_not_what_one_answers() {
        let mut channel = Layered::new(Note::default(), Deaf::default());
        channel.begin_exclusive().expect("begun");
        channel.power_on().expect("on");
        assert_eq!(channel.transmit(&[0; 4]), Ok(vec![0x6F, 0x00]));
        channel.reset(ResetKind::Warm).expect("reset");
        channel.power_off().expect("off");
        channel.end_exclusive().expect("ended");
        let (card, _) = channel.into_parts();
        assert_eq!(card.0, ["begin", "on", "warm", "off", "end"]);
    }
}
