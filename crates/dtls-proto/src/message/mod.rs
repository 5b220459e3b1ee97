//! The handshake messages (RFC 5246 section 7.4, RFC 6347 section 4.2), one file each: borrowed views in, bytes out.

mod certificate;
mod certificate_request;
mod certificate_verify;
mod client_hello;
mod client_key_exchange;
mod extension;
mod hello_verify_request;
mod server_hello;
mod server_key_exchange;

use crate::codec::Reader;
use crate::error::Error;

pub(crate) use certificate::Certificate;
pub(crate) use certificate_request::CertificateRequest;
pub(crate) use certificate_verify::CertificateVerify;
pub(crate) use client_hello::{ClientHello, ClientOffer, encode as encode_client_hello};
pub(crate) use client_key_exchange::ClientKeyExchange;
pub(crate) use extension::CertificateType;
pub(crate) use hello_verify_request::{COOKIE_LEN, HelloVerifyRequest};
pub(crate) use server_hello::ServerHello;
pub(crate) use server_key_exchange::{EcdhParams, ServerKeyExchange};

/// Length of the header of a handshake message.
pub(crate) const MESSAGE_HEADER_LEN: usize = 12;

/// A hello's random value, and the Finished's proof.
pub(crate) type Random = [u8; 32];
pub(crate) const VERIFY_DATA_LEN: usize = 12;

/// What a handshake message is. Values without a name here are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeType(pub(crate) u8);

impl HandshakeType {
    pub(crate) const HELLO_REQUEST: Self = Self(0);
    pub(crate) const CLIENT_HELLO: Self = Self(1);
    pub(crate) const SERVER_HELLO: Self = Self(2);
    pub(crate) const HELLO_VERIFY_REQUEST: Self = Self(3);
    pub(crate) const CERTIFICATE: Self = Self(11);
    pub(crate) const SERVER_KEY_EXCHANGE: Self = Self(12);
    pub(crate) const CERTIFICATE_REQUEST: Self = Self(13);
    pub(crate) const SERVER_HELLO_DONE: Self = Self(14);
    pub(crate) const CERTIFICATE_VERIFY: Self = Self(15);
    pub(crate) const CLIENT_KEY_EXCHANGE: Self = Self(16);
    pub(crate) const FINISHED: Self = Self(20);
}

/// A handshake message or a part of one, as a record carries it (RFC 6347 section 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) message_type: HandshakeType,
    /// Length of the whole message.
    pub(crate) length: usize,
    pub(crate) message_seq: u16,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

impl<'a> Fragment<'a> {
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let message_type = HandshakeType(reader.u8()?);
        let length = reader.u24()? as usize;
        let message_seq = reader.u16()?;
        let offset = reader.u24()? as usize;
        let body = reader.vec24()?;
        if offset + body.len() > length {
            return Err(Error::Decode);
        }
        Ok(Self { message_type, length, message_seq, offset, body })
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }

    /// The header in front of `body`.
    pub(crate) fn header(&self) -> [u8; MESSAGE_HEADER_LEN] {
        let mut header = [0; MESSAGE_HEADER_LEN];
        header[0] = self.message_type.0;
        header[1..4].copy_from_slice(&(self.length as u32).to_be_bytes()[1..]);
        header[4..6].copy_from_slice(&self.message_seq.to_be_bytes());
        header[6..9].copy_from_slice(&(self.offset as u32).to_be_bytes()[1..]);
        header[9..].copy_from_slice(&(self.body.len() as u32).to_be_bytes()[1..]);
        header
    }
}

/// A whole handshake message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) message_type: HandshakeType,
    pub(crate) message_seq: u16,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The header that the transcript takes: as if the message had come in one piece (RFC 6347 section 4.2.6).
    pub(crate) fn header(&self) -> [u8; MESSAGE_HEADER_LEN] {
        let Self { message_type, message_seq, ref body } = *self;
        Fragment { message_type, length: body.len(), message_seq, offset: 0, body }.header()
    }

    /// The body, if the message is of this type.
    pub(crate) fn expect(&self, message_type: HandshakeType) -> Result<&[u8], Error> {
        if self.message_type == message_type { Ok(&self.body) } else { Err(Error::UnexpectedMessage) }
    }
}

/// Reads bytes as every message there is.
#[cfg(any(test, fuzzing))]
pub(crate) fn decode_as_everything(bytes: &[u8]) {
    use crate::suite::KeyExchangeKind::{EcdheEcdsa, EcdhePsk, Psk};
    let _ = ClientHello::decode(bytes).map(|hello| hello.offer().is_ok());
    if let Ok(hello) = ServerHello::decode(bytes) {
        assert_eq!(ServerHello::decode(&hello.encode()).map(|again| again.encode()), Ok(hello.encode()));
    }
    let _ = HelloVerifyRequest::decode(bytes);
    let _ = Certificate::decode(bytes);
    let _ = CertificateRequest::decode(bytes);
    let _ = CertificateVerify::decode(bytes);
    for kind in [Psk, EcdhePsk, EcdheEcdsa] {
        if let Ok(message) = ServerKeyExchange::decode(kind, bytes) {
            assert_eq!(message.encode(kind), bytes, "a message has one encoding");
        }
        if let Ok(message) = ClientKeyExchange::decode(kind, bytes) {
            assert_eq!(message.encode(kind), bytes, "a message has one encoding");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Writer;

    #[test]
    fn a_fragment_reads_back() {
        let fragment = Fragment {
            message_type: HandshakeType::FINISHED,
            length: 12,
            message_seq: 3,
            offset: 4,
            body: &[1, 2, 3, 4, 5],
        };
        let mut out = fragment.header().to_vec();
        out.put(fragment.body);
        assert_eq!(Fragment::decode(&mut Reader::new(&out)), Ok(fragment));
    }

    #[test]
    fn a_fragment_beyond_its_message_is_refused() {
        let mut out = Fragment { message_type: HandshakeType(1), length: 4, message_seq: 0, offset: 3, body: &[0; 2] }
            .header()
            .to_vec();
        out.put(&[0; 2]);
        assert_eq!(Fragment::decode(&mut Reader::new(&out)), Err(Error::Decode));
    }

    proptest! {
        #[test]
        fn no_message_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode_as_everything(&bytes);
        }
    }
}
