//! The flight that is being sent: kept in plaintext, framed anew each time it leaves (RFC 6347 section 4.2.4).

use std::ops::Range;

use crate::crypto::MAX_TAG_LEN;
use crate::error::Error;
use crate::message::{Fragment, HandshakeType, MESSAGE_HEADER_LEN};
use crate::record::{ContentType, HEADER_LEN, PlaintextWriter, SealingKey};

/// The least a fragment carries before a new datagram is begun for it.
const MIN_FRAGMENT: usize = 32;

/// What writes the records: epoch 0 in clear, epoch 1 once there are keys.
#[derive(Debug)]
pub(crate) struct RecordWriter {
    pub(crate) plaintext: PlaintextWriter,
    pub(crate) sealing: Option<SealingKey>,
}

impl RecordWriter {
    /// Appends a record of `epoch`.
    pub(crate) fn write(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        parts: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match (epoch, &mut self.sealing) {
            (0, _) => {
                self.plaintext.write(content_type, parts, out);
                Ok(())
            }
            (_, Some(sealing)) => sealing.seal(content_type, parts, out),
            (_, None) => Err(Error::Crypto),
        }
    }
}

#[derive(Debug)]
enum Item {
    Message { epoch: u16, message_type: HandshakeType, message_seq: u16, body: Range<usize> },
    ChangeCipherSpec,
}

/// The messages of one flight and how far they have been sent.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    items: Vec<Item>,
    bodies: Vec<u8>,
    /// The next item to send, and how much of its body has left.
    next: usize,
    offset: usize,
}

impl Flight {
    pub(crate) fn push(&mut self, epoch: u16, message_type: HandshakeType, message_seq: u16, body: &[u8]) {
        let start = self.bodies.len();
        self.bodies.extend_from_slice(body);
        self.items.push(Item::Message { epoch, message_type, message_seq, body: start..self.bodies.len() });
    }

    pub(crate) fn push_change_cipher_spec(&mut self) {
        self.items.push(Item::ChangeCipherSpec);
    }

    /// Whether something is left to send.
    pub(crate) fn is_pending(&self) -> bool {
        self.next < self.items.len()
    }

    /// Sends everything again.
    pub(crate) fn rewind(&mut self) {
        (self.next, self.offset) = (0, 0);
    }

    /// Changes the last byte of the last message.
    #[cfg(test)]
    pub(crate) fn spoil_last_message(&mut self) {
        *self.bodies.last_mut().unwrap() ^= 1;
    }

    /// Appends one datagram of at most `limit` bytes to `out`; nothing when all has been sent. Every call gets at
    /// least one record out, however small `limit` is.
    pub(crate) fn write_datagram(
        &mut self,
        writer: &mut RecordWriter,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = out.len();
        while let Some(item) = self.items.get(self.next) {
            let first = out.len() == start;
            let room = limit.saturating_sub(out.len() - start);
            match item {
                Item::ChangeCipherSpec => {
                    if !first && room < HEADER_LEN + 1 {
                        break;
                    }
                    writer.write(0, ContentType::ChangeCipherSpec, &[&[1]], out)?;
                    self.next += 1;
                }
                Item::Message { epoch, message_type, message_seq, body } => {
                    let body = &self.bodies[body.clone()];
                    let protection = if *epoch == 0 { 0 } else { 8 + MAX_TAG_LEN };
                    let overhead = HEADER_LEN + MESSAGE_HEADER_LEN + protection;
                    let left = body.len() - self.offset;
                    if !first && room < overhead + left.min(MIN_FRAGMENT) {
                        break;
                    }
                    let part = &body[self.offset..self.offset + left.min(room.saturating_sub(overhead).max(1))];
                    let fragment = Fragment {
                        message_type: *message_type,
                        length: body.len(),
                        message_seq: *message_seq,
                        offset: self.offset,
                        body: part,
                    };
                    writer.write(*epoch, ContentType::Handshake, &[&fragment.header(), part], out)?;
                    self.offset += part.len();
                    if self.offset < body.len() {
                        break;
                    }
                    (self.next, self.offset) = (self.next + 1, 0);
                }
            }
        }
        Ok(())
    }
}
