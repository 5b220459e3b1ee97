//! What stands in clear in a datagram of a handshake, for those who watch one that they do not take part in.

use crate::alert::{Alert, AlertDescription};
use crate::codec::Reader;
use crate::message::{Fragment, HandshakeType, ServerHello};
use crate::record::{ContentType, Header};
use crate::suite::Suite;

/// Something that a datagram says before there are keys. Nothing of it is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearText {
    /// A ServerHello (RFC 5246 section 7.4.1.3).
    ServerHello {
        /// The cipher suite that it chooses.
        suite: Suite,
        /// Whether it has the extension extended_master_secret (RFC 7627).
        extended_master_secret: bool,
    },
    /// An alert that ends the handshake.
    FatalAlert(AlertDescription),
}

impl ClearText {
    /// Calls `found` for each thing of this kind in the records of epoch 0 of a datagram, in order. What cannot be read is passed over.
    pub fn each_in(datagram: &[u8], mut found: impl FnMut(Self)) {
        let mut rest = datagram;
        while let Ok((header, fragment)) = Header::decode(rest) {
            if header.epoch == 0
                && let Some(clear) = Self::read(header.content_type, &rest[fragment.clone()])
            {
                found(clear);
            }
            rest = &rest[fragment.end..];
        }
    }

    /// Whether the first record of a datagram is of epoch 0.
    pub fn begins(datagram: &[u8]) -> bool {
        Header::decode(datagram).is_ok_and(|(header, _)| header.epoch == 0)
    }

    fn read(content_type: ContentType, body: &[u8]) -> Option<Self> {
        match content_type {
            ContentType::Alert => {
                let Alert { fatal, description } = Alert::decode(body)?;
                let ends = fatal || description == AlertDescription::CLOSE_NOTIFY;
                ends.then_some(Self::FatalAlert(description))
            }
            ContentType::Handshake => {
                let fragment = Fragment::decode(&mut Reader::new(body)).ok()?;
                if fragment.message_type != HandshakeType::SERVER_HELLO || !fragment.is_whole() {
                    return None;
                }
                let hello = ServerHello::decode(fragment.body).ok()?;
                let suite = Suite::from_id(hello.suite)?;
                Some(Self::ServerHello { suite, extended_master_secret: hello.extended_master_secret })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PlaintextWriter;

    fn all(datagram: &[u8]) -> Vec<ClearText> {
        let mut found = Vec::new();
        ClearText::each_in(datagram, |clear| found.push(clear));
        found
    }

    #[test]
    fn an_alert_that_ends_a_handshake_is_found_behind_other_records() {
        let mut datagram = Vec::new();
        let mut writer = PlaintextWriter::starting_at(0);
        writer.write(ContentType::ChangeCipherSpec, &[&[1]], &mut datagram);
        writer.write(ContentType::Alert, &[&Alert::fatal(AlertDescription::DECRYPT_ERROR).encode()], &mut datagram);
        writer.write(ContentType::Alert, &[&Alert::NO_RENEGOTIATION.encode()], &mut datagram);
        writer.write(ContentType::Alert, &[&Alert::CLOSE_NOTIFY.encode()], &mut datagram);
        let expected = [AlertDescription::DECRYPT_ERROR, AlertDescription::CLOSE_NOTIFY].map(ClearText::FatalAlert);
        assert_eq!(all(&datagram), expected);
        assert!(ClearText::begins(&datagram));
        // Under keys it is not in clear.
        datagram[4] = 1;
        assert!(!ClearText::begins(&datagram));
    }

    #[test]
    fn junk_says_nothing() {
        for junk in [&[][..], &[22; 40], &[0xff; 13]] {
            assert_eq!(all(junk), []);
            assert!(!ClearText::begins(junk));
        }
    }
}
