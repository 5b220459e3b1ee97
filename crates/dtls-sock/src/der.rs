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

/// Reads an ECPrivateKey (RFC 5915) of P-256; one that names no curve is taken for one.
///
/// # Errors
/// [`CredmanError::Invalid`] for anything else, and where the file's public key is not the private key's own.
pub fn load_private_ecc_key(der: &[u8]) -> Result<LoadedKey, CredmanError> {
    loaded(&EcPrivateKey::from_der(der).map_err(|_| CredmanError::Invalid)?, None)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The ECPrivateKey of the scalar 1 on prime256v1, with or without its public key.
    fn sec1(with_public: bool) -> Vec<u8> {
        let mut private = [0; 32];
        private[31] = 1;
        let public = KeyPair::derive_public(&private).unwrap();
        let mut body = [&[0x02, 1, 1, 0x04, 32][..], &private].concat();
        body.extend([0xa0, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        if with_public {
            body.extend([0xa1, 68, 0x03, 66, 0]);
            body.extend(public.to_sec1());
        }
        [&[0x30, body.len() as u8][..], &body].concat()
    }

    fn pkcs8(inner: &[u8]) -> Vec<u8> {
        let algorithm =
            [0x30, 19, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        let mut body = [&[0x02, 1, 0][..], &algorithm].concat();
        body.extend([0x04, inner.len() as u8]);
        body.extend(inner);
        let length = if body.len() < 128 { vec![body.len() as u8] } else { vec![0x81, body.len() as u8] };
        [&[0x30][..], &length, &body].concat()
    }

    #[test]
    fn both_forms_give_the_key_and_derive_what_they_lack() {
        for with_public in [true, false] {
            let inner = sec1(with_public);
            for loaded in [load_private_ecc_key(&inner), load_private_key(&pkcs8(&inner))] {
                let key = loaded.unwrap();
                assert_eq!(key.private_key[31], 1);
                assert_eq!(key.public_key, KeyPair::derive_public(&key.private_key).unwrap());
            }
        }
    }

    #[test]
    fn a_cut_a_longer_and_a_changed_file_are_invalid() {
        let good = sec1(true);
        assert!((0..good.len()).all(|len| load_private_ecc_key(&good[..len]).is_err()));
        assert!(load_private_ecc_key(&[&good[..], &[0]].concat()).is_err());
        let mut other_point = good.clone();
        *other_point.last_mut().unwrap() ^= 1;
        assert!(load_private_ecc_key(&other_point).is_err());
        let mut other_curve = good;
        other_curve[2 + 37 + 11] = 6;
        assert!(load_private_ecc_key(&other_curve).is_err());
        assert!(load_private_key(&sec1(true)).is_err());
    }

    #[test]
    fn a_public_key_reads_back_and_nothing_else_does() {
        let spki = load_private_ecc_key(&sec1(false)).unwrap().public_key.to_spki();
        assert_eq!(load_public_key(&spki).unwrap().to_spki(), spki);
        assert!((0..spki.len()).all(|len| load_public_key(&spki[..len]).is_err()));
        assert!(load_public_key(&[&spki[..], &[0]].concat()).is_err());
    }
}
