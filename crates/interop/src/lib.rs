//! A private pcscd with vpcd and OpenSC, for the interoperability tests.
