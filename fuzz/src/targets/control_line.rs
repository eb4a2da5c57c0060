//! A line at the control door: any bytes.

use kortlab_pcsc::control::Line;

/// A request is written as it is read; what is none is refused in one line without long numbers, which
/// may be a PIN. Nothing shows the digits of a PIN.
pub fn control_line(data: &[u8]) {
    match Line::parse(data) {
        Ok(Line::Request(request)) => {
            let written = serde_json::to_vec(&request).unwrap_or_default();
            assert_eq!(
                Line::parse(&written).as_ref(),
                Ok(&Line::Request(request.clone()))
            );
            let about = request.about("Desk").with_absolute_paths();
            assert!(!format!("{about:?}").is_empty());
        }
        Ok(Line::Press(press)) => {
            assert!(press.keys().len() <= 61, "{press:?}");
            let written = serde_json::to_vec(&press).unwrap_or_default();
            let shown = format!("{press:?}");
            assert!(press.pin.is_none() || shown.contains("Digits"), "{shown}");
            assert_eq!(Line::parse(&written), Ok(Line::Press(press)));
        }
        Err(why) => {
            let text = why.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
            let what = text
                .rsplit_once(", at column")
                .map_or(&*text, |(what, _)| what);
            let longest = what
                .split(|char: char| !char.is_ascii_digit())
                .map(str::len)
                .max();
            assert!(longest < Some(4), "{text:?}");
        }
    }
}
