//! The body of a form, read up to a limit and wiped when it is done with: PINs may be in it.

use core::future::poll_fn;
use core::pin::pin;
use std::borrow::Cow;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use url::form_urlencoded;
use zeroize::{Zeroize as _, Zeroizing};

/// A browser on the same computer sends a form at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// More fields than any form here has.
const MAX_FIELDS: usize = 16;

/// Why a form could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// Longer than the limit.
    TooLong,
    /// It did not come whole, or not in time.
    Broken,
    /// A field is missing, there twice, or not of this form.
    Fields,
}

/// The bytes of a form. They are wiped when it is dropped; the copies that the HTTP library and
/// the kernel make on the way are wiped as far as they are within reach.
#[derive(Debug)]
pub(crate) struct Form(Zeroizing<Vec<u8>>);

impl Form {
    /// Reads a body of at most `limit` bytes.
    pub(crate) async fn read(body: Body, limit: usize) -> Result<Self, FormError> {
        tokio::time::timeout(PATIENCE, read(body, limit))
            .await
            .map_err(|_| FormError::Broken)?
    }

    /// The values of the fields with these names, in this order. No other field may be there, and
    /// none twice.
    pub(crate) fn fields<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[Option<Zeroizing<String>>; N], FormError> {
        let mut values = [const { None }; N];
        for (index, (name, value)) in form_urlencoded::parse(&self.0).enumerate() {
            let value = owned(value);
            let place = names.iter().position(|known| *known == name);
            match place.and_then(|place| values.get_mut(place)) {
                Some(place @ None) if index < MAX_FIELDS => *place = Some(value),
                _ => return Err(FormError::Fields),
            }
        }
        Ok(values)
    }
}

fn owned(value: Cow<'_, str>) -> Zeroizing<String> {
    Zeroizing::new(value.into_owned())
}

async fn read(body: Body, limit: usize) -> Result<Form, FormError> {
    let mut body = pin!(body);
    if body.size_hint().lower() > limit as u64 {
        return Err(FormError::TooLong);
    }
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| FormError::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let fits = bytes.len().saturating_add(data.len()) <= limit;
        if fits {
            bytes.extend_from_slice(&data);
        }
        wipe(data);
        if !fits {
            return Err(FormError::TooLong);
        }
    }
    Ok(Form(bytes))
}

/// Wipes a piece of the body, if nobody else holds the same buffer.
fn wipe(data: Bytes) {
    if let Ok(mut data) = data.try_into_mut() {
        data.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<[Option<String>; 2], FormError> {
        let form = Form(Zeroizing::new(text.as_bytes().to_vec()));
        let fields = form.fields(["one", "two"])?;
        Ok(fields.map(|field| field.map(|text| text.to_string())))
    }

    #[test]
    fn fields_are_taken_by_name_and_none_may_be_there_twice_or_be_unknown() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parse("two=%C3%85+b&one=1"), Ok([text("1"), text("Å b")]));
        assert_eq!(parse(""), Ok([None, None]));
        assert_eq!(parse("one=1&one=1"), Err(FormError::Fields));
        assert_eq!(parse("one=1&three=3"), Err(FormError::Fields));
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let read = |bytes: usize| Form::read(Body::from(vec![b'a'; bytes]), 100);
        assert_eq!(read(100).await.expect("read").0.len(), 100);
        assert!(matches!(read(101).await, Err(FormError::TooLong)));
    }
}
