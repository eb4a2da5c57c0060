//! What stands behind a certificate in its file.

use kortlab_apdu::Channel;
use kortlab_pkcs15::{ObjectRef, Path, Severity};

use crate::card::Card;
use crate::certificate::{self, CertificateInfo};
use crate::contents::is_final;
use crate::error::{CardError, ErrorKind};
use crate::problem::{Problem, code};

impl<C: Channel> Card<C> {
    /// The files that hold more than their certificate and filler: what is there is shown by nothing
    /// that reads certificates. Files that are named in part are not looked at.
    pub(super) fn more_than_certificates(&mut self) -> Result<Vec<Problem>, CardError> {
        let mut named = Vec::new();
        for file in &self.contents().certificates {
            for (index, certificate) in file.directory.listed() {
                let path = certificate.path().filter(|path| path.index.is_none());
                let Some(path) = path.filter(|path| !path.path.is_empty()) else {
                    continue;
                };
                let object = ObjectRef::of(index, &certificate.common, Some(certificate.id()));
                named.push((self.contents().absolute(path), object));
            }
        }
        let mut problems = Vec::new();
        for (path, object) in named {
            let known = match self.file_of(&Path::file(path.clone())) {
                Ok(known) => known,
                Err(error) if is_final(&error) => return Err(error),
                Err(error) if error.kind() == ErrorKind::Budget => break,
                // That it cannot be read is told of its slot.
                Err(_) => continue,
            };
            // What is no certificate is told of its slot.
            let der = certificate::at_start(&known.data);
            let Some(der) = der.filter(|der| CertificateInfo::parse(der).is_some()) else {
                continue;
            };
            let rest = known.data.get(der.len()..).unwrap_or_default();
            // Stricter than between objects: of what was erased, all bytes are the same.
            let erased = |filler: &u8| rest.iter().all(|byte| byte == filler);
            if [0x00, 0xFF].iter().any(erased) {
                continue;
            }
            let problem = Problem::new(
                Severity::Warning,
                code::BEHIND_CERTIFICATE,
                "certificate",
                &path,
                format!(
                    "{} bytes that are no filler stand behind the certificate in its file",
                    rest.len()
                ),
            );
            problems.push(problem.at(der.len()).about(object).hint(
                "see what they are with `kortlab explain`; `kortlab cert remove` takes the entry away \
                 and leaves such a file on the card",
            )
            .hint_elsewhere("see what they are with `kortlab explain`"));
        }
        Ok(problems)
    }
}
