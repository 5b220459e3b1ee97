//! The record header (RFC 6347 section 4.1).

use std::ops::Range;

use crate::codec::{Reader, Writer};
use crate::error::Discard;

/// Length of a DTLS 1.2 record header.
pub(crate) const HEADER_LEN: usize = 13;
/// The longest plaintext of a record.
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;
/// The longest fragment on the wire (RFC 5246 section 6.2.3).
const MAX_FRAGMENT: usize = MAX_PLAINTEXT + 2048;
/// The last sequence number of an epoch.
pub(crate) const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// A protocol version; the second byte counts down from 255 in DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) u16);

impl Version {
    pub(crate) const DTLS_1_0: Self = Self(0xfeff);
    pub(crate) const DTLS_1_2: Self = Self(0xfefd);

    /// Whether whoever offers this version as its newest also speaks DTLS 1.2.
    pub(crate) fn includes_dtls_1_2(self) -> bool {
        self.0 >> 8 == 0xfe && self.0 <= Self::DTLS_1_2.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    ApplicationData = 23,
}

impl ContentType {
    fn from_wire(value: u8) -> Option<Self> {
        match value {
            20 => Some(Self::ChangeCipherSpec),
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::ApplicationData),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) content_type: ContentType,
    pub(crate) version: Version,
    pub(crate) epoch: u16,
    pub(crate) sequence: u64,
    pub(crate) length: usize,
}

impl Header {
    /// The record at the start of `datagram`: its header, and where its fragment stands. Only DTLS 1.2 and, for
    /// what comes before a version is agreed, 1.0 count as a version.
    pub(crate) fn decode(datagram: &[u8]) -> Result<(Self, Range<usize>), Discard> {
        let mut reader = Reader::new(datagram);
        let mut read = || -> Result<_, crate::Error> {
            Ok((reader.u8()?, Version(reader.u16()?), reader.u16()?, reader.u48()?, reader.vec16()?.len()))
        };
        let (content_type, version, epoch, sequence, length) = read().map_err(|_| Discard::Malformed)?;
        let content_type = ContentType::from_wire(content_type).ok_or(Discard::Malformed)?;
        if !matches!(version, Version::DTLS_1_0 | Version::DTLS_1_2) || length > MAX_FRAGMENT {
            return Err(Discard::Malformed);
        }
        let header = Self { content_type, version, epoch, sequence, length };
        Ok((header, HEADER_LEN..HEADER_LEN + length))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.content_type as u8);
        out.put_u16(self.version.0);
        out.put_u16(self.epoch);
        out.put_u48(self.sequence);
        out.put_u16(self.length as u16);
    }

    /// Epoch and sequence number as the 64 bits that AAD and nonces are made of.
    pub(crate) fn number(&self) -> [u8; 8] {
        (u64::from(self.epoch) << 48 | self.sequence).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(length: usize) -> Header {
        Header {
            content_type: ContentType::ApplicationData,
            version: Version::DTLS_1_2,
            epoch: 1,
            sequence: 0x0102_0304_0506,
            length,
        }
    }

    #[test]
    fn a_header_reads_back() {
        let mut out = Vec::new();
        header(3).encode(&mut out);
        assert_eq!(out, [23, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 0, 3]);
        out.extend_from_slice(b"abcd");
        assert_eq!(Header::decode(&out), Ok((header(3), 13..16)));
    }

    #[test]
    fn a_cut_record_an_unknown_type_a_foreign_version_and_an_overlong_fragment_are_malformed() {
        let mut good = Vec::new();
        header(1).encode(&mut good);
        good.push(0);
        for (position, value) in [(0, 24), (0, 19), (1, 3), (2, 0xfe), (11, 0x48)] {
            let mut bad = good.clone();
            bad[position] = value;
            bad.resize(HEADER_LEN + 0x4900, 0);
            assert_eq!(Header::decode(&bad), Err(Discard::Malformed), "byte {position} = {value}");
        }
        assert_eq!(Header::decode(&good[..13]), Err(Discard::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_malformed(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((_, fragment)) = Header::decode(&bytes) {
                prop_assert!(fragment.end <= bytes.len());
            }
        }
    }
}
