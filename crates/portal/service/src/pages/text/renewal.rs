//! Fetching, writing, the receipt; and what the card is asked to do.

use super::{Texts, texts};

texts! {
    fetch_title: "Hämta nytt HCC", "Fetch new HCCs";
    fetch_lead: "Du får två nya certifikat på kortet: ett för legitimering och ett för underskrift. Kortets nycklar är desamma som förut.",
        "You get two new certificates on the card: one for authentication and one for signature. The card's keys stay the same.";
    fetch_needs: "Du behöver båda PIN\u{2011}koderna: först den för legitimering, sedan den för underskrift.",
        "You need both PINs: first the one for legitimering (authentication), then the one for underskrift (signature).";
    fetch_old_first: "Ta först bort utgångna och spärrade HCC. Annars får de nya kanske inte plats (fullt kort).",
        "First remove expired and revoked HCCs. Otherwise there may be no room for the new ones (fullt kort).";
    fetch_have_valid: "Kortet har redan giltiga HCC. När du kvitterar de nya spärras de gamla (ersatt).",
        "The card has valid HCCs already. When you sign the receipt for the new ones, the old ones are revoked (superseded).";
    fetch_next: "Nästa", "Next";

    progress: "Hämta nytt HCC i tre steg", "Fetch new HCCs in three steps";
    progress_check: "Kontrollera uppgifterna", "Check the data";
    progress_write: "Skriv till kortet", "Write to the card";
    progress_receipt: "Kvittera kort", "Sign the receipt";

    request_title: "Kontrollera uppgifterna", "Check the data";
    request_lead: "De här uppgifterna kommer att stå i certifikaten. Om de stämmer skriver du under beställningen. Du anger två PIN\u{2011}koder: först den för legitimering, sedan den för underskrift.",
        "These data will stand in the certificates. If they are right, you sign the order. You enter two PINs: first the one for legitimering (authentication), then the one for underskrift (signature).";
    request_caption: "Uppgifter i certifikaten", "Data in the certificates";
    request_wrong: "Stämmer något inte? Gå inte vidare, utan låt din arbetsgivares kortansvarige rätta uppgifterna i katalogen först.",
        "Is anything wrong? Do not go on; have your employer's card manager correct the data in the catalogue first.";
    request_submit: "Uppgifterna stämmer: skriv under", "The data are right: sign";
    write_title: "Skriv certifikaten till kortet", "Write the certificates to the card";
    write_lead: "Certifikaten är utfärdade. Nu skrivs de till kortet. För det behövs PIN\u{2011}koden för legitimering. Låt kortet sitta kvar tills det är klart; om det avbryts kan du fortsätta där det slutade.",
        "The certificates are issued. Now they are written to the card. This needs the PIN for legitimering (authentication). Leave the card in until it is done; if it is interrupted, you can go on where it stopped.";
    write_again_lead: "Certifikaten är redan giltiga. Det som saknas av dem skrivs till kortet. För det behövs PIN\u{2011}koden för legitimering. Låt kortet sitta kvar tills det är klart.",
        "The certificates are valid already. What is missing of them is written to the card. This needs the PIN for legitimering (authentication). Leave the card in until it is done.";
    write_incomplete: "Bara en del av certifikaten skrevs. Försök igen: det som redan finns på kortet skrivs inte en gång till.",
        "Only a part of the certificates was written. Try again: what is on the card already is not written twice.";
    write_list: "Certifikat som skrivs", "Certificates to be written";
    write_submit: "Skriv till kortet", "Write to the card";
    receipt_title: "Kvittera kort", "Sign the receipt (Kvittera kort)";
    receipt_lead: "Kontrollera kvittensen och skriv under den med PIN\u{2011}koden för underskrift. Certifikaten gäller inte förrän den är underskriven.",
        "Check the receipt and sign it with the PIN for underskrift (signature). The certificates are not valid until it is signed.";
    receipt_text: "Kvittens", "Receipt";
    receipt_submit: "Signera", "Sign (Signera)";
    remove_title: "Ta bort från kortet", "Remove from the card";
    remove_lead: "De här certifikaten tas bort från kortet. För det behövs PIN\u{2011}koden för legitimering. Nycklarna och de andra certifikaten rörs inte.",
        "These certificates are removed from the card. This needs the PIN for legitimering (authentication). The keys and the other certificates are not touched.";
    remove_list: "Certifikat som tas bort", "Certificates to be removed";
    remove_submit: "Ta bort", "Remove";

    done_title: "Kortet är kvitterat", "The receipt is signed";
    done_text: "Dina nya certifikat gäller nu.", "Your new certificates are valid now.";
    done_next_remove: "HCC som de nya ersätter är spärrade. Ta bort dem från kortet.",
        "HCCs that the new ones replace are revoked. Remove them from the card.";
    done_next_log_out: "Logga ut.", "Log out.";
    done_next_check: "Kontrollera på testsidan att två blå och två rosa certifikat visas.",
        "Check on the test page that two blue and two pink certificates are shown.";
    done_no_receipt: "Certifikaten finns på kortet. Ingen kvittens väntar.",
        "The certificates are on the card. No receipt waits.";
    approved_note: "Beställningen är godkänd och två certifikat är utfärdade.",
        "The order is approved and two certificates are issued.";
    written_note: "Certifikaten finns på kortet. De gäller när du har kvitterat.",
        "The certificates are on the card. They are valid when you have signed the receipt.";
    no_receipt_waits: "Ingen kvittens väntar. Det finns inget att kvittera.",
        "No receipt waits. There is nothing to sign.";
}

impl Texts {
    /// `Steg 2 av 3`.
    pub(crate) fn step_of(self, step: usize) -> String {
        self.either(format!("Steg {step} av 3"), format!("Step {step} of 3"))
    }
}
