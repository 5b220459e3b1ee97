//! The server's side of a handshake, from a ClientHello whose cookie was good, one type per state. The flights are
//! drawn at the top of the client's file.

use crate::config::CredentialKinds;
use crate::credential::{KeyPair, PublicKey};
use crate::crypto::{Group, KeyExchange, PreMasterSecret, constant_time_eq, verify_ecdsa};
use crate::error::Error;
use crate::event::{Answer, Info, PeerIdentity, Question};
use crate::handshake::core::{Agreed, Completed, Core};
use crate::handshake::key_schedule::{KeySchedule, Randoms, Role};
use crate::message::{
    Certificate, CertificateRequest, CertificateType, CertificateVerify, ClientHello, ClientKeyExchange, ClientOffer,
    EcdhParams, HandshakeType, Message, ServerHello, ServerKeyExchange,
};
use crate::suite::{KeyExchangeKind, Suite};

pub(crate) enum ServerState {
    KeyPair(Box<Negotiated>),
    Certificate(Box<FlightSent>),
    ClientKeyExchange(Box<FlightSent>),
    Psk(Box<FlightSent>, Vec<u8>, Option<PreMasterSecret>),
    CertificateVerify(Box<ExpectFinished>, PublicKey),
    Verdict(Box<ExpectFinished>),
    Finished(Box<ExpectFinished>),
}

impl ServerState {
    /// Chooses the parameters, and sends the first flight unless a key pair has to be asked for.
    pub(crate) fn start(
        core: &mut Core,
        message: &Message,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let hello = ClientHello::decode(message.expect(HandshakeType::CLIENT_HELLO)?)?;
        core.client_random = *hello.random;
        let negotiated = Box::new(Negotiated::choose(core, &hello, kinds, hint)?);
        core.suite = Some(negotiated.agreed.suite);
        core.transcript.choose(negotiated.agreed.suite.hash());
        core.absorb(message);
        if negotiated.agreed.suite.key_exchange() == KeyExchangeKind::EcdheEcdsa {
            core.ask(Question::KeyPair);
            return Ok(Self::KeyPair(negotiated));
        }
        negotiated.send_flight(core, None)
    }

    pub(crate) fn handle(self, core: &mut Core, message: &Message) -> Result<Self, Error> {
        match self {
            Self::Certificate(mut sent) => {
                let certificate = Certificate::decode(message.expect(HandshakeType::CERTIFICATE)?)?;
                if certificate.key.is_none() && core.config.verify_peer {
                    return Err(Error::BadCertificate);
                }
                core.absorb(message);
                sent.client_key = certificate.key;
                Ok(Self::ClientKeyExchange(sent))
            }
            Self::ClientKeyExchange(sent) => sent.handle(core, message),
            Self::CertificateVerify(state, key) => {
                let verify = CertificateVerify::decode(message.expect(HandshakeType::CERTIFICATE_VERIFY)?)?;
                if !verify_ecdsa(&key, &core.transcript.sha256(), verify.signature) {
                    return Err(Error::Authentication);
                }
                core.absorb(message);
                if core.config.verify_peer {
                    core.ask(Question::VerifyPeer(key));
                    return Ok(Self::Verdict(state));
                }
                Ok(Self::Finished(state))
            }
            Self::Finished(state) => state.handle(core, message),
            Self::KeyPair(_) | Self::Psk(..) | Self::Verdict(_) => Err(Error::UnexpectedMessage),
        }
    }

    pub(crate) fn answer(self, core: &mut Core, answer: Answer) -> Result<Self, Error> {
        match (self, answer) {
            (Self::KeyPair(negotiated), Answer::KeyPair(Some(pair))) => negotiated.send_flight(core, Some(&pair)),
            (Self::KeyPair(_), Answer::KeyPair(None)) => Err(Error::NoCredential),
            (Self::Psk(sent, identity, shared), Answer::Psk(psk)) => {
                // An unknown identity takes the same path as a wrong key, with a key that nobody knows.
                let nobody = core.random()?;
                let key = psk.as_ref().map_or(&nobody[..], |psk| psk.key());
                let premaster = shared.map_or_else(|| PreMasterSecret::psk(key), |shared| shared.with_psk(key));
                sent.derive(core, &premaster, PeerIdentity::Psk(identity.into())).map(Self::Finished)
            }
            (Self::Verdict(state), Answer::Verdict(true)) => Ok(Self::Finished(state)),
            (Self::Verdict(_), Answer::Verdict(false)) => Err(Error::BadCertificate),
            _ => Err(Error::Crypto),
        }
    }

