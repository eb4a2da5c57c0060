//! Where things are on the card, and who may do what.

/// EF.DIR, in the MF.
pub const EF_DIR: u16 = 0x2F00;
/// The DF of the PKCS#15 application.
pub const DF_PKCS15: u16 = 0x5015;
/// EF(ODF).
pub const EF_ODF: u16 = 0x5031;
/// EF(TokenInfo).
pub const EF_TOKEN_INFO: u16 = 0x5032;
/// EF(UnusedSpace).
pub const EF_UNUSED_SPACE: u16 = 0x5033;
/// EF(AODF).
pub const EF_AODF: u16 = 0x4401;
/// EF(PrKDF).
pub const EF_PRKDF: u16 = 0x4402;
/// EF(CDF).
pub const EF_CDF: u16 = 0x4403;
/// EF(PuKDF).
pub const EF_PUKDF: u16 = 0x4404;
/// The file in which OpenSC keeps the name of the profile that the card was made with.
pub const EF_PROFILE: u16 = 0x4946;
/// The authentication key.
pub const EF_AUTHENTICATION_KEY: u16 = 0x4B01;
/// The signature key.
pub const EF_SIGNATURE_KEY: u16 = 0x4B02;
/// The first certificate; the others follow.
pub const EF_FIRST_CERTIFICATE: u16 = 0x4331;

/// PKCS#15 id of the authentication key and its certificates.
pub const ID_AUTHENTICATION: u8 = 0x45;
/// PKCS#15 id of the signature key and its certificates.
pub const ID_SIGNATURE: u8 = 0x46;

/// Reference of the PIN "Legitimering".
pub const PIN_AUTHENTICATION: u8 = 0x81;
/// Reference of the PIN "Underskrift".
pub const PIN_SIGNATURE: u8 = 0x82;
/// Reference of the PUK, which unblocks both.
pub const PUK: u8 = 0x83;
/// PKCS#15 authId of the PIN "Legitimering".
pub const AUTH_ID_AUTHENTICATION: u8 = 0x01;
/// PKCS#15 authId of the PIN "Underskrift".
pub const AUTH_ID_SIGNATURE: u8 = 0x02;
/// The length in bytes of a PIN as the card stores it, padded with 00.
pub const STORED_LENGTH: u8 = 8;

/// Size of EF.DIR in bytes.
pub const EF_DIR_SIZE: u32 = 128;
/// Size of EF(ODF).
pub const EF_ODF_SIZE: u32 = 128;
/// Size of EF(AODF).
pub const EF_AODF_SIZE: u32 = 512;
/// Size of EF(PrKDF).
pub const EF_PRKDF_SIZE: u32 = 512;
/// Size of EF(PuKDF), which holds the public keys themselves.
pub const EF_PUKDF_SIZE: u32 = 1024;
/// Size of EF(CDF): room for some twenty certificates.
pub const EF_CDF_SIZE: u32 = 2048;
/// Size of EF(UnusedSpace).
pub const EF_UNUSED_SPACE_SIZE: u32 = 128;
/// Size of the profile file.
pub const EF_PROFILE_SIZE: u32 = 128;
/// What EF(TokenInfo) has to spare, for the time of the last update.
pub const TOKEN_INFO_SPARE: usize = 32;
/// The non-volatile memory of the card unless it is built with another: 64 KiB.
pub const CAPACITY: u32 = 64 * 1024;

/// The tag under which GET DATA tells the applet's version.
pub const APPLET_VERSION_TAG: u16 = 0xDF30;
/// The applet's version: `v2.1`, and 00.
pub const APPLET_VERSION: &[u8] = b"v2.1\0";
/// Proprietary information of DFs (tag A5): the four PIN references of the card.
pub const DF_PROPRIETARY: &[u8] = &[0xC1, 0x04, 0x81, 0x82, 0x83, 0x84];
/// What EF 4946 holds: OpenSC's profile "pkcs15" with its option "onepin", without which its
/// tools would ask for a security officer's PIN.
pub const PROFILE: &[u8] = b"\x01\x06pkcs15\x02\x06onepin";

// Access conditions, see `crate::security::access`. OpenSC up to 0.27 reads at most two
// sub-conditions, and those rightly only if the one without PIN comes first.

/// Nobody may do anything but select it: the MF.
pub const ACCESS_NONE: &[u8] = &[0x01, 0x00];
/// Everybody reads; nobody writes.
pub const ACCESS_READ: &[u8] = &[0x01, 0x01];
/// Everybody reads; the authentication PIN updates.
pub const ACCESS_UPDATE: &[u8] = &[0x01, 0x01, 0x02, 0x06, PIN_AUTHENTICATION];
/// Everybody reads; the authentication PIN updates and deletes.
pub const ACCESS_UPDATE_DELETE: &[u8] = &[0x01, 0x01, 0x02, 0x46, PIN_AUTHENTICATION];
/// The authentication PIN creates and deletes files in the DF.
pub const ACCESS_DF: &[u8] = &[0x02, 0x07, PIN_AUTHENTICATION];

/// Everybody reads the public key; `pin` uses the private one. Nobody replaces or deletes it.
pub const fn access_key(pin: u8) -> [u8; 6] {
    [0x01, 0x01, 0x83, 0x01, 0x2A, pin]
}

/// The path of a file in the PKCS#15 application, from the MF.
pub const fn path(fid: u16) -> [u8; 6] {
    let [df_high, df_low] = DF_PKCS15.to_be_bytes();
    let [high, low] = fid.to_be_bytes();
    [0x3F, 0x00, df_high, df_low, high, low]
}
