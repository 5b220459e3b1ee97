//! What happens before there is an association: the stateless cookie exchange (RFC 6347 section 4.2.1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;

use crate::codec::Reader;
use crate::config::{Config, CredentialKinds};
use crate::crypto::constant_time_eq;
use crate::error::{Discard, Error};
use crate::message::{COOKIE_LEN, ClientHello, Fragment, HandshakeType, HelloVerifyRequest, Message, Random};
use crate::record::{ContentType, Header, PlaintextWriter};
use crate::suite::Suite;

/// How long a key makes cookies; it goes on to accept them for as long again.
const KEY_PERIOD: Duration = Duration::from_secs(60);

/// Answers first ClientHellos, and keeps nothing about who sent them.
pub struct Listener {
    config: Arc<Config>,
    current: hmac::Key,
    previous: hmac::Key,
    rotate_at: Instant,
}

/// A ClientHello from an address that has shown that it receives what is sent to it.
#[derive(Clone, Debug)]
pub struct VerifiedHello {
    pub(crate) message: Message,
    pub(crate) random: Random,
    pub(crate) record_sequence: u64,
}

impl VerifiedHello {
    /// Whether the handshake that it begins may take operations with public keys.
    pub fn takes_long(&self, config: &Config, kinds: CredentialKinds) -> bool {
        let Ok(hello) = ClientHello::decode(&self.message.body) else { return false };
        let offered = hello.suites.as_chunks::<2>().0.iter().filter_map(|id| Suite::from_id(u16::from_be_bytes(*id)));
        let mut acceptable = offered.filter(|suite| kinds.allow(*suite) && config.suites.contains(suite));
        acceptable.any(|suite| suite.key_exchange().uses_ecdhe())
    }
}

/// What [`Listener::handle`] made of a datagram.
#[derive(Debug)]
pub enum Hello {
    /// It was dropped.
    Discarded(Discard),
    /// A HelloVerifyRequest stands in the output, shorter than what it answers.
    VerifyRequest,
    /// The cookie was good: this begins a handshake, or repeats the beginning of one.
    Verified(Box<VerifiedHello>),
}

impl Listener {
    /// # Errors
    /// [`Error::Crypto`] when the random source fails.
    pub fn new(config: Arc<Config>, now: Instant) -> Result<Self, Error> {
        let current = fresh_key(&config)?;
        let previous = fresh_key(&config)?;
        Ok(Self { config, current, previous, rotate_at: now + KEY_PERIOD })
    }

    /// Whether a datagram begins with a ClientHello in clear: such a datagram belongs here, whatever else is known of
    /// its sender.
    pub fn is_client_hello(datagram: &[u8]) -> bool {
        match Header::decode(datagram) {
            Ok((header, fragment)) => {
                header.content_type == ContentType::Handshake
                    && header.epoch == 0
                    && datagram[fragment].first() == Some(&HandshakeType::CLIENT_HELLO.0)
            }
            Err(_) => false,
        }
    }

    /// Handles a datagram that begins with a ClientHello. `peer` is the address it came from, in any form that is the
    /// same each time; an answer is appended to `out`.
    pub fn handle(&mut self, now: Instant, peer: &[u8], datagram: &[u8], out: &mut Vec<u8>) -> Hello {
        match self.verify(now, peer, datagram, out) {
            Ok(Some(hello)) => Hello::Verified(Box::new(hello)),
            Ok(None) => Hello::VerifyRequest,
            Err(discard) => Hello::Discarded(discard),
        }
    }

    fn verify(
        &mut self,
        now: Instant,
        peer: &[u8],
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<VerifiedHello>, Discard> {
        let (header, range) = Header::decode(datagram)?;
        let fragment = Fragment::decode(&mut Reader::new(&datagram[range])).map_err(|_| Discard::Malformed)?;
        if fragment.message_type != HandshakeType::CLIENT_HELLO || header.epoch != 0 {
            return Err(Discard::Unexpected);
        }
        if !fragment.is_whole() {
            // Putting it together would take memory for an address that nobody has verified.
            return Err(Discard::Fragment);
        }
        let hello = ClientHello::decode(fragment.body).map_err(|_| Discard::Malformed)?;
        self.rotate(now);
        if hello.cookie.len() == COOKIE_LEN {
            let keys = [&self.current, &self.previous];
            if keys.iter().any(|key| constant_time_eq(&cookie(key, peer, &hello), hello.cookie)) {
                let Fragment { message_type, message_seq, body, .. } = fragment;
                return Ok(Some(VerifiedHello {
                    message: Message { message_type, message_seq, body: body.to_vec() },
                    random: *hello.random,
                    record_sequence: header.sequence,
                }));
            }
        }
        let cookie = cookie(&self.current, peer, &hello);
        let mut body = Vec::with_capacity(3 + COOKIE_LEN);
        HelloVerifyRequest { cookie: &cookie }.encode(&mut body);
        let answer = Fragment {
            message_type: HandshakeType::HELLO_VERIFY_REQUEST,
            length: body.len(),
            message_seq: fragment.message_seq,
            offset: 0,
            body: &body,
        };
        let mut writer = PlaintextWriter::starting_at(header.sequence);
        writer.write(ContentType::Handshake, &[&answer.header(), &body], out);
        Ok(None)
    }

    fn rotate(&mut self, now: Instant) {
        // Without a fresh key the one in use has to serve on; the next datagram tries again.
        if now >= self.rotate_at
            && let Ok(fresh) = fresh_key(&self.config)
        {
            self.previous = std::mem::replace(&mut self.current, fresh);
            self.rotate_at = now + KEY_PERIOD;
        }
    }
}

/// The MAC of the address and of what a second ClientHello must repeat.
fn cookie(key: &hmac::Key, peer: &[u8], hello: &ClientHello<'_>) -> [u8; COOKIE_LEN] {
    let mut mac = hmac::Context::with_key(key);
    mac.update(&hello.version.0.to_be_bytes());
    for part in [peer, hello.random, hello.session_id, hello.suites, hello.compression_methods] {
        mac.update(&(part.len() as u16).to_be_bytes());
        mac.update(part);
    }
    let mut cookie = [0; COOKIE_LEN];
    cookie.copy_from_slice(mac.sign().as_ref());
    cookie
}

fn fresh_key(config: &Config) -> Result<hmac::Key, Error> {
    let mut secret = zeroize::Zeroizing::new([0; 32]);
    config.random.fill(&mut secret[..])?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret[..]))
}
