//! HelloVerifyRequest (RFC 6347 section 4.2.1).

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::record::Version;

/// Length of the cookies this server sends: with it, the answer is shorter than the shortest ClientHello.
pub(crate) const COOKIE_LEN: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloVerifyRequest<'a> {
    pub(crate) cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    /// The version in it says nothing about the version that will be agreed.
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        if reader.u16()? >> 8 != 0xfe {
            return Err(Error::ProtocolVersion);
        }
        let cookie = reader.vec8()?;
        reader.finish()?;
        Ok(Self { cookie })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(Version::DTLS_1_0.0);
        out.put_vec8(|out| out.put(self.cookie));
    }
}
