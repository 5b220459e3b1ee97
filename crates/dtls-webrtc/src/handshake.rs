//! The crate's configuration, the credentials of a handshake, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use dtls::config::{Config, ExtendedMasterSecretType};
use dtls::conn::DTLSConn;
use dtls_sock::{
    Answer, CloseReason, Event, HandshakeError, Link, Options, PeerIdentity, Psk, Question, QuestionId, Role,
    SecureRandom, SystemRandom,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::transport::{Seen, Transport};

/// Bytes that the crate adds to a fragment of a handshake message without counting them.
const FRAGMENT_HEADERS: usize = 13 + 12 + 8 + 16;

/// The question that is open, and where its answer goes.
pub(crate) type Open = Arc<Mutex<Option<(QuestionId, oneshot::Sender<Answer>)>>>;

/// What a handshake needs of its sock.
pub(crate) struct Setup {
    role: Role,
    hint: Option<Vec<u8>>,
    config: Config,
    lifetime: Duration,
}

impl Setup {
    pub(crate) fn new(role: Role, options: &Options, hint: Option<&[u8]>) -> Self {
        let config = Config {
            cipher_suites: crate::suites(options),
            extended_master_secret: if options.force_extended_master_secret {
                ExtendedMasterSecretType::Require
            } else {
                ExtendedMasterSecretType::Request
            },
            flight_interval: options.retransmit,
            mtu: options.max_datagram().unwrap_or(1280 - 40 - 8).saturating_sub(FRAGMENT_HEADERS).max(64),
            ..Config::default()
        };
        Self { role, hint: hint.map(<[u8]>::to_vec), config, lifetime: options.handshake_lifetime }
    }
}

/// Runs the handshake to its end.
pub(crate) async fn run(
    setup: Setup,
    link: &Link,
    transport: Transport,
    open: &Open,
    seen: &Arc<Mutex<Seen>>,
) -> Result<DTLSConn, CloseReason> {
    let lifetime = setup.lifetime;
    let handshake = async {
        let is_client = setup.role == Role::Client;
        let config = with_credentials(setup, link, open, seen).await?;
        let conn = DTLSConn::new(Arc::new(transport), config, is_client, None).await;
        conn.map_err(|_| {
            let refused = seen.lock().refused;
            refused.unwrap_or(CloseReason::Refused(HandshakeError::Authentication))
        })
    };
    tokio::time::timeout(lifetime, handshake).await.unwrap_or(Err(CloseReason::TimedOut))
}

/// The identity of a client is fixed here, that of a server's peer when it is named.
async fn with_credentials(
    setup: Setup,
    link: &Link,
    open: &Open,
    seen: &Arc<Mutex<Seen>>,
) -> Result<Config, CloseReason> {
    let Setup { role, hint, mut config, .. } = setup;
    if role == Role::Client {
        let psk = ask(link, open, Question::ClientPsk { hint: None }).await;
        let psk = psk.ok_or(CloseReason::Refused(HandshakeError::NoCredential))?;
        config.psk_identity_hint = Some(psk.identity().to_vec());
        seen.lock().identity = Some(PeerIdentity::Psk(psk.identity().into()));
        config.psk = Some(Arc::new(move |_| {
            let key = psk.key().to_vec();
            Box::pin(async { Ok(key) })
        }));
    } else {
        config.psk_identity_hint = hint;
        let (link, open, seen) = (link.clone(), Arc::clone(open), Arc::clone(seen));
        config.psk = Some(Arc::new(move |identity| {
            let (link, open, seen, identity) = (link.clone(), Arc::clone(&open), Arc::clone(&seen), identity.to_vec());
            Box::pin(async move {
                seen.lock().identity = Some(PeerIdentity::Psk(identity.clone().into()));
                match ask(&link, &open, Question::ServerPsk { identity }).await {
                    Some(psk) => Ok(psk.key().to_vec()),
                    // To a guesser, an unknown identity looks like a wrong key (RFC 4279 section 2).
                    None => nobodys_key(),
                }
            })
        }));
    }
    Ok(config)
}

fn nobodys_key() -> Result<Vec<u8>, dtls::Error> {
    let mut key = Zeroizing::new([0; 32]);
    SystemRandom.fill(&mut key[..]).map_err(|error| dtls::Error::Other(error.to_string()))?;
    Ok(key.to_vec())
}

/// Asks for a pre-shared key, and waits for the answer.
async fn ask(link: &Link, open: &Open, question: Question) -> Option<Psk> {
    let (answer, answered) = oneshot::channel();
    let id = QuestionId::new();
    *open.lock() = Some((id, answer));
    link.emit(Event::Question(id, question));
    match answered.await {
        Ok(Answer::Psk(psk)) => psk,
        _ => None,
    }
}
