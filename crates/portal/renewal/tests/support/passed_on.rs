//! The calls that a lying portal passes on as they are.

/// Those methods of `Portal`, done by `self.portal`.
macro_rules! passed_on {
    () => {
        fn log_in(&mut self, key: &mut dyn LogInKey) -> Result<Session, PortalError> {
            self.portal.log_in(key)
        }
        fn log_out(&mut self, token: &SessionToken) -> Result<(), PortalError> {
            self.portal.log_out(token)
        }
        fn certificates(&mut self, token: &SessionToken) -> Result<Vec<HccEntry>, PortalError> {
            self.portal.certificates(token)
        }
        fn removed(&mut self, token: &SessionToken, serial: &[u8]) -> Result<(), PortalError> {
            self.portal.removed(token, serial)
        }
        fn revoke(
            &mut self,
            token: &SessionToken,
            serial: &[u8],
            reason: RevocationReason,
        ) -> Result<(), PortalError> {
            self.portal.revoke(token, serial, reason)
        }
        fn test_page(&mut self, certificates: &[Vec<u8>]) -> Result<Vec<TestPageRow>, PortalError> {
            self.portal.test_page(certificates)
        }
        fn try_authentication(
            &mut self,
            key: &mut dyn LogInKey,
        ) -> Result<TestPageRow, PortalError> {
            self.portal.try_authentication(key)
        }
        fn try_signature(&mut self, signed: &[u8]) -> Result<TestPageRow, PortalError> {
            self.portal.try_signature(signed)
        }
    };
}
