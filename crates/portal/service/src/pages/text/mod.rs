//! Every text of the pages, in Swedish and in English, side by side.
//!
//! A text is a method of [`Texts`]; a text without a translation does not compile. The words are
//! the guide's: *HCC*, *legitimering*, *underskrift*, *kvittera*.

mod card;
mod frame;
mod menu;
mod pin_dialogue;
mod reasons;
mod renewal;
mod start;
mod test_page;
mod values;

pub(crate) use reasons::Reason;

use super::language::Language;

/// The texts in one language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts(pub(crate) Language);

impl Texts {
    /// The language's tag, for `lang`.
    pub(crate) const fn tag(self) -> &'static str {
        self.0.tag()
    }

    /// The texts in the other language.
    pub(crate) const fn other(self) -> Self {
        Self(super::language::other(self.0))
    }

    /// One of two texts that say the same.
    pub(crate) fn either<T>(self, swedish: T, english: T) -> T {
        match self.0 {
            Language::Swedish => swedish,
            Language::English => english,
        }
    }
}

/// Texts without anything filled in: a name, the Swedish, the English.
macro_rules! texts {
    ($($name:ident: $swedish:literal, $english:literal;)*) => {
        impl super::Texts {
            $(
                #[allow(missing_docs)]
                pub(crate) const fn $name(self) -> &'static str {
                    match self.0 {
                        super::Language::Swedish => $swedish,
                        super::Language::English => $english,
                    }
                }
            )*
        }

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] =
            &[$((stringify!($name), $swedish, $english)),*];
    };
}
use texts;

#[cfg(test)]
mod tests {
    #[test]
    fn no_text_is_empty_and_none_was_left_untranslated() {
        // Names and terms that are the same in both languages.
        const SAME: &[&str] = &["product", "hsa_id", "organisation", "telia", "pink_is"];
        let all = [
            super::card::ALL,
            super::frame::ALL,
            super::menu::ALL,
            super::pin_dialogue::ALL,
            super::reasons::ALL,
            super::renewal::ALL,
            super::start::ALL,
            super::test_page::ALL,
            super::values::ALL,
        ];
        for (name, swedish, english) in all.into_iter().flatten() {
            assert!(
                !swedish.trim().is_empty() && !english.trim().is_empty(),
                "{name}"
            );
            assert!(SAME.contains(name) || swedish != english, "{name}");
        }
    }
}
