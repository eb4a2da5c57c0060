//! PKCS#15 (ISO/IEC 7816-15) objects: lenient reading with findings, strict DER writing.