    pub(crate) fn expects_finished(&self) -> bool {
        matches!(self, Self::Finished(_))
    }
}

/// The parameters of a handshake, before our flight is sent.
pub(crate) struct Negotiated {
    agreed: Agreed,
    group: Option<Group>,
    point_formats: bool,
    renegotiation_info: bool,
    hint: Vec<u8>,
}

impl Negotiated {
    fn choose(
        core: &Core,
        hello: &ClientHello<'_>,
        kinds: CredentialKinds,
        hint: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let offer = hello.offer()?;
        if core.config.require_extended_master_secret && !offer.extended_master_secret {
            return Err(Error::HandshakeFailure("the client lacks extended_master_secret"));
        }
        if core.config.require_renegotiation_info && !offer.renegotiation_info {
            return Err(Error::HandshakeFailure("the client lacks renegotiation_info"));
        }
        let group = core.config.groups.iter().copied().find(|group| offer.groups.contains(group));
        let group = group.filter(|_| offer.uncompressed_points);
        let suite = choose_suite(core, &offer, kinds, group.is_some())?;
        Ok(Self {
            agreed: Agreed {
                suite,
                randoms: Randoms { client: *hello.random, server: core.random()? },
                extended_master_secret: offer.extended_master_secret,
                client_raw_key: offer.client_raw_key == Some(true),
            },
            group: group.filter(|_| suite.key_exchange().uses_ecdhe()),
            point_formats: offer.sent_point_formats && suite.key_exchange().uses_ecdhe(),
            renegotiation_info: offer.renegotiation_info,
            hint: hint.unwrap_or_default().to_vec(),
        })
    }

    /// ServerHello to ServerHelloDone.
    fn send_flight(&self, core: &mut Core, pair: Option<&KeyPair>) -> Result<ServerState, Error> {
        let Agreed { suite, randoms, extended_master_secret, client_raw_key } = self.agreed;
        let kind = suite.key_exchange();
        let asks_client = pair.is_some() && client_raw_key;
        let hello = ServerHello {
            random: &randoms.server,
            session_id: &[],
            suite: suite.id(),
            extended_master_secret,
            renegotiation_info: self.renegotiation_info,
            point_formats: self.point_formats,
            client_certificate_type: asks_client.then_some(CertificateType::RAW_PUBLIC_KEY),
            server_certificate_type: pair.map(|_| CertificateType::RAW_PUBLIC_KEY),
        };
        core.begin_flight();
        core.send(HandshakeType::SERVER_HELLO, hello.encode());
        if let Some(pair) = pair {
            let certificate = Certificate { key: Some(*pair.public()) };
            core.send(HandshakeType::CERTIFICATE, certificate.encode());
        }
        let ephemeral = match self.group {
            Some(group) => Some(KeyExchange::generate(group, &*core.config.random)?),
            None => None,
        };
        let params = ephemeral.as_ref().map(|key| EcdhParams { group: key.group(), public: key.public() });
        let signature = match (pair, &params) {
            (Some(pair), Some(params)) => Some(pair.sign(&params.signed_digest(&randoms.client, &randoms.server))?),
            _ => None,
        };
        if params.is_some() || !self.hint.is_empty() {
            let exchange = ServerKeyExchange { hint: &self.hint, params, signature: signature.as_deref() };
            core.send(HandshakeType::SERVER_KEY_EXCHANGE, exchange.encode(kind));
        }
        if asks_client {
            core.send(HandshakeType::CERTIFICATE_REQUEST, CertificateRequest::encode());
        }
        core.send(HandshakeType::SERVER_HELLO_DONE, Vec::new());
        let sent = Box::new(FlightSent { agreed: self.agreed, ephemeral, client_key: None });
        Ok(if asks_client { ServerState::Certificate(sent) } else { ServerState::ClientKeyExchange(sent) })
    }
}

