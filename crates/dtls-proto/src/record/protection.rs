//! Sealing and opening records: the one place for each.

use std::ops::Range;

use crate::crypto::{Aead, AeadAlgorithm};
use crate::error::{Discard, Error};
use crate::record::header::{ContentType, HEADER_LEN, Header, MAX_PLAINTEXT, MAX_SEQUENCE, Version};
use crate::record::replay::ReplayWindow;

/// Epochs of DTLS 1.2 without renegotiation: 0 in clear, 1 protected.
const PROTECTED_EPOCH: u16 = 1;

/// The key and the nonce part of one direction, as the key block yields them.
pub(crate) struct KeyMaterial<'a> {
    pub(crate) algorithm: AeadAlgorithm,
    pub(crate) key: &'a [u8],
    pub(crate) fixed_iv: &'a [u8],
}

/// What both directions share: an AEAD and how its nonce is made.
#[derive(Debug)]
struct Protection {
    aead: Aead,
    algorithm: AeadAlgorithm,
    fixed_iv: [u8; 12],
}

impl Protection {
    fn new(material: &KeyMaterial<'_>) -> Result<Self, Error> {
        let mut fixed_iv = [0; 12];
        fixed_iv[..material.fixed_iv.len()].copy_from_slice(material.fixed_iv);
        let aead = Aead::new(material.algorithm, material.key)?;
        Ok(Self { aead, algorithm: material.algorithm, fixed_iv })
    }

    /// The nonce from the eight bytes that a record carries, or from its number (RFC 5288 section 3, RFC 6655
    /// section 3, RFC 7905 section 2).
    fn nonce(&self, eight: [u8; 8]) -> [u8; 12] {
        let mut nonce = self.fixed_iv;
        if self.algorithm.explicit_nonce_len() == 0 {
            nonce[4..].iter_mut().zip(eight).for_each(|(byte, number)| *byte ^= number);
        } else {
            nonce[4..].copy_from_slice(&eight);
        }
        nonce
    }

    fn overhead(&self) -> usize {
        self.algorithm.explicit_nonce_len() + self.algorithm.tag_len()
    }
}

/// The additional data of RFC 5246 section 6.2.3.3 with the record number of RFC 6347 section 4.1.2.1.
fn additional_data(header: &Header, plaintext_len: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&header.number());
    aad[8] = header.content_type as u8;
    aad[9..11].copy_from_slice(&header.version.0.to_be_bytes());
    aad[11..].copy_from_slice(&(plaintext_len as u16).to_be_bytes());
    aad
}

/// Seals the records of one direction; no number is ever used twice.
#[derive(Debug)]
pub(crate) struct SealingKey {
    protection: Protection,
    next_sequence: u64,
}

impl SealingKey {
    pub(crate) fn new(material: &KeyMaterial<'_>) -> Result<Self, Error> {
        Ok(Self { protection: Protection::new(material)?, next_sequence: 0 })
    }

    /// Bytes that sealing adds to a plaintext, the header included.
    pub(crate) fn overhead(&self) -> usize {
        HEADER_LEN + self.protection.overhead()
    }

