//! What goes through `kortlab agent`: how it works, and what came back.

use super::texts;

texts! {
    task_what: "Vad som händer nu", "What happens now";
    task_open: "Knappen öppnar en sida på din egen dator (kortlab agent). Den visar samma sak en gång till och frågar efter PIN\u{2011}koden. Sedan kommer du tillbaka hit.",
        "The button opens a page on your own computer (kortlab agent). It shows the same once more and asks for the PIN. Then you come back here.";
    task_open_no_pin: "Knappen öppnar en sida på din egen dator (kortlab agent), som läser kortets certifikat. Ingen PIN\u{2011}kod behövs. Sedan kommer du tillbaka hit.",
        "The button opens a page on your own computer (kortlab agent), which reads the card's certificates. No PIN is needed. Then you come back here.";
    task_nothing: "Händer ingenting?", "Does nothing happen?";
    task_nothing_text: "Om webbläsaren säger att sidan inte kan nås är programmet inte igång på din dator. Starta det i ett terminalfönster, gå tillbaka hit och tryck på knappen igen:",
        "If the browser says that the page cannot be reached, the program is not running on your computer. Start it in a terminal window, come back here and press the button again:";
    task_address: "Den här sidan väntar sig programmet på adressen", "This page expects the program at the address";
    task_cancel: "Avbryt, till menyn", "Cancel, to the menu";
    task_cancel_test: "Avbryt, till testsidan", "Cancel, to the test page";
    task_none: "Det som skulle göras på kortet är klart, avbrutet eller för gammalt.",
        "What was to be done on the card is done, cancelled or too old.";

    cancelled: "Du avbröt. Inget har ändrats på kortet.", "You cancelled. Nothing on the card was changed.";
    agent_failed: "Programmet kortlab agent kunde inte göra det:", "The program kortlab agent could not do it:";
    agent_nothing_lost: "Försök igen. Det som redan är gjort görs inte en gång till.",
        "Try again. What is done already is not done twice.";
}
