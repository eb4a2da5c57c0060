//! A diagnosis as one HTML file: no network, no script, light or dark as the reader has it. The
//! document around it, for other reports.

mod escape;
mod hex_view;
mod style;

use core::fmt::{self, Write as _};

use kortlab_explain::SpacedHex;

use crate::diagnosis::Diagnosis;
use crate::finding::Finding;

pub use escape::Escaped;
use style::STYLE;

/// The whole document. Whatever comes from the card is escaped.
pub fn report(diagnosis: &Diagnosis, program: &str) -> String {
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut page, diagnosis, program);
    page
}

/// A document with this title, which is its first heading as well, and what `body` writes below it.
/// What comes from elsewhere is to be [`Escaped`] there.
///
/// # Errors
/// Those of `body`.
pub fn document(
    page: &mut String,
    title: &str,
    body: impl FnOnce(&mut String) -> fmt::Result,
) -> fmt::Result {
    let title = Escaped(title);
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n"
    )?;
    body(page)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn write(page: &mut String, diagnosis: &Diagnosis, program: &str) -> fmt::Result {
    let name = diagnosis.label.as_deref().unwrap_or("a card");
    document(page, &format!("Diagnosis of {name}"), |page| {
        whole(page, diagnosis, program)
    })
}

fn whole(page: &mut String, diagnosis: &Diagnosis, program: &str) -> fmt::Result {
    summary(page, diagnosis, program)?;
    findings(page, diagnosis)?;
    list(page, "What was looked at", &diagnosis.looked_at)?;
    let nothing = ["everything that this program knows to look at was looked at".to_owned()];
    let not = match diagnosis.not_looked_at.as_slice() {
        [] => &nothing,
        some => some,
    };
    list(page, "What was not looked at", not)
}

fn summary(page: &mut String, diagnosis: &Diagnosis, program: &str) -> fmt::Result {
    let verdict = match (diagnosis.count(), diagnosis.not_looked_at.is_empty()) {
        (0, true) => "Nothing wrong was found.".to_owned(),
        (0, false) => "Nothing wrong was found in what was looked at.".to_owned(),
        (1, _) => "1 finding.".to_owned(),
        (count, _) => format!("{count} findings."),
    };
    writeln!(page, "<p class=\"verdict\">{verdict}</p>")?;
    if let Some(ended) = &diagnosis.ended {
        let why = ended.to_string();
        let why = Escaped(&why);
        writeln!(
            page,
            "<p class=\"error\">Reading ended before everything was looked at: {why}.</p>"
        )?;
    }
    let atr = SpacedHex(&diagnosis.atr).to_string();
    let commands = diagnosis.commands.to_string();
    let rows = [
        ("Serial number", diagnosis.serial.as_deref()),
        ("Card OS", diagnosis.card_os),
        ("Answer to reset", Some(atr.as_str())),
        ("Commands sent", Some(commands.as_str())),
        ("Made by", Some(program)),
    ];
    table(page, "The card", rows.into_iter())
}

/// A table of names and values; what is not known is left out.
///
/// # Errors
/// None: a String takes everything.
pub fn table<'a>(
    page: &mut String,
    caption: &str,
    rows: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> fmt::Result {
    writeln!(
        page,
        "<table>\n<caption>{}</caption>\n<tbody>",
        Escaped(caption)
    )?;
    for (name, value) in rows {
        if let Some(value) = value {
            let (name, value) = (Escaped(name), Escaped(value));
            writeln!(
                page,
                "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"
            )?;
        }
    }
    page.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn findings(page: &mut String, diagnosis: &Diagnosis) -> fmt::Result {
    if diagnosis.findings.is_empty() {
        return Ok(());
    }
    page.push_str("<h2>Findings</h2>\n");
    writeln!(
        page,
        "<table class=\"all\">\n<caption>All findings</caption>\n<thead>\n<tr><th scope=\"col\">Number</th><th \
         scope=\"col\">Severity</th><th scope=\"col\">Rule</th><th scope=\"col\">Place</th></tr>\n\
         </thead>\n<tbody>"
    )?;
    for (index, finding) in diagnosis.findings.iter().enumerate() {
        let severity = finding.problem.severity();
        let place = finding.problem.place();
        writeln!(
            page,
            "<tr><td><a href=\"#finding-{0}\">{0}</a></td><td \
             class=\"{severity}\">{severity}</td><td>{1}</td><td>{2}</td></tr>",
            index + 1,
            Escaped(finding.rule.id),
            Escaped(&place),
        )?;
    }
    page.push_str("</tbody>\n</table>\n");
    for (index, finding) in diagnosis.findings.iter().enumerate() {
        one(page, index + 1, finding)?;
    }
    Ok(())
}

fn one(page: &mut String, number: usize, finding: &Finding) -> fmt::Result {
    let problem = &finding.problem;
    let severity = problem.severity();
    writeln!(
        page,
        "<section aria-labelledby=\"finding-{number}\">\n<h3 id=\"finding-{number}\">{number}. <span \
         class=\"{severity}\">{severity}</span>: {}</h3>\n<p>{}</p>",
        Escaped(&problem.place()),
        Escaped(problem.message()),
    )?;
    let next = problem.next_step();
    let trips: Vec<_> = finding.trips().collect();
    let trips = trips.join(", ");
    let offset = problem.offset().map(|offset| offset.to_string());
    let path = problem.path().to_string();
    let rows = [
        ("Rule", Some(finding.rule.id)),
        ("Code", Some(problem.code())),
        ("File", Some(problem.file())),
        ("Path", Some(path.as_str()).filter(|path| !path.is_empty())),
        ("Offset in bytes", offset.as_deref()),
        ("What that means", Some(finding.rule.explanation)),
        ("What to do", Some(next.as_str())),
        (
            "Who trips over it",
            Some(trips.as_str()).filter(|trips| !trips.is_empty()),
        ),
    ];
    table(page, &format!("Finding {number}"), rows.into_iter())?;
    if let Some(bytes) = &finding.bytes {
        hex_view::write(page, number, bytes)?;
    }
    page.push_str("</section>\n");
    Ok(())
}

fn list(page: &mut String, heading: &str, entries: &[String]) -> fmt::Result {
    writeln!(page, "<h2>{}</h2>\n<ul>", Escaped(heading))?;
    for entry in entries {
        writeln!(page, "<li>{}</li>", Escaped(entry))?;
    }
    page.push_str("</ul>\n");
    Ok(())
}
