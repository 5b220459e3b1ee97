//! ServerHello (RFC 5246 section 7.4.1.3).

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::message::Random;
use crate::message::extension::{
    CertificateType, UNCOMPRESSED, each_extension, id, put_extension, read_certificate_type, read_renegotiation_info,
};
use crate::record::Version;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerHello<'a> {
    pub(crate) random: &'a Random,
    pub(crate) session_id: &'a [u8],
    pub(crate) suite: u16,
    pub(crate) extended_master_secret: bool,
    pub(crate) renegotiation_info: bool,
    pub(crate) point_formats: bool,
    pub(crate) client_certificate_type: Option<CertificateType>,
    pub(crate) server_certificate_type: Option<CertificateType>,
}

impl<'a> ServerHello<'a> {
    /// Refuses an extension that a ClientHello of ours never has (RFC 5246 section 7.4.1.4); whether this
    /// ClientHello had it is for the client to say.
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        if Version(reader.u16()?) != Version::DTLS_1_2 {
            return Err(Error::ProtocolVersion);
        }
        let random = reader.take(32)?.try_into().map_err(|_| Error::Decode)?;
        let session_id = reader.vec8()?;
        if session_id.len() > 32 {
            return Err(Error::Decode);
        }
        let suite = reader.u16()?;
        if reader.u8()? != 0 {
            return Err(Error::IllegalParameter("a compression method that was not offered"));
        }
        let mut hello = Self {
            random,
            session_id,
            suite,
            extended_master_secret: false,
            renegotiation_info: false,
            point_formats: false,
            client_certificate_type: None,
            server_certificate_type: None,
        };
        each_extension(&mut reader, |extension, body| hello.read_extension(extension, body))?;
        reader.finish()?;
        Ok(hello)
    }

    fn read_extension(&mut self, extension: u16, mut body: Reader<'_>) -> Result<(), Error> {
        match extension {
            id::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            id::RENEGOTIATION_INFO => {
                self.renegotiation_info = true;
                return read_renegotiation_info(body);
            }
            id::EC_POINT_FORMATS => {
                self.point_formats = true;
                if !body.vec8()?.contains(&UNCOMPRESSED) {
                    return Err(Error::IllegalParameter("no uncompressed points"));
                }
            }
            id::CLIENT_CERTIFICATE_TYPE => {
                self.client_certificate_type = Some(read_certificate_type(body)?);
                return Ok(());
            }
            id::SERVER_CERTIFICATE_TYPE => {
                self.server_certificate_type = Some(read_certificate_type(body)?);
                return Ok(());
            }
            _ => return Err(Error::UnsupportedExtension),
        }
        body.finish()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80);
        out.put_u16(Version::DTLS_1_2.0);
        out.put(self.random);
        out.put_vec8(|out| out.put(self.session_id));
        out.put_u16(self.suite);
        out.put_u8(0);
        let extensions_at = out.len();
        out.put_vec16(|out| {
            if self.renegotiation_info {
                put_extension(out, id::RENEGOTIATION_INFO, |out| out.put_u8(0));
            }
            if self.extended_master_secret {
                put_extension(out, id::EXTENDED_MASTER_SECRET, |_| ());
            }
            if self.point_formats {
                put_extension(out, id::EC_POINT_FORMATS, |out| out.put_vec8(|out| out.put_u8(UNCOMPRESSED)));
            }
            if let Some(kind) = self.client_certificate_type {
                put_extension(out, id::CLIENT_CERTIFICATE_TYPE, |out| out.put_u8(kind.0));
            }
            if let Some(kind) = self.server_certificate_type {
                put_extension(out, id::SERVER_CERTIFICATE_TYPE, |out| out.put_u8(kind.0));
            }
        });
        if out.len() == extensions_at + 2 {
            out.truncate(extensions_at);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(raw_key: Option<CertificateType>) -> ServerHello<'static> {
        ServerHello {
            random: &[5; 32],
            session_id: &[],
            suite: 0xc0ae,
            extended_master_secret: true,
            renegotiation_info: true,
            point_formats: true,
            client_certificate_type: raw_key,
            server_certificate_type: raw_key,
        }
    }

    #[test]
    fn a_server_hello_reads_back() {
        for raw_key in [None, Some(CertificateType::RAW_PUBLIC_KEY)] {
            assert_eq!(ServerHello::decode(&hello(raw_key).encode()), Ok(hello(raw_key)));
        }
    }

    #[test]
    fn a_server_hello_without_extensions_has_no_block() {
        let bare = ServerHello {
            extended_master_secret: false,
            renegotiation_info: false,
            point_formats: false,
            ..hello(None)
        };
        assert_eq!(bare.encode().len(), 38);
        assert_eq!(ServerHello::decode(&bare.encode()), Ok(bare));
    }

    #[test]
    fn an_extension_that_is_never_offered_is_refused() {
        let mut body = hello(None).encode();
        // renegotiation_info stands first behind the fixed 38 bytes and the length of the block.
        body[40..42].copy_from_slice(&35u16.to_be_bytes());
        assert_eq!(ServerHello::decode(&body), Err(Error::UnsupportedExtension));
    }
}
