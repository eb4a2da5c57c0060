//! The start page, the log-in's pages, and those after the log-out.

use super::texts;

texts! {
    start_title: "Förnya certifikaten på ditt e\u{2011}tjänstekort", "Renew the certificates on your staff card";
    start_lead: "Här tar du bort HCC som har gått ut eller spärrats, hämtar nya och kvitterar kortet. Du gör det själv, med kortet i läsaren och dina två PIN\u{2011}koder.",
        "Here you remove HCCs that have expired or been revoked, fetch new ones and sign the receipt for the card. You do it yourself, with the card in the reader and your two PINs.";
    start_log_in: "Logga in", "Log in";
    start_hint: "Välj certifikatet som är utfärdat av Telia Card Identifier.",
        "Choose the certificate issued by Telia Card Identifier.";
    start_steps: "Så går det till", "How it goes";
    start_step_card: "Stäng andra webbläsarfönster och sätt i kortet i läsaren.",
        "Close other browser windows and put the card into the reader.";
    start_step_log_in: "Logga in med certifikatet som är utfärdat av Telia Card Identifier.",
        "Log in with the certificate issued by Telia Card Identifier.";
    start_step_remove: "Ta bort utgångna och spärrade HCC, tills inget sådant visas.",
        "Remove expired and revoked HCCs, until none is shown.";
    start_step_fetch: "Hämta nytt HCC: kontrollera uppgifterna och ange PIN\u{2011}koden för legitimering och sedan den för underskrift. Två certifikat skrivs till kortet.",
        "Fetch new HCCs (Hämta nytt HCC): check the data and enter the PIN for legitimering (authentication) and then the one for underskrift (signature). Two certificates are written to the card.";
    start_step_receipt: "Kvittera kortet. Certifikaten gäller inte förrän du har skrivit under kvittensen.",
        "Sign the receipt (Kvittera kort). The certificates are not valid until you have signed it.";
    start_step_check: "Logga ut och gå till testsidan: två blå och två rosa certifikat ska visas.",
        "Log out and open the test page: two blue and two pink certificates should be shown.";
    start_test: "Kontrollera kortet på testsidan", "Check the card on the test page";
    start_test_text: "Testsidan visar kortets certifikat och låter dig prova legitimering och underskrift. Du behöver inte logga in.",
        "The test page shows the card's certificates and lets you try authentication and signature. You need not log in.";
    start_agent: "Det som görs på kortet", "What is done on the card";
    start_agent_text: "Webbläsaren kan logga in med kortet, men inte skriva på det. Det gör programmet kortlab agent på din egen dator: det visar vad som ska göras och frågar efter PIN\u{2011}koden. PIN\u{2011}koden lämnar aldrig din dator.",
        "The browser can log in with the card, but cannot write to it. That is done by the program kortlab agent on your own computer: it shows what will be done and asks for the PIN. The PIN never leaves your computer.";

    refused_title: "Inloggningen gick inte", "The log-in did not work";
    refused_hcc_title: "Du valde ett HCC", "You chose an HCC";
    refused_none_title: "Inget certifikat kom med", "No certificate was sent";
    refused_none_why: "Webbläsaren skickade inget certifikat. Antingen valdes inget, eller så hittade webbläsaren inget kort.",
        "The browser sent no certificate. Either none was chosen, or the browser found no card.";
    refused_none_card: "Kontrollera att kortet sitter i läsaren och att datorn känner igen det.",
        "Check that the card is in the reader and that the computer has noticed it.";
    refused_browser_title: "Webbläsaren kommer ihåg valet", "The browser remembers the choice";
    refused_browser: "Webbläsaren frågar bara en gång efter certifikat och använder sedan samma. Den här sidan får Chromium att glömma valet: vänta fem sekunder och tryck på Försök igen, så frågar den. Andra webbläsare glömmer kanske inte. Frågar webbläsaren inte, gör så här:",
        "The browser asks for a certificate only once and then uses the same. This page makes Chromium forget the choice: wait five seconds and press Try again, and it asks. Other browsers may not forget. If the browser does not ask, do this:";
    refused_browser_kept: "Webbläsaren frågar bara en gång efter certifikat och kommer sedan ihåg svaret, också att inget valdes eller att PIN\u{2011}koden avbröts. Därför frågar den inte igen här. Gör så här:",
        "The browser asks for a certificate only once and then remembers the answer, also that none was chosen or that the PIN was cancelled. So it does not ask again here. Do this:";
    refused_close: "Stäng alla webbläsarfönster, inte bara fliken. Under macOS: avsluta programmet.",
        "Close all browser windows, not only the tab. On macOS: quit the program.";
    refused_private: "Öppna webbläsaren igen, eller öppna ett nytt privat fönster, och gå till startsidan.",
        "Open the browser again, or open a new private window, and go to the start page.";
    refused_choose: "Välj certifikatet som är utfärdat av Telia Card Identifier, inte det från SITHS.",
        "Choose the certificate issued by Telia Card Identifier, not the one from SITHS.";
    refused_again: "Försök igen", "Try again";
    refused_chosen: "Du valde det här certifikatet", "You chose this certificate";

    logged_out_title: "Du är utloggad", "You are logged out";
    logged_out_text: "Sessionen är avslutad.", "The session has ended.";
    logged_out_close: "Stäng alla webbläsarfönster om någon annan använder datorn: webbläsaren kan komma ihåg kortet så länge den är igång. Ta ut kortet när du lämnar datorn.",
        "Close all browser windows if somebody else uses this computer: the browser may remember the card while it runs. Take the card out when you leave the computer.";
    logged_out_check: "Kontrollera kortet: två blå och två rosa certifikat ska visas.",
        "Check the card: two blue and two pink certificates should be shown.";
    over_title: "Du har loggats ut", "You have been logged out";
    over_text: "Sessionen är slut. Den avslutas automatiskt när du inte har gjort något på tio minuter, och när tjänsten startas om.",
        "The session is over. It ends automatically when you have done nothing for ten minutes, and when the service is restarted.";
    over_order: "En hämtning som du har påbörjat är inte förlorad. Logga in igen, så fortsätter den där den slutade.",
        "A fetch that you have begun is not lost. Log in again, and it goes on where it stopped.";
}
