//! What the fuzz targets reach beneath the public API. Compiled for them alone.

use crate::codec::Reader;
use crate::crypto::AeadAlgorithm;
use crate::handshake::Reassembly;
use crate::message::{Fragment, decode_as_everything};
use crate::record::{ContentType, Header, KeyMaterial, MAX_PLAINTEXT, OpeningKey, SealingKey};

const ALGORITHMS: [AeadAlgorithm; 7] = [
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::Aes256Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
    AeadAlgorithm::Aes128Ccm,
    AeadAlgorithm::Aes256Ccm,
    AeadAlgorithm::Aes128Ccm8,
    AeadAlgorithm::Aes256Ccm8,
];

fn keys(algorithm: AeadAlgorithm) -> (SealingKey, OpeningKey) {
    let material = KeyMaterial {
        algorithm,
        key: &[0x2a; 32][..algorithm.key_len()],
        fixed_iv: &[0x17; 12][..algorithm.fixed_iv_len()],
    };
    (SealingKey::new(&material).unwrap(), OpeningKey::new(&material).unwrap())
}

/// The bytes as a datagram of records, none of which may open, and then as the content of one, which must.
pub fn records(bytes: &[u8]) {
    let (&choice, bytes) = bytes.split_first().unwrap_or((&0, bytes));
    let (mut sealing, mut opening) = keys(ALGORITHMS[usize::from(choice) % ALGORITHMS.len()]);
    let mut datagram = bytes.to_vec();
    let mut rest = datagram.as_mut_slice();
    while let Ok((header, fragment)) = Header::decode(rest) {
        let (record, tail) = std::mem::take(&mut rest).split_at_mut(fragment.end);
        assert!(opening.open(&header, &mut record[fragment]).is_err(), "a forged record was opened");
        rest = tail;
    }

    let content = &bytes[..bytes.len().min(MAX_PLAINTEXT)];
    let mut sealed = Vec::new();
    sealing.seal(ContentType::ApplicationData, &[content], &mut sealed).unwrap();
    assert_eq!(sealed.len(), content.len() + sealing.overhead());
    let (header, fragment) = Header::decode(&sealed).unwrap();
    let plaintext = opening.open(&header, &mut sealed[fragment.clone()]).unwrap();
    assert_eq!(&sealed[fragment][plaintext], content);
}

/// The bytes as the body of each handshake message, and as fragments to put together.
pub fn messages(bytes: &[u8]) {
    const LIMIT: usize = 4096;
    decode_as_everything(bytes);
    let mut reassembly = Reassembly::new(0, LIMIT);
    let mut reader = Reader::new(bytes);
    while let Ok(fragment) = Fragment::decode(&mut reader) {
        reassembly.insert(0, &fragment);
        while let Some((_, message)) = reassembly.pop() {
            assert!(message.body.len() <= LIMIT);
            decode_as_everything(&message.body);
        }
    }
}
