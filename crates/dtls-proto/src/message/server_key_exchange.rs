//! ServerKeyExchange (RFC 4279 section 2, RFC 5489 section 2, RFC 8422 section 5.4).

use crate::codec::{Reader, Writer};
use crate::crypto::{Group, sha256};
use crate::error::Error;
use crate::message::Random;
use crate::message::certificate_verify::{put_signature, read_signature};
use crate::suite::KeyExchangeKind;

/// ECCurveType named_curve.
const NAMED_CURVE: u8 = 3;

/// The server's ephemeral share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EcdhParams<'a> {
    pub(crate) group: Group,
    pub(crate) public: &'a [u8],
}

impl<'a> EcdhParams<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let curve_type = reader.u8()?;
        let group = Group::from_id(reader.u16()?);
        let public = reader.vec8()?;
        match group {
            Some(group) if curve_type == NAMED_CURVE => Ok(Self { group, public }),
            _ => Err(Error::IllegalParameter("a group that was not offered")),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(NAMED_CURVE);
        out.put_u16(self.group.id());
        out.put_vec8(|out| out.put(self.public));
    }

    /// The digest the server signs: of both randoms and these parameters.
    pub(crate) fn signed_digest(&self, client_random: &Random, server_random: &Random) -> [u8; 32] {
        let mut params = Vec::with_capacity(4 + self.public.len());
        self.encode(&mut params);
        sha256(&[client_random, server_random, &params])
    }
}

/// A ServerKeyExchange; which parts it has follows from the key exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerKeyExchange<'a> {
    /// The identity hint of the PSK exchanges; empty is the same as none (RFC 4279 section 5.2).
    pub(crate) hint: &'a [u8],
    pub(crate) params: Option<EcdhParams<'a>>,
    pub(crate) signature: Option<&'a [u8]>,
}

impl<'a> ServerKeyExchange<'a> {
    pub(crate) fn decode(kind: KeyExchangeKind, body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let hint = if kind.uses_psk() { reader.vec16()? } else { &[] };
        let params = kind.uses_ecdhe().then(|| EcdhParams::decode(&mut reader)).transpose()?;
        let signature = (!kind.uses_psk()).then(|| read_signature(&mut reader)).transpose()?;
        reader.finish()?;
        Ok(Self { hint, params, signature })
    }

    pub(crate) fn encode(&self, kind: KeyExchangeKind) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        if kind.uses_psk() {
            out.put_vec16(|out| out.put(self.hint));
        }
        if let Some(params) = &self.params {
            params.encode(&mut out);
        }
        if let Some(signature) = self.signature {
            put_signature(&mut out, signature);
        }
        out
    }
}
