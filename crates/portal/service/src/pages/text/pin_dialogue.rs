//! What the browser asks for before it shows certificates. It is the same at each listener that asks for
//! one, so it stands on every page that leads there.

use super::texts;

texts! {
    asks_first: "Webbläsaren frågar först efter PIN\u{2011}koden för legitimering (kallas också autentisering eller identifiering) och visar sedan flera certifikat. Läs vilken PIN\u{2011}kod rutan gäller innan du skriver.",
        "The browser first asks for the PIN for legitimering (authentication, also called identification), and then shows several certificates. Read which PIN the dialogue is about before you type.";
    asks_other_pin: "Står det Underskrift, så tryck på Avbryt (Cancel), så ofta som rutan kommer: den koden behövs inte här, och tre fel låser den. Avbryter du vid Legitimering, så kommer rutan några gånger till, ungefär en gång för varje certifikat, innan webbläsaren ger upp. En webbläsare som startas med kortlab browser frågar bara efter PIN\u{2011}koden för legitimering.",
        "If it says Underskrift (signature), press Cancel, as often as the dialogue comes: that PIN is not needed here, and three wrong ones block it. If you cancel at Legitimering, the dialogue comes some more times, about once for each certificate, before the browser gives up. A browser that is started by kortlab browser asks only for the PIN for legitimering.";
}
