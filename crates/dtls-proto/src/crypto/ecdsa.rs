//! ECDSA on P-256 with SHA-256, the one signature scheme of the suites here (RFC 8422 section 5.10).

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, ParsedPublicKey, UnparsedPublicKey,
};

use crate::credential::{CredentialError, PublicKey, Signer};

/// A private key in memory; aws-lc wipes it when it is dropped.
pub(crate) struct EcdsaSigner(EcdsaKeyPair);

impl EcdsaSigner {
    pub(crate) fn new(private: &[u8; 32], public: &PublicKey) -> Result<Self, CredentialError> {
        if derive_p256_public(private)? != *public {
            return Err(CredentialError::Mismatch);
        }
        let point = public.to_sec1();
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, private, &point)
            .map(Self)
            .map_err(|_| CredentialError::Mismatch)
    }
}

impl Signer for EcdsaSigner {
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, CredentialError> {
        let digest = Digest::import_less_safe(digest, &SHA256).map_err(|_| CredentialError::Signing)?;
        let signature = self.0.sign_digest(&digest).map_err(|_| CredentialError::Signing)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// Whether `signature` is that of `key` over what has this SHA-256 digest.
pub(crate) fn verify_ecdsa(key: &PublicKey, digest: &[u8; 32], signature: &[u8]) -> bool {
    let Ok(digest) = Digest::import_less_safe(digest, &SHA256) else { return false };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.to_sec1()).verify_digest(&digest, signature).is_ok()
}

pub(crate) fn is_p256_point(sec1: &[u8; 65]) -> bool {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &sec1[..]).is_ok()
}

pub(crate) fn derive_p256_public(private: &[u8; 32]) -> Result<PublicKey, CredentialError> {
    let private = PrivateKey::from_private_key(&ECDH_P256, private).map_err(|_| CredentialError::Mismatch)?;
    let public = private.compute_public_key().map_err(|_| CredentialError::Mismatch)?;
    let point = public.as_ref().strip_prefix(&[4]).ok_or(CredentialError::Mismatch)?;
    let (x, y) = point.split_first_chunk().ok_or(CredentialError::Mismatch)?;
    PublicKey::from_coordinates(x, y.try_into().map_err(|_| CredentialError::Mismatch)?)
}
