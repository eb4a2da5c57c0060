//! What to do with a card whose certificates this program does not change, because it knows no way to
//! create and delete files on it ([`Card::can_change_slots`](crate::Card::can_change_slots)): its next
//! steps name no command that would be refused.

use kortlab_pkcs15::Id;

/// Why it is not a command of this program that is named.
const WHY: &str = "kortlab changes no certificates on cards of this OS";

/// To have the card renewed.
pub(crate) const RENEW: &str = "have the card renewed by whoever issued it";

/// To remove a certificate for the key with this identifier.
pub(crate) fn remove(key: &Id) -> String {
    format!(
        "remove it with a program that knows this card, such as OpenSC's `pkcs15-init \
         --delete-objects cert --id {key}`, or have whoever issued the card do it; {WHY}"
    )
}

/// To write a certificate, for the key with this identifier if it is known.
pub(crate) fn write(key: Option<&Id>) -> String {
    let key = key.map_or_else(|| "ID".to_owned(), ToString::to_string);
    format!(
        "write it with a program that knows this card, such as OpenSC's `pkcs15-init \
         --store-certificate FILE --id {key}`, or have whoever issued the card do it; {WHY}"
    )
}
