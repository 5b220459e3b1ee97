//! CertificateVerify (RFC 5246 section 7.4.8), and the signed structure that ServerKeyExchange shares with it.

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::message::extension::SignatureScheme;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateVerify<'a> {
    pub(crate) signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let signature = read_signature(&mut reader)?;
        reader.finish()?;
        Ok(Self { signature })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(76);
        put_signature(&mut out, self.signature);
        out
    }
}

/// A digitally-signed struct (RFC 5246 section 4.7) with the one scheme that was offered.
pub(super) fn read_signature<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    if SignatureScheme(reader.u16()?) != SignatureScheme::ECDSA_SHA256 {
        return Err(Error::IllegalParameter("a signature scheme that was not offered"));
    }
    reader.vec16()
}

pub(super) fn put_signature(out: &mut Vec<u8>, signature: &[u8]) {
    out.put_u16(SignatureScheme::ECDSA_SHA256.0);
    out.put_vec16(|out| out.put(signature));
}
