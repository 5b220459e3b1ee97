//! `net/credman.h`: the pool of credentials.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use dtls_proto::{KeyPair, Psk, PublicKey};
use parking_lot::RwLock;
use zeroize::Zeroizing;

/// Names a credential; a sock uses the credentials of its tags.
pub type Tag = u16;

/// `CREDMAN_TAG_EMPTY`: no tag.
pub const CREDMAN_TAG_EMPTY: Tag = 0;

/// The pool's default limit.
const DEFAULT_MAX_CREDENTIALS: usize = 65_535;
/// What the 16-bit length fields of RFC 4279 can carry.
const MAX_FIELD: usize = 65_535;

/// The kind of a credential, open as it comes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialType(pub u32);

impl CredentialType {
    /// `CREDMAN_TYPE_EMPTY`.
    pub const EMPTY: Self = Self(0);
    /// `CREDMAN_TYPE_PSK`.
    pub const PSK: Self = Self(1);
    /// `CREDMAN_TYPE_ECDSA`.
    pub const ECDSA: Self = Self(2);
}

/// Why the pool did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredmanError {
    /// `CREDMAN_EXIST`.
    #[error("there is a credential with this tag and type")]
    Exist,
    /// `CREDMAN_NO_SPACE`.
    #[error("the pool is full")]
    NoSpace,
    /// `CREDMAN_NOT_FOUND`.
    #[error("there is no credential with this tag and type")]
    NotFound,
    /// `CREDMAN_INVALID`.
    #[error("the credential is not valid")]
    Invalid,
    /// `CREDMAN_TYPE_UNKNOWN`.
    #[error("the type is not known")]
    TypeUnknown,
}

impl CredmanError {
    /// RIOT's value, less than zero.
    pub fn code(self) -> i32 {
        match self {
            Self::Exist => -1,
            Self::NoSpace => -2,
            Self::NotFound => -3,
            Self::Invalid => -4,
            Self::TypeUnknown => -5,
        }
    }
}

/// The parameters of a credential as they are handed in: nothing is known of them yet.
#[derive(Clone, Copy, Debug)]
pub enum Params<'a> {
    /// A pre-shared key.
    Psk {
        /// What the client sends; none is the empty identity.
        id: Option<&'a [u8]>,
        /// The secret.
        key: Option<&'a [u8]>,
        /// The server's hint for which the client picks this one.
        hint: Option<&'a [u8]>,
    },
    /// A key pair on P-256: 32 bytes each, big-endian.
    Ecdsa {
        /// The private scalar.
        private_key: Option<&'a [u8]>,
        /// The coordinates of the public key.
        public_key: Option<(&'a [u8], &'a [u8])>,
        /// The coordinates of the public keys of peers that may connect.
        client_keys: &'a [(&'a [u8], &'a [u8])],
    },
    /// Another type.
    Other(CredentialType),
}

/// A pre-shared key in the pool.
#[derive(Debug)]
pub struct PskCredential {
    pub(crate) psk: Psk,
    pub(crate) hint: Option<Box<[u8]>>,
}

impl PskCredential {
    /// The identity and the key.
    pub fn psk(&self) -> &Psk {
        &self.psk
    }

    /// The hint, if there is one.
    pub fn hint(&self) -> Option<&[u8]> {
        self.hint.as_deref()
    }
}

/// A key pair in the pool.
pub struct EcdsaCredential {
    pub(crate) pair: KeyPair,
    private_key: Zeroizing<[u8; 32]>,
    client_keys: Vec<PublicKey>,
}

impl EcdsaCredential {
    /// The private scalar.
    pub fn private_key(&self) -> &[u8; 32] {
        &self.private_key
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        self.pair.public()
    }

    /// The public keys of peers that may connect.
    pub fn client_keys(&self) -> &[PublicKey] {
        &self.client_keys
    }
}

/// Tags that share a value, by that value.
pub(crate) type TagIndex<K> = HashMap<K, BTreeSet<Tag>>;

/// What the lock guards: credentials by type and tag, and what they are found by.
#[derive(Default)]
pub(crate) struct Pool {
    pub(crate) psk: HashMap<Tag, Arc<PskCredential>>,
    pub(crate) ecdsa: HashMap<Tag, Arc<EcdsaCredential>>,
    pub(crate) by_identity: TagIndex<Box<[u8]>>,
    pub(crate) by_hint: TagIndex<Box<[u8]>>,
    pub(crate) by_client_key: TagIndex<PublicKey>,
    max: usize,
    /// Counts the changes.
    pub(crate) generation: u64,
}

/// A pool of credentials. It copies what is added, and wipes what is deleted once no handshake uses it any more.
pub struct Credman(RwLock<Pool>);

impl Default for Credman {
    fn default() -> Self {
        Self(RwLock::new(Pool { max: DEFAULT_MAX_CREDENTIALS, ..Pool::default() }))
    }
}

