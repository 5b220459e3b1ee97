//! AES-CCM (RFC 3610, NIST SP 800-38C) with nonces of 12 bytes, as RFC 6655 uses it.
//!
//! Of its two passes, CBC-MAC is a chain in which each block waits for the one before, and CTR is not. Done together
//! block by block, the second costs next to nothing: while the chain waits, the processor works on the key stream. The
//! cipher itself is that of the `aes` crate, with the processor's instructions or without.

// Everything in the loop has to be compiled where the cipher's instructions may be used, or the two passes do not run side
// by side: without this a record of 1200 B takes half as long again.
#![allow(clippy::inline_always)]

use aes::cipher::consts::U16;
use aes::cipher::{Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128Enc, Aes256Enc};

use crate::crypto::{MAX_TAG_LEN, constant_time_eq};
use crate::error::Error;

const BLOCK: usize = 16;
/// Bytes of the length field, which with a nonce of 12 bytes fill a block.
const LENGTH_BYTES: usize = 3;
/// The longest message that the length field can tell.
const MAX_MESSAGE: usize = (1 << (8 * LENGTH_BYTES)) - 1;
/// The longest additional data whose length is written in two bytes.
const MAX_AAD: usize = 0xfeff;

/// A key for AES-CCM. CCM only ever encrypts blocks; boxed, an idle session keeps the round keys it has and not the most there are.
pub(crate) enum CcmKey {
    Aes128(Box<Aes128Enc>),
    Aes256(Box<Aes256Enc>),
}

impl CcmKey {
    /// # Errors
    /// [`Error::Crypto`] unless `key` has 16 or 32 bytes.
    pub(crate) fn new(key: &[u8]) -> Result<Self, Error> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).map(|cipher| Self::Aes128(Box::new(cipher))),
            _ => Aes256Enc::new_from_slice(key).map(|cipher| Self::Aes256(Box::new(cipher))),
        }
        .map_err(|_| Error::Crypto)
    }

    /// Encrypts `data` in place; the tag stands in the first `tag_len` bytes of what comes back.
    ///
    /// # Errors
    /// [`Error::Crypto`] for data or additional data that are longer than a record could be.
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
        tag_len: usize,
    ) -> Result<[u8; MAX_TAG_LEN], Error> {
        self.run::<true>(nonce, aad, data, tag_len)
    }

    /// Decrypts `data` in place if `tag` is its tag.
    ///
    /// # Errors
    /// [`Error::Crypto`] otherwise; `data` is wiped then.
    pub(crate) fn open(&self, nonce: [u8; 12], aad: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), Error> {
        let expected = self.run::<false>(nonce, aad, data, tag.len())?;
        if constant_time_eq(&expected[..tag.len()], tag) {
            return Ok(());
        }
        data.fill(0);
        Err(Error::Crypto)
    }

    fn run<const SEAL: bool>(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
        tag_len: usize,
    ) -> Result<[u8; MAX_TAG_LEN], Error> {
        if data.len() > MAX_MESSAGE || aad.len() > MAX_AAD {
            return Err(Error::Crypto);
        }
        let mut tag = [0; MAX_TAG_LEN];
        let passes = Passes::<SEAL> { nonce, aad, data, tag_len, tag: &mut tag };
        match self {
            Self::Aes128(cipher) => cipher.encrypt_with_backend(passes),
            Self::Aes256(cipher) => cipher.encrypt_with_backend(passes),
        }
        Ok(tag)
    }
}

/// Both passes over one message.
struct Passes<'a, const SEAL: bool> {
    nonce: [u8; 12],
    aad: &'a [u8],
    data: &'a mut [u8],
    tag_len: usize,
    tag: &'a mut [u8; MAX_TAG_LEN],
}

impl<const SEAL: bool> BlockSizeUser for Passes<'_, SEAL> {
    type BlockSize = U16;
}

