//! Traces of every notation, and logs of other programs.

use kortlab_explain::story::Story;
use kortlab_trace::{Format, MAX_EVENTS, MAX_TROUBLES, Place, Secrets, Trace, What, read};

/// Troubles stand inside the file; what was read has no more than was there; written again, in
/// every notation, it is read as the same; and it can be explained.
pub fn trace(data: &[u8]) {
    let reading = read(data);
    assert!(reading.entries.len() <= MAX_EVENTS.min(data.len() + 1));
    assert!(reading.troubles.len() <= MAX_TROUBLES + 1);
    for trouble in &reading.troubles {
        assert!(!trouble.to_string().is_empty());
        match trouble.place {
            Place::Byte(offset) => assert!(offset <= data.len()),
            Place::Line { line, column } => assert!(line >= 1 && column >= 1),
        }
    }
    let exchanges = reading.exchanges();
    assert!(exchanges.len() <= reading.entries.len());

    let mut story = Story::default();
    let mut secrets = false;
    for entry in &reading.entries {
        let words = match &entry.event.what {
            What::Command(sent) => {
                secrets |= sent.shows_secrets();
                story.command(sent.shown(), sent.hidden())
            }
            What::Answer { bytes, .. } => story.answer(bytes),
            _ => continue,
        };
        assert!(!words.chars().any(char::is_control), "{words:?}");
    }
    for (_, _, _, explained) in story.contents() {
        assert!(!explained.to_string().is_empty());
    }

    // Lengths that no command has are told and not written in all notations.
    let is_long = |entry: &kortlab_trace::Entry| match &entry.event.what {
        What::Command(sent) => sent.length() > 70_000,
        What::Answer { bytes, .. } => bytes.len() > 70_000,
        _ => false,
    };
    if secrets || reading.entries.iter().any(is_long) {
        return;
    }
    for format in Format::ALL {
        let paper = Paper::default();
        let trace = Trace::new(paper.clone(), format, Secrets::Shown);
        let events: Vec<_> = reading
            .entries
            .iter()
            .map(|entry| entry.event.clone())
            .collect();
        trace.write(&events);
        assert!(trace.finish().is_ok());
        let written = paper
            .0
            .lock()
            .map(|bytes| bytes.clone())
            .unwrap_or_default();
        let again = read(&written);
        let commands = |reading: &kortlab_trace::Reading| -> Vec<_> {
            let exchanges = reading.exchanges();
            exchanges.iter().map(|one| one.command.clone()).collect()
        };
        if format == Format::Json {
            assert_eq!(commands(&again), commands(&reading));
        }
    }
}

#[derive(Clone, Default)]
struct Paper(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut paper) = self.0.lock() {
            paper.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
