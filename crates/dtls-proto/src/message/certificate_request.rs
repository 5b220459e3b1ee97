//! CertificateRequest (RFC 5246 section 7.4.4).

use crate::codec::{Reader, Writer, u16_list};
use crate::error::Error;
use crate::message::extension::SignatureScheme;

/// ecdsa_sign (RFC 8422 section 5.5).
const ECDSA_SIGN: u8 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRequest {
    /// Whether an ECDSA key on P-256, signing with SHA-256, is asked for.
    pub(crate) ecdsa_sha256: bool,
}

impl CertificateRequest {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let ecdsa_sign = reader.vec8()?.contains(&ECDSA_SIGN);
        let ecdsa_sha256 =
            u16_list(reader.vec16()?)?.any(|scheme| SignatureScheme(scheme) == SignatureScheme::ECDSA_SHA256);
        reader.vec16()?;
        reader.finish()?;
        Ok(Self { ecdsa_sha256: ecdsa_sign && ecdsa_sha256 })
    }

    /// The one request this server makes.
    pub(crate) fn encode() -> Vec<u8> {
        let mut out = Vec::with_capacity(8);
        out.put_vec8(|out| out.put_u8(ECDSA_SIGN));
        out.put_vec16(|out| out.put_u16(SignatureScheme::ECDSA_SHA256.0));
        out.put_vec16(|_| ());
        out
    }
}