impl<const SEAL: bool> BlockCipherEncClosure for Passes<'_, SEAL> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, cipher: &B) {
        let Self { nonce, aad, data, tag_len, tag } = self;
        let encrypt = |block: [u8; BLOCK]| -> [u8; BLOCK] {
            let mut block = Block::<Self>::from(block);
            cipher.encrypt_block((&mut block).into());
            block.into()
        };
        let mut mac = encrypt(first_block(nonce, !aad.is_empty(), data.len(), tag_len));
        if !aad.is_empty() {
            let mut block = [0; BLOCK];
            block[..2].copy_from_slice(&(aad.len() as u16).to_be_bytes());
            let (head, rest) = aad.split_at(aad.len().min(BLOCK - 2));
            block[2..2 + head.len()].copy_from_slice(head);
            mac = encrypt(xor(mac, block));
            for chunk in rest.chunks(BLOCK) {
                mac = encrypt(xor(mac, padded(chunk)));
            }
        }
        let mut counter = 1;
        let mut blocks = data.chunks_exact_mut(BLOCK);
        for chunk in blocks.by_ref() {
            let mut block = [0; BLOCK];
            block.copy_from_slice(chunk);
            let stream = encrypt(counter_block(nonce, counter));
            let other = xor(block, stream);
            mac = encrypt(xor(mac, if SEAL { block } else { other }));
            chunk.copy_from_slice(&other);
            counter += 1;
        }
        let chunk = blocks.into_remainder();
        if !chunk.is_empty() {
            let block = padded(chunk);
            let other = xor(block, encrypt(counter_block(nonce, counter)));
            let plain = if SEAL { block } else { padded(&other[..chunk.len()]) };
            mac = encrypt(xor(mac, plain));
            chunk.copy_from_slice(&other[..chunk.len()]);
        }
        *tag = xor(mac, encrypt(counter_block(nonce, 0)));
        tag[tag_len..].fill(0);
    }
}

/// B_0: flags, nonce, length of the message (RFC 3610 section 2.2).
#[inline(always)]
fn first_block(nonce: [u8; 12], with_aad: bool, length: usize, tag_len: usize) -> [u8; BLOCK] {
    let flags = (u8::from(with_aad) << 6) | (((tag_len as u8 - 2) / 2) << 3) | (LENGTH_BYTES as u8 - 1);
    block_of(flags, nonce, length as u32)
}

/// A_i: flags, nonce, counter (RFC 3610 section 2.3).
#[inline(always)]
fn counter_block(nonce: [u8; 12], counter: u32) -> [u8; BLOCK] {
    block_of(LENGTH_BYTES as u8 - 1, nonce, counter)
}

#[inline(always)]
fn block_of(flags: u8, nonce: [u8; 12], number: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[12..].copy_from_slice(&number.to_be_bytes());
    block[0] = flags;
    block[1..13].copy_from_slice(&nonce);
    block
}

#[inline(always)]
fn xor(a: [u8; BLOCK], b: [u8; BLOCK]) -> [u8; BLOCK] {
    (u128::from_ne_bytes(a) ^ u128::from_ne_bytes(b)).to_ne_bytes()
}

