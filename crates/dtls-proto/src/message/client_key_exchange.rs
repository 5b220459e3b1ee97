//! ClientKeyExchange (RFC 4279 section 2, RFC 5489 section 2, RFC 8422 section 5.7).

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::suite::KeyExchangeKind;

/// A ClientKeyExchange; which parts it has follows from the key exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientKeyExchange<'a> {
    /// The identity of the PSK exchanges.
    pub(crate) identity: &'a [u8],
    /// The client's ephemeral share, empty without one.
    pub(crate) public: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    pub(crate) fn decode(kind: KeyExchangeKind, body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let identity = if kind.uses_psk() { reader.vec16()? } else { &[] };
        let public = if kind.uses_ecdhe() { reader.vec8()? } else { &[] };
        reader.finish()?;
        Ok(Self { identity, public })
    }

    pub(crate) fn encode(&self, kind: KeyExchangeKind) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.identity.len() + self.public.len());
        if kind.uses_psk() {
            out.put_vec16(|out| out.put(self.identity));
        }
        if kind.uses_ecdhe() {
            out.put_vec8(|out| out.put(self.public));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_exchange_reads_back_what_it_sends() {
        let full = ClientKeyExchange { identity: b"id", public: &[4; 65] };
        for (kind, message) in [
            (KeyExchangeKind::Psk, ClientKeyExchange { public: &[], ..full }),
            (KeyExchangeKind::EcdhePsk, full),
            (KeyExchangeKind::EcdheEcdsa, ClientKeyExchange { identity: &[], ..full }),
        ] {
            assert_eq!(ClientKeyExchange::decode(kind, &message.encode(kind)), Ok(message));
        }
    }
}
