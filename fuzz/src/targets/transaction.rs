//! The journal of a change of certificate slots.

use kortlab_card::Transaction;

/// What is read as a transaction is written and read again as the same one; what is refused is
/// refused in one line.
pub fn transaction(data: &[u8]) {
    match Transaction::from_json(data) {
        Ok(transaction) => {
            let json = transaction.to_json().expect("what was read is written");
            assert!(Transaction::from_json(&json).as_ref() == Ok(&transaction));
        }
        Err(error) => assert_eq!(error.lines().count(), 1),
    }
}