/// The most preferred suite that the client offers and that both sides' credentials allow.
fn choose_suite(core: &Core, offer: &ClientOffer, kinds: CredentialKinds, ecdhe: bool) -> Result<Suite, Error> {
    // A client that must be verified has to be able to show a key.
    let raw_keys = offer.server_raw_key == Some(true)
        && (offer.client_raw_key == Some(true) || !core.config.verify_peer)
        && offer.ecdsa_sha256;
    let common = || {
        let mine = core.config.suites.iter().copied();
        mine.filter(|suite| {
            offer.suites.contains(suite) && kinds.allow(*suite) && (ecdhe || !suite.key_exchange().uses_ecdhe())
        })
    };
    let chosen = common().find(|suite| raw_keys || suite.key_exchange().uses_psk());
    chosen.ok_or_else(|| match common().next() {
        Some(_) => Error::UnsupportedCertificate,
        None => Error::HandshakeFailure("no cipher suite in common"),
    })
}

/// Our first flight is on its way.
pub(crate) struct FlightSent {
    agreed: Agreed,
    ephemeral: Option<KeyExchange>,
    client_key: Option<PublicKey>,
}

impl FlightSent {
    fn handle(self: Box<Self>, core: &mut Core, message: &Message) -> Result<ServerState, Error> {
        let kind = self.agreed.suite.key_exchange();
        let exchange = ClientKeyExchange::decode(kind, message.expect(HandshakeType::CLIENT_KEY_EXCHANGE)?)?;
        core.absorb(message);
        let shared = self.ephemeral.as_ref().map(|key| key.agree(exchange.public)).transpose()?;
        if kind.uses_psk() {
            core.ask(Question::ServerPsk { identity: exchange.identity.to_vec() });
            return Ok(ServerState::Psk(self, exchange.identity.to_vec(), shared));
        }
        let client_key = self.client_key;
        let peer = client_key.map_or(PeerIdentity::Anonymous, |key| PeerIdentity::RawPublicKey(Box::new(key)));
        let state = self.derive(core, &shared.ok_or(Error::Crypto)?, peer)?;
        Ok(match client_key {
            Some(key) => ServerState::CertificateVerify(state, key),
            None => ServerState::Finished(state),
        })
    }

    fn derive(
        &self,
        core: &mut Core,
        premaster: &PreMasterSecret,
        peer: PeerIdentity,
    ) -> Result<Box<ExpectFinished>, Error> {
        let Agreed { suite, randoms, extended_master_secret, .. } = self.agreed;
        let session_hash = extended_master_secret.then_some(&core.transcript);
        let schedule = KeySchedule::new(suite, premaster, &randoms, session_hash)?;
        core.install(schedule.record_keys(Role::Server, &randoms)?);
        Ok(Box::new(ExpectFinished { schedule, info: Info { suite, extended_master_secret, peer } }))
    }
}

pub(crate) struct ExpectFinished {
    schedule: KeySchedule,
    info: Info,
}

impl ExpectFinished {
    fn handle(self: Box<Self>, core: &mut Core, message: &Message) -> Result<ServerState, Error> {
        let expected = self.schedule.verify_data(Role::Client, &core.transcript)?;
        if !constant_time_eq(message.expect(HandshakeType::FINISHED)?, &expected) {
            return Err(Error::Authentication);
        }
        core.absorb(message);
        core.begin_flight();
        let last_flight = core.send_finished(self.schedule.verify_data(Role::Server, &core.transcript)?);
        core.completed = Some(Completed { info: self.info.clone(), last_flight: Some(last_flight) });
        Ok(ServerState::Finished(self))
    }
}
