//! Which applications the reader of an image knows.

use super::{FileImage, ImageError};
use crate::fs::ApplicationId;
use crate::os::{Application, Applications};
use crate::security::{Access, AccessError};

/// The applications that are known, and what of those that are not.
pub(crate) struct Known<'a> {
    applications: &'a Applications,
    all: bool,
}

impl<'a> Known<'a> {
    /// These are all there are: the card is to run.
    pub const fn all(applications: &'a Applications) -> Self {
        Self {
            applications,
            all: true,
        }
    }

    /// There may be others, of which nothing can be said: the image is only read.
    pub const fn some(applications: &'a Applications) -> Self {
        Self {
            applications,
            all: false,
        }
    }

    /// The application of a file, below one of `around`; `None`: not known.
    ///
    /// # Errors
    /// It must be known, and is not.
    pub fn of(
        &self,
        file: &FileImage,
        around: Option<Option<&'static dyn Application>>,
        path: &str,
    ) -> Result<Option<&'static dyn Application>, ImageError> {
        let Some(name) = file.as_df().and_then(|df| df.application.as_ref()) else {
            return Ok(around.unwrap_or(Some(self.applications.first())));
        };
        let found = self.applications.find(name);
        if found.is_none() && self.all {
            let known: Vec<_> = self.applications.iter().map(Application::name).collect();
            return Err(ImageError::inconsistent(
                format!("{path}.application"),
                format!(
                    "there is no such application here, but {}: give the card its own",
                    known.join(", ")
                ),
            ));
        }
        Ok(found)
    }

    /// Where this application is in the list of those that are known; the first for one that is not.
    pub fn id(&self, application: Option<&'static dyn Application>) -> ApplicationId {
        application
            .and_then(|application| self.applications.id(application.name()))
            .unwrap_or_default()
    }
}

/// Reads access conditions in the coding of an application; those of one that is not known say
/// nothing.
pub(crate) fn access(
    application: Option<&'static dyn Application>,
    value: &[u8],
) -> Result<Access, AccessError> {
    application.map_or(Ok(Access::default()), |application| {
        application.access(value)
    })
}