#[inline(always)]
fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..bytes.len()].copy_from_slice(bytes);
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{Aes128, Aes256};
    use ccm::Ccm;
    use ccm::aead::AeadInOut;
    use ccm::consts::{U8, U12, U16 as T16};
    use proptest::prelude::*;

    fn range(from: u8, len: u8) -> Vec<u8> {
        (from..from + len).collect()
    }

    #[test]
    fn example_3_of_nist_sp_800_38c_comes_out() {
        let key = CcmKey::new(&range(0x40, 16)).unwrap();
        let nonce: [u8; 12] = range(0x10, 12).try_into().unwrap();
        let mut data = range(0x20, 24);
        let tag = key.seal(nonce, &range(0, 20), &mut data, 8).unwrap();
        assert_eq!(
            data,
            [
                0xe3, 0xb2, 0x01, 0xa9, 0xf5, 0xb7, 0x1a, 0x7a, 0x9b, 0x1c, 0xea, 0xec, 0xcd, 0x97, 0xe7, 0x0b, 0x61,
                0x76, 0xaa, 0xd9, 0xa4, 0x42, 0x8a, 0xa5
            ]
        );
        assert_eq!(tag[..8], [0x48, 0x43, 0x92, 0xfb, 0xc1, 0xb0, 0x99, 0x51]);
        key.open(nonce, &range(0, 20), &mut data, &tag[..8]).unwrap();
        assert_eq!(data, range(0x20, 24));
    }

    #[test]
    fn what_is_too_long_for_the_length_fields_is_refused() {
        let key = CcmKey::new(&[1; 32]).unwrap();
        assert!(key.seal([0; 12], &vec![0; MAX_AAD + 1], &mut [], 16).is_err());
        assert!(key.seal([0; 12], &[], &mut vec![0; MAX_MESSAGE + 1], 16).is_err());
        assert!(CcmKey::new(&[1; 24]).is_err());
    }

    /// What another implementation makes of it: ciphertext and tag.
    fn reference(key: &[u8], nonce: [u8; 12], aad: &[u8], data: &[u8], short: bool) -> (Vec<u8>, Vec<u8>) {
        fn run<C: AeadInOut<NonceSize = U12> + KeyInit>(
            key: &[u8],
            nonce: [u8; 12],
            aad: &[u8],
            data: &mut [u8],
        ) -> Vec<u8> {
            let ccm = C::new_from_slice(key).unwrap();
            ccm.encrypt_inout_detached(&nonce.into(), aad, data.into()).unwrap().to_vec()
        }
        let mut out = data.to_vec();
        let tag = match (key.len(), short) {
            (16, true) => run::<Ccm<Aes128, U8, U12>>(key, nonce, aad, &mut out),
            (16, false) => run::<Ccm<Aes128, T16, U12>>(key, nonce, aad, &mut out),
            (_, true) => run::<Ccm<Aes256, U8, U12>>(key, nonce, aad, &mut out),
            (_, false) => run::<Ccm<Aes256, T16, U12>>(key, nonce, aad, &mut out),
        };
        (out, tag)
    }

    proptest! {
        #[test]
        fn it_seals_as_the_ccm_crate_does_and_opens_what_it_sealed_alone(
            key in prop_oneof![proptest::collection::vec(any::<u8>(), 16), proptest::collection::vec(any::<u8>(), 32)],
            nonce in any::<[u8; 12]>(),
            aad in proptest::collection::vec(any::<u8>(), 0..70),
            data in proptest::collection::vec(any::<u8>(), 0..300),
            short in any::<bool>(),
            flip in any::<(usize, u8)>(),
        ) {
            let tag_len = if short { 8 } else { 16 };
            let ours = CcmKey::new(&key).unwrap();
            let mut sealed = data.clone();
            let tag = ours.seal(nonce, &aad, &mut sealed, tag_len).unwrap();
            prop_assert_eq!((&sealed, &tag[..tag_len].to_vec()), {
                let (expected, expected_tag) = &reference(&key, nonce, &aad, &data, short);
                (&expected.clone(), &expected_tag.clone())
            });

            let mut opened = sealed.clone();
            ours.open(nonce, &aad, &mut opened, &tag[..tag_len]).unwrap();
            prop_assert_eq!(&opened, &data);

            // One bit anywhere, in the data or the tag.
            let mut forged = [&sealed[..], &tag[..tag_len]].concat();
            let at = flip.0 % forged.len();
            forged[at] ^= 1 << (flip.1 % 8);
            let (body, forged_tag) = forged.split_at_mut(sealed.len());
            prop_assert!(ours.open(nonce, &aad, body, forged_tag).is_err());
            prop_assert!(body.iter().all(|byte| *byte == 0));
        }
    }
}
