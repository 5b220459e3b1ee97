//! The extensions of hello messages: RFC 5746, 7250, 7627, 8422 and RFC 5246 section 7.4.1.4.

use crate::codec::{Reader, Writer};
use crate::error::Error;

/// Numbers in the registry of extensions.
pub(crate) mod id {
    pub(crate) const SUPPORTED_GROUPS: u16 = 10;
    pub(crate) const EC_POINT_FORMATS: u16 = 11;
    pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(crate) const CLIENT_CERTIFICATE_TYPE: u16 = 19;
    pub(crate) const SERVER_CERTIFICATE_TYPE: u16 = 20;
    pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(crate) const RENEGOTIATION_INFO: u16 = 0xff01;
}

/// The one point format: uncompressed (RFC 8422 section 5.1.2).
pub(crate) const UNCOMPRESSED: u8 = 0;

/// What a Certificate message carries (RFC 7250 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateType(pub(crate) u8);

impl CertificateType {
    pub(crate) const RAW_PUBLIC_KEY: Self = Self(2);
}

/// A pair of hash and signature algorithm (RFC 5246 section 7.4.1.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignatureScheme(pub(crate) u16);

impl SignatureScheme {
    /// ECDSA with SHA-256.
    pub(crate) const ECDSA_SHA256: Self = Self(0x0403);
}

/// Walks the extension block at the end of a hello. Each extension may stand there once (RFC 5246 section 7.4.1.4);
/// a hello may end without a block.
pub(crate) fn each_extension<'a>(
    reader: &mut Reader<'a>,
    mut visit: impl FnMut(u16, Reader<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    // More than any peer sends; bounds the look for duplicates.
    const MAX_EXTENSIONS: usize = 64;
    if reader.is_empty() {
        return Ok(());
    }
    let mut block = Reader::new(reader.vec16()?);
    let mut seen = [0; MAX_EXTENSIONS];
    let mut count = 0;
    while !block.is_empty() {
        let id = block.u16()?;
        let body = block.vec16()?;
        if seen[..count].contains(&id) {
            return Err(Error::IllegalParameter("an extension stands twice"));
        }
        *seen.get_mut(count).ok_or(Error::Decode)? = id;
        count += 1;
        visit(id, Reader::new(body))?;
    }
    Ok(())
}

/// Appends an extension whose body `body` writes.
pub(crate) fn put_extension(out: &mut Vec<u8>, id: u16, body: impl FnOnce(&mut Vec<u8>)) {
    out.put_u16(id);
    out.put_vec16(body);
}

/// renegotiation_info of an initial handshake: empty, anything else is an attack (RFC 5746 section 3.4).
pub(crate) fn read_renegotiation_info(mut body: Reader<'_>) -> Result<(), Error> {
    let connection = body.vec8()?;
    body.finish()?;
    if connection.is_empty() { Ok(()) } else { Err(Error::HandshakeFailure("renegotiation_info is not empty")) }
}

/// The one certificate type a server answers with (RFC 7250 section 4.2).
pub(crate) fn read_certificate_type(mut body: Reader<'_>) -> Result<CertificateType, Error> {
    let value = CertificateType(body.u8()?);
    body.finish()?;
    Ok(value)
}