impl Credman {
    /// The pool of the process.
    pub fn global() -> Arc<Self> {
        static GLOBAL: OnceLock<Arc<Credman>> = OnceLock::new();
        Arc::clone(GLOBAL.get_or_init(Arc::default))
    }

    /// Adds a copy of a credential.
    ///
    /// # Errors
    /// In the order of the checks: [`CredmanError::Invalid`] for the empty tag or type, a PSK without key or with a
    /// field over 65,535 bytes, an ECDSA credential without private or public key or with one that is not a key of
    /// P-256 or not its own; [`CredmanError::TypeUnknown`]; [`CredmanError::Exist`]; [`CredmanError::NoSpace`].
    pub fn add(&self, tag: Tag, params: Params<'_>) -> Result<(), CredmanError> {
        if tag == CREDMAN_TAG_EMPTY {
            return Err(CredmanError::Invalid);
        }
        match params {
            Params::Psk { id, key, hint } => {
                let key = key.filter(|key| !key.is_empty()).ok_or(CredmanError::Invalid)?;
                let psk = Psk::new(id.unwrap_or_default(), key).map_err(|_| CredmanError::Invalid)?;
                if hint.is_some_and(|hint| hint.len() > MAX_FIELD) {
                    return Err(CredmanError::Invalid);
                }
                let hint = hint.filter(|hint| !hint.is_empty()).map(Box::from);
                self.0.write().insert_psk(tag, PskCredential { psk, hint })
            }
            Params::Ecdsa { private_key, public_key, client_keys } => {
                let private_key = private_key.and_then(|key| key.try_into().ok()).map(Zeroizing::new);
                let private_key: Zeroizing<[u8; 32]> = private_key.ok_or(CredmanError::Invalid)?;
                let public_key = point(public_key.ok_or(CredmanError::Invalid)?)?;
                let pair = KeyPair::new(&private_key, public_key).map_err(|_| CredmanError::Invalid)?;
                let client_keys = client_keys.iter().map(|key| point(*key)).collect::<Result<_, _>>()?;
                self.0.write().insert_ecdsa(tag, EcdsaCredential { pair, private_key, client_keys })
            }
            Params::Other(CredentialType::EMPTY) => Err(CredmanError::Invalid),
            Params::Other(_) => Err(CredmanError::TypeUnknown),
        }
    }

    /// The PSK credential of a tag.
    pub fn psk(&self, tag: Tag) -> Option<Arc<PskCredential>> {
        self.0.read().psk.get(&tag).cloned()
    }

    /// The ECDSA credential of a tag.
    pub fn ecdsa(&self, tag: Tag) -> Option<Arc<EcdsaCredential>> {
        self.0.read().ecdsa.get(&tag).cloned()
    }

    /// Deletes a credential; nothing happens when there is none.
    pub fn delete(&self, tag: Tag, credential_type: CredentialType) {
        let mut pool = self.0.write();
        match credential_type {
            CredentialType::PSK => pool.remove_psk(tag),
            CredentialType::ECDSA => pool.remove_ecdsa(tag),
            _ => {}
        }
    }

    /// Deletes all credentials.
    pub fn delete_all(&self) {
        let mut pool = self.0.write();
        *pool = Pool { max: pool.max, generation: pool.generation + 1, ..Pool::default() };
    }

    /// How many credentials there are.
    pub fn used_count(&self) -> usize {
        self.0.read().used_count()
    }

    /// Sets how many credentials there may be; those there are stay.
    pub fn set_max_credentials(&self, max: usize) {
        self.0.write().max = max;
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Pool) -> T) -> T {
        look(&self.0.read())
    }
}

impl std::fmt::Debug for Credman {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credman").field("used", &self.used_count()).finish_non_exhaustive()
    }
}

impl Pool {
    fn used_count(&self) -> usize {
        self.psk.len() + self.ecdsa.len()
    }

    fn has_room(&self) -> Result<(), CredmanError> {
        if self.used_count() < self.max { Ok(()) } else { Err(CredmanError::NoSpace) }
    }

    fn insert_psk(&mut self, tag: Tag, credential: PskCredential) -> Result<(), CredmanError> {
        if self.psk.contains_key(&tag) {
            return Err(CredmanError::Exist);
        }
        self.has_room()?;
        self.by_identity.entry(credential.psk.identity().into()).or_default().insert(tag);
        if let Some(hint) = &credential.hint {
            self.by_hint.entry(hint.clone()).or_default().insert(tag);
        }
        self.psk.insert(tag, Arc::new(credential));
        self.generation += 1;
        Ok(())
    }

    fn insert_ecdsa(&mut self, tag: Tag, credential: EcdsaCredential) -> Result<(), CredmanError> {
        if self.ecdsa.contains_key(&tag) {
            return Err(CredmanError::Exist);
        }
        self.has_room()?;
        for key in &credential.client_keys {
            self.by_client_key.entry(*key).or_default().insert(tag);
        }
        self.ecdsa.insert(tag, Arc::new(credential));
        self.generation += 1;
        Ok(())
    }