    /// Whether the numbers of the epoch are used up, but for the last, which an alert may take.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.next_sequence >= MAX_SEQUENCE
    }

    /// Appends one record with the concatenation of `parts` to `out`, which stays as it was on an error.
    pub(crate) fn seal(&mut self, content_type: ContentType, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Error> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        if len > MAX_PLAINTEXT || self.next_sequence > MAX_SEQUENCE {
            return Err(Error::Crypto);
        }
        let header = Header {
            content_type,
            version: Version::DTLS_1_2,
            epoch: PROTECTED_EPOCH,
            sequence: self.next_sequence,
            length: len + self.protection.overhead(),
        };
        let start = out.len();
        out.reserve(HEADER_LEN + header.length);
        header.encode(out);
        let number = header.number();
        out.extend_from_slice(&number[..self.protection.algorithm.explicit_nonce_len()]);
        let body = out.len();
        parts.iter().for_each(|part| out.extend_from_slice(part));
        let aad = additional_data(&header, len);
        match self.protection.aead.seal(self.protection.nonce(number), &aad, &mut out[body..]) {
            Ok(tag) => {
                out.extend_from_slice(&tag[..self.protection.algorithm.tag_len()]);
                self.next_sequence += 1;
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.next_sequence = sequence;
    }
}

/// Opens the records of one direction, each once.
#[derive(Debug)]
pub(crate) struct OpeningKey {
    protection: Protection,
    window: ReplayWindow,
}

impl OpeningKey {
    pub(crate) fn new(material: &KeyMaterial<'_>) -> Result<Self, Error> {
        Ok(Self { protection: Protection::new(material)?, window: ReplayWindow::default() })
    }

    /// Decrypts `fragment` in place and returns where in it the plaintext stands.
    pub(crate) fn open(&mut self, header: &Header, fragment: &mut [u8]) -> Result<Range<usize>, Discard> {
        if header.epoch != PROTECTED_EPOCH || header.version != Version::DTLS_1_2 {
            return Err(Discard::Epoch);
        }
        if !self.window.is_fresh(header.sequence) {
            return Err(Discard::Replayed);
        }
        let explicit = self.protection.algorithm.explicit_nonce_len();
        let plaintext_len = fragment.len().checked_sub(self.protection.overhead()).ok_or(Discard::Forged)?;
        if plaintext_len > MAX_PLAINTEXT {
            return Err(Discard::Malformed);
        }
        let (carried, ciphertext) = fragment.split_at_mut(explicit);
        let eight = <[u8; 8]>::try_from(&*carried).unwrap_or_else(|_| header.number());
        let aad = additional_data(header, plaintext_len);
        self.protection.aead.open(self.protection.nonce(eight), &aad, ciphertext).map_err(|_| Discard::Forged)?;
        self.window.mark(header.sequence);
        Ok(explicit..explicit + plaintext_len)
    }
}

/// Writes the records of epoch 0, in clear.
#[derive(Debug, Default)]
pub(crate) struct PlaintextWriter {
    next_sequence: u64,
}

impl PlaintextWriter {
    /// A writer that goes on from the number of a ClientHello, as a server has to (RFC 6347 section 4.2.1).
    pub(crate) fn starting_at(sequence: u64) -> Self {
        Self { next_sequence: sequence }
    }

    /// Appends one record with the concatenation of `parts` to `out`; nothing once the numbers are used up.
    pub(crate) fn write(&mut self, content_type: ContentType, parts: &[&[u8]], out: &mut Vec<u8>) {
        if self.next_sequence > MAX_SEQUENCE {
            return;
        }
        let length = parts.iter().map(|part| part.len()).sum();
        Header { content_type, version: Version::DTLS_1_2, epoch: 0, sequence: self.next_sequence, length }.encode(out);
        parts.iter().for_each(|part| out.extend_from_slice(part));
        self.next_sequence += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::from_hex;

    const PLAINTEXT: &[u8] = b"a constrained device";

    // Record 0x0102030405 of epoch 1, keys 00 01 02 ..., fixed IVs 40 41 42 ..., by another implementation of each AEAD.
    const RECORDS: [(AeadAlgorithm, &str); 7] = [
        (
            AeadAlgorithm::Aes128Gcm,
            "17fefd0001000102030405002c0001000102030405e3fce7a9a44f70e224050cd475d196a2f9a0b94a7da45b0e62d5b2
             b967c50dab45b453b8",
        ),
        (
            AeadAlgorithm::Aes256Gcm,
            "17fefd0001000102030405002c0001000102030405b997dfee6ef5aa9c84c03cbd9cc3406664e90c203621747a42951c
             75220eee305f32913a",
        ),
        (
            AeadAlgorithm::ChaCha20Poly1305,
            "17fefd00010001020304050024b23cc081aae555f0514298e6821796040cb778bfdd60bc774b7c36d85d33c3cc477153
             cd",
        ),
        (
            AeadAlgorithm::Aes128Ccm,
            "17fefd0001000102030405002c00010001020304057f4f80538422de2b8738b0f708a1f0d604039fe46b97a316fa63f1
             6be04bde11dd21403f",
        ),
        (
            AeadAlgorithm::Aes256Ccm,
            "17fefd0001000102030405002c0001000102030405f156b1214716419b51d69250ff153ed0f226a4e395315a0bdc281e
             2e98ab13afb792707a",
        ),
        (
            AeadAlgorithm::Aes128Ccm8,
            "17fefd0001000102030405002400010001020304057f4f80538422de2b8738b0f708a1f0d604039fe46f46eabacbef26
             19",
        ),
        (
            AeadAlgorithm::Aes256Ccm8,
            "17fefd000100010203040500240001000102030405f156b1214716419b51d69250ff153ed0f226a4e33b988e408ce4f1
             d8",
        ),
    ];

    fn material(algorithm: AeadAlgorithm, key: &[u8; 32]) -> KeyMaterial<'_> {
        const FIXED_IV: [u8; 12] = [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b];
        KeyMaterial { algorithm, key: &key[..algorithm.key_len()], fixed_iv: &FIXED_IV[..algorithm.fixed_iv_len()] }
    }

    fn key() -> [u8; 32] {
        std::array::from_fn(|index| index as u8)
    }

    #[test]
    fn every_aead_seals_and_opens_the_known_record() {
        let key = key();
        for (algorithm, record) in RECORDS {
            let record = from_hex(record);
            let mut sealing = SealingKey::new(&material(algorithm, &key)).unwrap();
            sealing.skip_to(0x01_02_03_04_05);
            let mut sealed = Vec::new();
            sealing.seal(ContentType::ApplicationData, &[&PLAINTEXT[..7], &PLAINTEXT[7..]], &mut sealed).unwrap();
            assert_eq!(sealed, record, "{algorithm:?}");
            assert_eq!(sealed.len(), PLAINTEXT.len() + sealing.overhead());

            let mut opening = OpeningKey::new(&material(algorithm, &key)).unwrap();
            let (header, fragment) = Header::decode(&sealed).unwrap();
            let plaintext = opening.open(&header, &mut sealed[fragment.clone()]).unwrap();
            assert_eq!(&sealed[fragment][plaintext], PLAINTEXT, "{algorithm:?}");
        }
    }

    #[test]
    fn a_record_that_does_not_open_leaves_its_number_free_for_the_true_one() {
        let key = key();
        let mut opening = OpeningKey::new(&material(AeadAlgorithm::Aes128Ccm8, &key)).unwrap();
        let record = from_hex(RECORDS[5].1);
        let mut forged = record.clone();
        *forged.last_mut().unwrap() ^= 1;
        let (header, fragment) = Header::decode(&record).unwrap();
        assert_eq!(opening.open(&header, &mut forged[fragment.clone()]), Err(Discard::Forged));
        assert!(opening.open(&header, &mut record.clone()[fragment.clone()]).is_ok());
        assert_eq!(opening.open(&header, &mut record.clone()[fragment]), Err(Discard::Replayed));
    }

    #[test]
    fn the_last_number_of_an_epoch_is_used_once_and_none_after_it() {
        let key = key();
        let mut sealing = SealingKey::new(&material(AeadAlgorithm::Aes128Gcm, &key)).unwrap();
        sealing.skip_to(MAX_SEQUENCE - 1);
        assert!(!sealing.is_exhausted());
        let mut out = Vec::new();
        sealing.seal(ContentType::ApplicationData, &[b"the last message"], &mut out).unwrap();
        assert!(sealing.is_exhausted());
        sealing.seal(ContentType::Alert, &[&[1, 0]], &mut out).unwrap();
        let before = out.len();
        assert_eq!(sealing.seal(ContentType::Alert, &[&[1, 0]], &mut out), Err(Error::Crypto));
        assert_eq!(out.len(), before);
    }
}
