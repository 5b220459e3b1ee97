//! From the premaster secret to the keys of epoch 1 (RFC 5246 sections 6.3 and 8.1, RFC 7627).

use zeroize::Zeroizing;

use crate::crypto::{MasterSecret, PreMasterSecret, Transcript, prf};
use crate::error::Error;
use crate::message::{Random, VERIFY_DATA_LEN};
use crate::record::{KeyMaterial, OpeningKey, SealingKey};
use crate::suite::Suite;

/// Which side of the association we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends the ClientHello.
    Client,
    /// Answers it.
    Server,
}

/// Both randoms, as the derivations take them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Randoms {
    pub(crate) client: Random,
    pub(crate) server: Random,
}

/// The master secret of one handshake and what is derived from it.
pub(crate) struct KeySchedule {
    suite: Suite,
    master: MasterSecret,
}

impl KeySchedule {
    /// `session_hash` is the transcript up to the ClientKeyExchange where extended_master_secret was agreed (RFC 7627
    /// section 4), `None` where it was not.
    pub(crate) fn new(
        suite: Suite,
        premaster: &PreMasterSecret,
        randoms: &Randoms,
        session_hash: Option<&Transcript>,
    ) -> Result<Self, Error> {
        let master = if let Some(transcript) = session_hash {
            let seed = transcript.hash();
            MasterSecret::derive(suite.hash(), premaster, b"extended master secret", seed.as_ref())?
        } else {
            let seed = [randoms.client, randoms.server].concat();
            MasterSecret::derive(suite.hash(), premaster, b"master secret", &seed)?
        };
        Ok(Self { suite, master })
    }

    /// The keys of epoch 1 for `role`: to seal with, to open with.
    pub(crate) fn record_keys(&self, role: Role, randoms: &Randoms) -> Result<(SealingKey, OpeningKey), Error> {
        let algorithm = self.suite.aead();
        let (key_len, iv_len) = (algorithm.key_len(), algorithm.fixed_iv_len());
        let mut block = Zeroizing::new([0; 2 * (32 + 12)]);
        let block = &mut block[..2 * (key_len + iv_len)];
        let seed = [randoms.server, randoms.client].concat();
        prf(self.suite.hash(), self.master.as_bytes(), b"key expansion", &seed, block)?;
        let (keys, ivs) = block.split_at(2 * key_len);
        let (client_key, server_key) = keys.split_at(key_len);
        let (client_iv, server_iv) = ivs.split_at(iv_len);
        let client = KeyMaterial { algorithm, key: client_key, fixed_iv: client_iv };
        let server = KeyMaterial { algorithm, key: server_key, fixed_iv: server_iv };
        match role {
            Role::Client => Ok((SealingKey::new(&client)?, OpeningKey::new(&server)?)),
            Role::Server => Ok((SealingKey::new(&server)?, OpeningKey::new(&client)?)),
        }
    }

    /// The verify_data of the Finished that `role` sends after `transcript` (RFC 5246 section 7.4.9).
    pub(crate) fn verify_data(&self, role: Role, transcript: &Transcript) -> Result<[u8; VERIFY_DATA_LEN], Error> {
        let label: &[u8] = match role {
            Role::Client => b"client finished",
            Role::Server => b"server finished",
        };
        let mut out = [0; VERIFY_DATA_LEN];
        prf(self.suite.hash(), self.master.as_bytes(), label, transcript.hash().as_ref(), &mut out)?;
        Ok(out)
    }
}
