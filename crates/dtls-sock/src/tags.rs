//! A sock's list of credential tags, and the rules by which it picks a credential.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dtls_proto::{KeyPair, Psk, PublicKey};
use parking_lot::Mutex;

use crate::credman::{Credman, Tag};
use crate::engine::Credentials;
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
    psk_with_hint: Option<Tag>,
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
                        psk_with_hint: pool.by_hint.values().find_map(|hinted| self.first_in(Some(hinted))),
                        ecdsa: self.first_among(ecdsa.len(), ecdsa.keys(), |tag| ecdsa.contains_key(&tag)),
                    };
                    *cached = Some(firsts);
                    firsts
                }
            }
        })
    }
}

/// The kinds of credential that stand behind the tags.
pub(crate) fn credentials(credman: &Credman, tags: &TagList) -> Credentials {
    let Firsts { psk, psk_with_hint, ecdsa, .. } = tags.firsts(credman);
    Credentials { psk: psk.is_some(), psk_with_hint: psk_with_hint.is_some(), ecdsa: ecdsa.is_some() }
}

/// The kinds of credential that stand behind one tag.
pub(crate) fn credentials_of(credman: &Credman, tag: Tag) -> Credentials {
    credman.read(|pool| {
        let psk = pool.psk.get(&tag);
        Credentials {
            psk: psk.is_some(),
            psk_with_hint: psk.is_some_and(|psk| psk.hint.is_some()),
            ecdsa: pool.ecdsa.contains_key(&tag),
        }
    })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::credman::{CredentialType, Params};

    fn pool(entries: &[(Tag, &str, Option<&str>)]) -> Credman {
        let pool = Credman::default();
        for (tag, id, hint) in entries {
            let hint = hint.map(str::as_bytes);
            pool.add(*tag, Params::Psk { id: Some(id.as_bytes()), key: Some(b"key"), hint }).unwrap();
        }
        pool
    }

    fn list(tags: &[Tag]) -> TagList {
        let mut list = TagList::default();
        for tag in tags {
            list.add(*tag).unwrap();
        }
        list
    }

    fn identity(psk: Option<Psk>) -> Option<String> {
        psk.map(|psk| String::from_utf8(psk.identity().to_vec()).unwrap())
    }

    #[test]
    fn a_client_takes_the_callbacks_choice_then_the_hinted_then_the_first() {
        let pool = pool(&[(1, "one", None), (2, "two", Some("home")), (3, "three", Some("home"))]);
        let tags = list(&[9, 1, 3, 2]);
        let choose = |callback, hint: Option<&[u8]>| identity(client_psk(&pool, &tags, callback, hint));
        assert_eq!(choose(None, None).as_deref(), Some("one"));
        assert_eq!(choose(None, Some(b"home")).as_deref(), Some("three"));
        assert_eq!(choose(None, Some(b"away")).as_deref(), Some("one"));
        assert_eq!(choose(Some(2), Some(b"away")).as_deref(), Some("two"));
    }

    #[test]
    fn a_callbacks_tag_outside_the_list_or_without_credential_counts_as_none() {
        let pool = pool(&[(1, "one", None), (4, "four", None)]);
        let tags = list(&[9, 1]);
        for callback in [4, 9, 0] {
            assert_eq!(identity(client_psk(&pool, &tags, Some(callback), None)).as_deref(), Some("one"));
        }
    }

    #[test]
    fn a_server_takes_the_first_of_its_tags_with_the_identity() {
        let pool = Credman::default();
        for (tag, key) in [(1, b"1"), (2, b"2"), (3, b"3")] {
            pool.add(tag, Params::Psk { id: Some(b"same"), key: Some(key), hint: None }).unwrap();
        }
        let key = |tags: &[Tag]| server_psk(&pool, &list(tags), b"same").map(|psk| psk.key().to_vec());
        assert_eq!(key(&[3, 1]), Some(b"3".to_vec()));
        assert_eq!(key(&[7]), None);
        assert_eq!(server_psk(&pool, &list(&[1]), b"other").map(|_| ()), None);
    }

    #[test]
    fn what_the_tags_name_follows_the_pool_and_the_list() {
        let pool = pool(&[(1, "one", None)]);
        let mut tags = list(&[1]);
        assert!(credentials(&pool, &tags).psk && !credentials(&pool, &tags).ecdsa);
        pool.delete(1, CredentialType::PSK);
        assert!(!credentials(&pool, &tags).psk);
        pool.add(2, Params::Psk { id: None, key: Some(b"key"), hint: None }).unwrap();
        assert!(!credentials(&pool, &tags).psk);
        tags.add(2).unwrap();
        assert!(credentials(&pool, &tags).psk);
        assert!(tags.remove(2) && !tags.remove(2) && !credentials(&pool, &tags).psk);
    }

    #[test]
    fn a_list_holds_65535_tags_and_no_more() {
        let mut tags = TagList::default();
        for tag in 1..=u16::MAX {
            tags.add(tag).unwrap();
        }
        assert_eq!(tags.add(1), Err(Errno::NoMem));
        assert!(tags.remove(1));
        assert_eq!(tags.add(1), Ok(()));
    }

    proptest! {
        #[test]
        fn a_list_does_what_a_vector_does(steps in prop::collection::vec((any::<bool>(), 1u16..8), 0..100)) {
            let (mut tags, mut model) = (TagList::default(), Vec::new());
            for (add, tag) in steps {
                if add {
                    tags.add(tag).unwrap();
                    model.push(tag);
                } else {
                    let place = model.iter().position(|other| *other == tag);
                    prop_assert_eq!(tags.remove(tag), place.is_some());
                    place.map(|place| model.remove(place));
                }
                prop_assert_eq!(tags.to_vec(), model.clone());
            }
        }

        #[test]
        fn the_first_candidate_is_the_first_whichever_side_is_longer(
            order in prop::collection::vec(1u16..60, 1..120),
            candidates in prop::collection::btree_set(1u16..60, 0..60),
        ) {
            let expected = order.iter().copied().find(|tag| candidates.contains(tag));
            prop_assert_eq!(list(&order).first_in(Some(&candidates)), expected);
        }
    }
}
