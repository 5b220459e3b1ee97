//! A sock's list of credential tags, and the rules by which it picks a credential.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dtls_proto::{KeyPair, Psk, PublicKey};
use parking_lot::Mutex;

use crate::credman::{Credman, Tag};
use crate::errno::{Errno, Result};

/// Tags a sock may have.
const MAX_TAGS: usize = 65_535;
/// Tags at the front of a list that are looked at before anything cleverer.
const FRONT: usize = 16;

/// Tags in order; one may stand there more than once.
#[derive(Default)]
pub(crate) struct TagList {
    /// By the order of their addition, so that a removal moves nobody.
    order: BTreeMap<u64, Tag>,
    places: HashMap<Tag, BTreeSet<u64>>,
    next: u64,
    firsts: Mutex<Option<Firsts>>,
}

/// The first tag of each type, as of one state of the pool.
#[derive(Clone, Copy)]
struct Firsts {
    generation: u64,
    psk: Option<Tag>,
    ecdsa: Option<Tag>,
}

impl TagList {
    /// # Errors
    /// [`Errno::Inval`] for the empty tag, [`Errno::NoMem`] when the list is full.
    pub(crate) fn add(&mut self, tag: Tag) -> Result<()> {
        if tag == crate::CREDMAN_TAG_EMPTY {
            return Err(Errno::Inval);
        }
        if self.order.len() >= MAX_TAGS {
            return Err(Errno::NoMem);
        }
        self.order.insert(self.next, tag);
        self.places.entry(tag).or_default().insert(self.next);
        self.next += 1;
        *self.firsts.get_mut() = None;
        Ok(())
    }

    /// Removes the first occurrence; false without one.
    pub(crate) fn remove(&mut self, tag: Tag) -> bool {
        let Some(places) = self.places.get_mut(&tag) else { return false };
        if let Some(place) = places.pop_first() {
            self.order.remove(&place);
        }
        if places.is_empty() {
            self.places.remove(&tag);
        }
        *self.firsts.get_mut() = None;
        true
    }

    pub(crate) fn to_vec(&self) -> Vec<Tag> {
        self.order.values().copied().collect()
    }

    fn contains(&self, tag: Tag) -> bool {
        self.places.contains_key(&tag)
    }

    fn place(&self, tag: Tag) -> Option<u64> {
        self.places.get(&tag)?.first().copied()
    }

    /// The first tag of the list that is among the candidates; looks through the shorter of the two.
    fn first_among<'a>(
        &self,
        len: usize,
        mut candidates: impl Iterator<Item = &'a Tag>,
        is_candidate: impl Fn(Tag) -> bool,
    ) -> Option<Tag> {
        if let Some(front) = self.order.values().take(FRONT).find(|tag| is_candidate(**tag)) {
            return Some(*front);
        }
        if len < self.order.len() {
            let best = candidates.by_ref().filter_map(|tag| Some((self.place(*tag)?, *tag))).min();
            return best.map(|(_, tag)| tag);
        }
        self.order.values().copied().find(|tag| is_candidate(*tag))
    }

    fn first_in(&self, tags: Option<&BTreeSet<Tag>>) -> Option<Tag> {
        let tags = tags?;
        self.first_among(tags.len(), tags.iter(), |tag| tags.contains(&tag))
    }

    /// The first tags with a credential; found again only when the list or the pool has changed.
    fn firsts(&self, credman: &Credman) -> Firsts {
        credman.read(|pool| {
            let mut cached = self.firsts.lock();
            match *cached {
                Some(firsts) if firsts.generation == pool.generation => firsts,
                _ => {
                    let psk = &pool.psk;
                    let ecdsa = &pool.ecdsa;
                    let firsts = Firsts {
                        generation: pool.generation,
                        psk: self.first_among(psk.len(), psk.keys(), |tag| psk.contains_key(&tag)),
                        ecdsa: self.first_among(ecdsa.len(), ecdsa.keys(), |tag| ecdsa.contains_key(&tag)),
                    };
                    *cached = Some(firsts);
                    firsts
                }
            }
        })
    }
}

/// Whether a PSK credential stands behind one of the tags.
pub(crate) fn has_psk(credman: &Credman, tags: &TagList) -> bool {
    tags.firsts(credman).psk.is_some()
}

/// Whether an ECDSA credential stands behind one of the tags.
pub(crate) fn has_ecdsa(credman: &Credman, tags: &TagList) -> bool {
    tags.firsts(credman).ecdsa.is_some()
}

/// The PSK of a client: of the callback's tag; else the first whose hint is the server's; else the first.
pub(crate) fn client_psk(credman: &Credman, tags: &TagList, callback: Option<Tag>, hint: Option<&[u8]>) -> Option<Psk> {
    if let Some(chosen) = callback.filter(|tag| tags.contains(*tag)).and_then(|tag| credman.psk(tag)) {
        return Some(chosen.psk.clone());
    }
    let hinted = hint.and_then(|hint| credman.read(|pool| tags.first_in(pool.by_hint.get(hint))));
    let tag = hinted.or_else(|| tags.firsts(credman).psk)?;
    credman.psk(tag).map(|credential| credential.psk.clone())
}

/// The PSK of a server: the first whose identity the client claims.
pub(crate) fn server_psk(credman: &Credman, tags: &TagList, identity: &[u8]) -> Option<Psk> {
    let tag = credman.read(|pool| tags.first_in(pool.by_identity.get(identity)))?;
    credman.psk(tag).map(|credential| credential.psk.clone())
}

/// The key pair of either side: of the callback's tag; else the first.
pub(crate) fn ecdsa(credman: &Credman, tags: &TagList, callback: Option<Tag>) -> Option<KeyPair> {
    let chosen = callback.filter(|tag| tags.contains(*tag)).and_then(|tag| credman.ecdsa(tag));
    let credential = match chosen {
        Some(credential) => credential,
        None => credman.ecdsa(tags.firsts(credman).ecdsa?)?,
    };
    Some(credential.pair.clone())
}

/// Whether a peer with this key may connect: it stands in the client keys of one of the tags.
pub(crate) fn peer_allowed(credman: &Credman, tags: &TagList, key: &PublicKey) -> bool {
    credman.read(|pool| tags.first_in(pool.by_client_key.get(key)).is_some())
}
