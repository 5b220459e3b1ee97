//! Keys from DER files: `credman_load_public_key`, `credman_load_private_key`, `credman_load_private_ecc_key`.

use dtls_proto::{KeyPair, PublicKey};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::der::asn1::ObjectIdentifier;
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use crate::credman::CredmanError;

/// id-ecPublicKey (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// prime256v1, which TLS calls secp256r1.
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A private key from a file, with the public key that belongs to it.
pub struct LoadedKey {
    /// The private scalar.
    pub private_key: Zeroizing<[u8; 32]>,
    /// The public key: the file's, or derived where the file has none.
    pub public_key: PublicKey,
}

/// Reads a SubjectPublicKeyInfo (RFC 5280) with an uncompressed point of P-256.
///
/// # Errors
/// [`CredmanError::Invalid`] for anything else.
pub fn load_public_key(der: &[u8]) -> Result<PublicKey, CredmanError> {
    PublicKey::from_spki(der).map_err(|_| CredmanError::Invalid)
}

/// Reads a PKCS#8 OneAsymmetricKey (RFC 5958) with a private key of P-256.
///
/// # Errors
/// [`CredmanError::Invalid`] for anything else, and where the file's public key is not the private key's own.
pub fn load_private_key(der: &[u8]) -> Result<LoadedKey, CredmanError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| CredmanError::Invalid)?;
    let curve = info.algorithm.parameters_oid().map_err(|_| CredmanError::Invalid)?;
    if info.algorithm.oid != EC_PUBLIC_KEY || curve != PRIME256V1 {
        return Err(CredmanError::Invalid);
    }
    let key = EcPrivateKey::from_der(info.private_key.as_bytes()).map_err(|_| CredmanError::Invalid)?;
    let attached = info.public_key.map(|key| key.as_bytes().ok_or(CredmanError::Invalid)).transpose()?;
    loaded(&key, attached)
}

/// Reads an ECPrivateKey (RFC 5915) of P-256.
///
/// # Errors
/// [`CredmanError::Invalid`] for anything else, and where the file's public key is not the private key's own.
pub fn load_private_ecc_key(der: &[u8]) -> Result<LoadedKey, CredmanError> {
    let key = EcPrivateKey::from_der(der).map_err(|_| CredmanError::Invalid)?;
    // Without the curve in it a bare ECPrivateKey could be of any curve of this size (RFC 5915 section 3).
    if key.parameters.is_none() {
        return Err(CredmanError::Invalid);
    }
    loaded(&key, None)
}

fn loaded(key: &EcPrivateKey<'_>, attached: Option<&[u8]>) -> Result<LoadedKey, CredmanError> {
    if key.parameters.is_some_and(|parameters| parameters.named_curve() != Some(PRIME256V1)) {
        return Err(CredmanError::Invalid);
    }
    let private_key = Zeroizing::new(<[u8; 32]>::try_from(key.private_key).map_err(|_| CredmanError::Invalid)?);
    let public_key = KeyPair::derive_public(&private_key).map_err(|_| CredmanError::Invalid)?;
    let own = public_key.to_sec1();
    if [key.public_key, attached].into_iter().flatten().any(|stated| stated != own) {
        return Err(CredmanError::Invalid);
    }
    Ok(LoadedKey { private_key, public_key })
}