    fn remove_psk(&mut self, tag: Tag) {
        let Some(credential) = self.psk.remove(&tag) else { return };
        unindex(&mut self.by_identity, credential.psk.identity(), tag);
        if let Some(hint) = credential.hint() {
            unindex(&mut self.by_hint, hint, tag);
        }
        self.generation += 1;
    }

    fn remove_ecdsa(&mut self, tag: Tag) {
        let Some(credential) = self.ecdsa.remove(&tag) else { return };
        for key in &credential.client_keys {
            unindex(&mut self.by_client_key, key, tag);
        }
        self.generation += 1;
    }
}

fn unindex<K, Q>(index: &mut TagIndex<K>, key: &Q, tag: Tag)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if let Some(tags) = index.get_mut(key) {
        tags.remove(&tag);
        if tags.is_empty() {
            index.remove(key);
        }
    }
}

fn point((x, y): (&[u8], &[u8])) -> Result<PublicKey, CredmanError> {
    let coordinate = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| CredmanError::Invalid);
    PublicKey::from_coordinates(&coordinate(x)?, &coordinate(y)?).map_err(|_| CredmanError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn psk<'a>(id: &'a [u8], key: &'a [u8]) -> Params<'a> {
        Params::Psk { id: Some(id), key: Some(key), hint: None }
    }

    /// The scalar 1, whose public key is the generator.
    fn generator() -> ([u8; 32], PublicKey) {
        let mut private = [0; 32];
        private[31] = 1;
        (private, KeyPair::derive_public(&private).unwrap())
    }

    #[test]
    fn a_pair_of_tag_and_type_is_there_once() {
        let pool = Credman::default();
        let (private, public) = generator();
        let ecdsa =
            Params::Ecdsa { private_key: Some(&private), public_key: Some((public.x(), public.y())), client_keys: &[] };
        assert_eq!(pool.add(1, psk(b"id", b"key")), Ok(()));
        assert_eq!(pool.add(1, ecdsa), Ok(()));
        assert_eq!(pool.add(1, psk(b"other", b"key")), Err(CredmanError::Exist));
        assert_eq!(pool.used_count(), 2);
        pool.delete(1, CredentialType::PSK);
        assert!(pool.psk(1).is_none() && pool.ecdsa(1).is_some());
    }

    #[test]
    fn checks_run_in_riots_order() {
        let pool = Credman::default();
        pool.set_max_credentials(1);
        pool.add(1, psk(b"id", b"key")).unwrap();
        let keyless = Params::Psk { id: Some(b"id"), key: None, hint: None };
        assert_eq!(pool.add(0, psk(b"id", b"key")), Err(CredmanError::Invalid));
        assert_eq!(pool.add(1, keyless), Err(CredmanError::Invalid));
        assert_eq!(pool.add(1, psk(b"id", b"")), Err(CredmanError::Invalid));
        assert_eq!(pool.add(1, Params::Other(CredentialType::EMPTY)), Err(CredmanError::Invalid));
        assert_eq!(pool.add(1, Params::Other(CredentialType(9))), Err(CredmanError::TypeUnknown));
        assert_eq!(pool.add(1, psk(b"id", b"key")), Err(CredmanError::Exist));
        assert_eq!(pool.add(2, psk(b"id", b"key")), Err(CredmanError::NoSpace));
        pool.delete_all();
        assert_eq!(pool.add(2, psk(b"id", b"key")), Ok(()));
    }

    #[test]
    fn a_key_that_is_not_a_key_of_the_curve_is_invalid() {
        let pool = Credman::default();
        let (private, public) = generator();
        let (x, y) = (public.x(), public.y());
        let mut off = <[u8; 32]>::try_from(y).unwrap();
        off[31] ^= 1;
        let zero = [0; 32];
        let mut other = private;
        other[31] = 2;
        for (private_key, public_key, client_keys) in [
            (&private[..31], (x, y), &[][..]),
            (&private[..], (x, &off[..]), &[][..]),
            (&other[..], (x, y), &[][..]),
            (&zero[..], (x, y), &[][..]),
            (&private[..], (x, y), &[(x, &off[..])][..]),
        ] {
            let params = Params::Ecdsa { private_key: Some(private_key), public_key: Some(public_key), client_keys };
            assert_eq!(pool.add(1, params), Err(CredmanError::Invalid));
        }
        assert_eq!(pool.used_count(), 0);
    }

    #[test]
    fn what_is_deleted_is_found_by_nothing_any_more() {
        let pool = Credman::default();
        let hinted = Params::Psk { id: Some(b"id"), key: Some(b"key"), hint: Some(b"hint") };
        for tag in 1..=100 {
            pool.add(tag, hinted).unwrap();
        }
        for tag in (1..=100).rev() {
            pool.delete(tag, CredentialType::PSK);
        }
        pool.delete(7, CredentialType::PSK);
        assert!(pool.read(|pool| pool.by_identity.is_empty() && pool.by_hint.is_empty() && pool.psk.is_empty()));
    }
}
