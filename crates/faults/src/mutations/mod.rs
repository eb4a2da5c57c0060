//! The mutations, one file each.

use crate::Kind;

/// Declares the modules, and makes the list of them all.
macro_rules! mutations {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Every mutation, as they are listed for people.
        pub const KINDS: &[Kind] = &[$(Kind::of::<$module::$name>()),+];
    };
}

mutations![
    sw::Sw,
    status::Status,
    empty::Empty,
    one_byte::OneByte,
    nothing::Nothing,
    truncate::Truncate,
    cut::Cut,
    behind::Behind,
    excess::Excess,
    garbage::Garbage,
    flip::Flip,
    overwrite::Overwrite,
    unstable::Unstable,
    length::Length,
    long_form::LongForm,
    indefinite::Indefinite,
    nest::Nest,
    tag::Retag,
    wrap::Wrap,
    unwrap::Unwrap,
    drop::Drop,
    repeat::Repeat,
    swap::Swap,
    non_minimal::NonMinimal,
    unused_bits::UnusedBits,
    resize::Resize,
    put::Put,
    bad_text::BadText,
    path::Path,
    count::Count,
    same_id::SameId,
    compress::Compress,
    key_kind::KeyKind,
    file_size::FileSize,
    file_type::FileType,
    file_id::FileId,
    df_name::DfName,
    endless::Endless,
    more_empty::MoreEmpty,
    announced::Announced,
    wrong_le::WrongLe,
    counter::Counter,
    verified::Verified,
    accept::Accept,
    stale::Stale,
    other::Other,
    answers::Answers,
    transfer::Transfer,
    lost::Lost,
    late::Late,
    remove::Remove,
    reset::Reset,
    delay::Delay,
    atr_historical::AtrHistorical,
    atr_long::AtrLong,
    atr_short::AtrShort,
    atr_tck::AtrTck,
];
