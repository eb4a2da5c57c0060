//! The menu, the list of HCCs, and revocation.

use super::{Texts, texts};

texts! {
    menu_title: "Vad vill du göra?", "What do you want to do?";
    menu_holder: "Ditt kort", "Your card";
    name: "Namn", "Name";
    card_number: "Kortnummer", "Card number";
    hsa_id: "HSA-id", "HSA-id";
    organisation: "Organisation", "Organisation";
    menu_actions: "Det du kan göra", "What you can do";
    menu_receipt: "Kvittera kort", "Sign the receipt (Kvittera kort)";
    menu_receipt_text: "En kvittens väntar. Dina nya certifikat gäller inte förrän den är underskriven.",
        "A receipt waits. Your new certificates are not valid until it is signed.";
    menu_fetch: "Hämta nytt HCC", "Fetch new HCCs (Hämta nytt HCC)";
    menu_fetch_text: "Två nya certifikat, ett för legitimering och ett för underskrift, skrivs till kortet.",
        "Two new certificates, one for authentication and one for signature, are written to the card.";
    menu_remove: "Ta bort utgångna/spärrade HCC", "Remove expired/revoked HCCs";
    menu_remove_none: "Inget HCC behöver tas bort.", "No HCC needs to be removed.";
    menu_put_back: "Lägg tillbaka HCC", "Put HCCs back (Lägg tillbaka HCC)";
    menu_put_back_text: "Skriver ett par som redan är utfärdat till kortet igen, om det saknas där.",
        "Writes a pair that is issued already to the card again, if it is missing there.";
    menu_revoke: "Spärra HCC", "Revoke HCCs (Spärra HCC)";
    menu_revoke_text: "Om nyckeln kan ha röjts, eller om certifikatet inte längre ska användas.",
        "If the key may have been disclosed, or the certificate should no longer be used.";
    menu_interrupted: "En hämtning är avbruten", "A fetch was interrupted";
    menu_interrupted_text: "Två certifikat är utfärdade men inte kvitterade. Fortsätt: samma certifikat hämtas igen, inga nya utfärdas.",
        "Two certificates are issued and not received. Go on: the same certificates are fetched again, no new ones are issued.";
    menu_continue: "Fortsätt hämtningen", "Go on with the fetch";

    list_title: "Ta bort utgångna/spärrade HCC", "Remove expired/revoked HCCs";
    list_lead: "Kryssa för alla certifikat som visas här och ta bort dem. Sedan visas listan igen, tills inget är kvar.",
        "Tick every certificate shown here and remove it. Then the list is shown again, until none is left.";
    list_legend: "HCC som ska tas bort från kortet", "HCCs to be removed from the card";
    list_submit: "Ta bort från kortet", "Remove from the card";
    list_none: "Inget utgånget eller spärrat HCC är kvar.", "No expired or revoked HCC is left.";
    list_good: "HCC som är kvar på kortet", "HCCs that stay on the card";
    list_good_none: "Portalen känner inte till något annat HCC på kortet.", "The portal knows of no other HCC on the card.";
    list_gone: "Finns inte längre på kortet", "No longer on the card";
    list_gone_text: "De här har tagits bort från kortet, så vitt portalen vet. Finns de ändå kvar där kan du ta bort dem igen.",
        "These have been removed from the card, as far as the portal knows. If the card still has them, you can remove them again.";
    list_gone_submit: "Ta bort igen", "Remove again";
    list_choose_one: "Kryssa för minst ett certifikat.", "Tick at least one certificate.";

    revoke_title: "Spärra HCC", "Revoke HCCs";
    revoke_lead: "Ett spärrat certifikat kan aldrig bli giltigt igen. Alla som kontrollerar det får veta att det är spärrat.",
        "A revoked certificate can never become valid again. Everybody who checks it learns that it is revoked.";
    revoke_which: "Vilka HCC ska spärras?", "Which HCCs should be revoked?";
    revoke_why: "Varför?", "Why?";
    revoke_next: "Nästa", "Next";
    revoke_none: "Det finns inget HCC att spärra.", "There is no HCC to revoke.";
    revoke_choose_reason: "Välj en orsak.", "Choose a reason.";
    revoke_confirm_title: "Ska dessa HCC spärras?", "Revoke these HCCs?";
    revoke_confirm_text: "Det går inte att ångra.", "This cannot be undone.";
    revoke_reason: "Orsak", "Reason";
    revoke_do: "Ja, spärra", "Yes, revoke";
    revoke_cancel: "Nej, tillbaka", "No, go back";
    revoke_done: "Certifikaten är spärrade. Ta nu bort dem från kortet.",
        "The certificates are revoked. Now remove them from the card.";

    put_back_title: "Lägg tillbaka HCC", "Put HCCs back";
    put_back_lead: "Välj ett par som är utfärdat och fortfarande får användas. Det som saknas av paret skrivs till kortet; det som redan finns där rörs inte.",
        "Choose a pair that is issued and may still be used. What is missing of the pair is written to the card; what is there already is not touched.";
    put_back_which: "Vilket par?", "Which pair?";
    put_back_next: "Nästa", "Next";
    put_back_none: "Det finns inget par att lägga tillbaka. Hämta nytt HCC i stället.",
        "There is no pair to put back. Fetch new HCCs instead.";
    put_back_choose: "Välj ett par.", "Choose a pair.";
    put_back_issued: "Utfärdat", "Issued";
}

impl Texts {
    /// How many HCCs are to be removed.
    pub(crate) fn menu_remove_some(self, count: usize) -> String {
        match count {
            1 => self.either(
                "1 HCC behöver tas bort från kortet.".into(),
                "1 HCC needs to be removed from the card.".into(),
            ),
            _ => self.either(
                format!("{count} HCC behöver tas bort från kortet."),
                format!("{count} HCCs need to be removed from the card."),
            ),
        }
    }

    /// What came of removing.
    pub(crate) fn removed(self, count: usize) -> String {
        match count {
            1 => self.either(
                "1 certifikat har tagits bort från kortet.".into(),
                "1 certificate has been removed from the card.".into(),
            ),
            _ => self.either(
                format!("{count} certifikat har tagits bort från kortet."),
                format!("{count} certificates have been removed from the card."),
            ),
        }
    }
}
