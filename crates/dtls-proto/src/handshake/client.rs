//! The client's side of a handshake, one type per state.
//!
//! ```text
//! ClientHello                    -->
//!                                <--  HelloVerifyRequest
//! ClientHello (with cookie)      -->
//!                                <--  ServerHello, [Certificate], [ServerKeyExchange],
//!                                     [CertificateRequest], ServerHelloDone
//! [Certificate], ClientKeyExchange,
//! [CertificateVerify], ChangeCipherSpec,
//! Finished                       -->
//!                                <--  ChangeCipherSpec, Finished
//! ```

use crate::codec::Reader;
use crate::config::CredentialKinds;
use crate::credential::{KeyPair, Psk, PublicKey};
use crate::crypto::{Group, KeyExchange, PreMasterSecret, constant_time_eq, verify_ecdsa};
use crate::error::Error;
use crate::event::{Answer, Info, PeerIdentity, Question};
use crate::handshake::core::{Agreed, Completed, Core};
use crate::handshake::key_schedule::{KeySchedule, Randoms, Role};
use crate::message::{
    Certificate, CertificateRequest, CertificateType, CertificateVerify, ClientKeyExchange, HandshakeType,
    HelloVerifyRequest, Message, Random, ServerHello, ServerKeyExchange, encode_client_hello,
};
use crate::suite::{KeyExchangeKind, Suite};

/// HelloVerifyRequests that one handshake follows: a cookie may expire once or twice, not for ever.
const MAX_VERIFY_REQUESTS: u8 = 4;

pub(crate) enum ClientState {
    ServerHello(ExpectServerHello),
    Certificate(Agreed),
    ServerKeyExchange(ExpectServerKeyExchange),
    ServerHelloDone(Box<ServerFlight>),
    Verdict(Box<ServerFlight>),
    KeyPair(Box<ServerFlight>),
    Psk(Box<ServerFlight>),
    Finished(Box<ExpectFinished>),
}

impl ClientState {
    /// Sends the first ClientHello.
    pub(crate) fn start(core: &mut Core, kinds: CredentialKinds) -> Result<Self, Error> {
        let suites = core.config.suites.iter().copied().filter(|suite| kinds.allow(*suite)).collect::<Vec<_>>();
        if suites.is_empty() {
            return Err(Error::NoCredential);
        }
        let random = core.random()?;
        core.client_random = random;
        let hello = send_client_hello(core, &random, &[], &suites);
        Ok(Self::ServerHello(ExpectServerHello { random, suites, hello, verify_requests: 0 }))
    }

    pub(crate) fn handle(self, core: &mut Core, message: &Message) -> Result<Self, Error> {
        match self {
            Self::ServerHello(state) => state.handle(core, message),
            Self::Certificate(agreed) => {
                let certificate = Certificate::decode(message.expect(HandshakeType::CERTIFICATE)?)?;
                core.absorb(message);
                let server_key = Some(certificate.key.ok_or(Error::BadCertificate)?);
                Ok(Self::ServerKeyExchange(ExpectServerKeyExchange { agreed, server_key }))
            }
            Self::ServerKeyExchange(state) => state.handle(core, message),
            Self::ServerHelloDone(flight) => flight.handle(core, message),
            Self::Finished(state) => state.handle(core, message),
            Self::Verdict(_) | Self::KeyPair(_) | Self::Psk(_) => Err(Error::UnexpectedMessage),
        }
    }

    pub(crate) fn answer(self, core: &mut Core, answer: Answer) -> Result<Self, Error> {
        match (self, answer) {
            (Self::Verdict(flight), Answer::Verdict(true)) => flight.ask_for_credential(core),
            (Self::Verdict(_), Answer::Verdict(false)) => Err(Error::BadCertificate),
            (Self::KeyPair(flight), Answer::KeyPair(pair)) => flight.reply(core, Credential::KeyPair(pair.as_ref())),
            (Self::Psk(flight), Answer::Psk(Some(psk))) => flight.reply(core, Credential::Psk(&psk)),
            (Self::Psk(_), Answer::Psk(None)) => Err(Error::NoCredential),
            _ => Err(Error::Crypto),
        }
    }
}

pub(crate) struct ExpectServerHello {
    random: Random,
    suites: Vec<Suite>,
    hello: Message,
    verify_requests: u8,
}

impl ExpectServerHello {
    fn handle(mut self, core: &mut Core, message: &Message) -> Result<ClientState, Error> {
        if message.message_type == HandshakeType::HELLO_VERIFY_REQUEST {
            self.verify_requests += 1;
            if self.verify_requests > MAX_VERIFY_REQUESTS {
                return Err(Error::HandshakeFailure("the server accepts no cookie"));
            }
            let cookie = HelloVerifyRequest::decode(&message.body)?.cookie;
            core.begin_flight();
            self.hello = send_client_hello(core, &self.random, cookie, &self.suites);
            return Ok(ClientState::ServerHello(self));
        }
        let hello = ServerHello::decode(message.expect(HandshakeType::SERVER_HELLO)?)?;
        let agreed = self.agree(core, &hello)?;
        core.suite = Some(agreed.suite);
        core.transcript.choose(agreed.suite.hash());
        core.absorb(&self.hello);
        core.absorb(message);
        Ok(match agreed.suite.key_exchange() {
            KeyExchangeKind::EcdheEcdsa => ClientState::Certificate(agreed),
            KeyExchangeKind::Psk | KeyExchangeKind::EcdhePsk => {
                ClientState::ServerKeyExchange(ExpectServerKeyExchange { agreed, server_key: None })
            }
        })
    }

    fn agree(&self, core: &Core, hello: &ServerHello<'_>) -> Result<Agreed, Error> {
        let suite = self.suites.iter().copied().find(|suite| suite.id() == hello.suite);
        let suite = suite.ok_or(Error::IllegalParameter("a cipher suite that was not offered"))?;
        if core.config.require_extended_master_secret && !hello.extended_master_secret {
            return Err(Error::HandshakeFailure("the server lacks extended_master_secret"));
        }
        if core.config.require_renegotiation_info && !hello.renegotiation_info {
            return Err(Error::HandshakeFailure("the server lacks renegotiation_info"));
        }
        let offered_ecdhe = self.suites.iter().any(|suite| suite.key_exchange().uses_ecdhe());
        let offered_signed = self.suites.iter().any(|suite| !suite.key_exchange().uses_psk());
        let names_types = hello.client_certificate_type.is_some() || hello.server_certificate_type.is_some();
        if (hello.point_formats && !offered_ecdhe) || (names_types && !offered_signed) {
            return Err(Error::UnsupportedExtension);
        }
        let raw_key = Some(CertificateType::RAW_PUBLIC_KEY);
        if suite.key_exchange() == KeyExchangeKind::EcdheEcdsa && hello.server_certificate_type != raw_key {
            return Err(Error::UnsupportedCertificate);
        }
        if hello.client_certificate_type.is_some() && hello.client_certificate_type != raw_key {
            return Err(Error::UnsupportedCertificate);
        }
        Ok(Agreed {
            suite,
            randoms: Randoms { client: self.random, server: *hello.random },
            extended_master_secret: hello.extended_master_secret,
            client_raw_key: hello.client_certificate_type == raw_key,
        })
    }
}

pub(crate) struct ExpectServerKeyExchange {
    agreed: Agreed,
    server_key: Option<PublicKey>,
}

impl ExpectServerKeyExchange {
    fn handle(self, core: &mut Core, message: &Message) -> Result<ClientState, Error> {
        let kind = self.agreed.suite.key_exchange();
        let mut flight = Box::new(ServerFlight {
            agreed: self.agreed,
            server_key: self.server_key,
            hint: None,
            share: None,
            certificate_request: None,
        });
        if kind == KeyExchangeKind::Psk && message.message_type == HandshakeType::SERVER_HELLO_DONE {
            return flight.handle(core, message);
        }
        let exchange = ServerKeyExchange::decode(kind, message.expect(HandshakeType::SERVER_KEY_EXCHANGE)?)?;
        if let Some(params) = exchange.params {
            if !core.config.groups.contains(&params.group) {
                return Err(Error::IllegalParameter("a group that was not offered"));
            }
            if let (Some(key), Some(signature)) = (&self.server_key, exchange.signature) {
                let digest = params.signed_digest(&self.agreed.randoms.client, &self.agreed.randoms.server);
                if !verify_ecdsa(key, &digest, signature) {
                    return Err(Error::Authentication);
                }
            }
            flight.share = Some((params.group, params.public.to_vec()));
        }
        flight.hint = (!exchange.hint.is_empty()).then(|| exchange.hint.to_vec());
        core.absorb(message);
        Ok(ClientState::ServerHelloDone(flight))
    }
}

/// What the server's first flight has said.
pub(crate) struct ServerFlight {
    agreed: Agreed,
    server_key: Option<PublicKey>,
    hint: Option<Vec<u8>>,
    share: Option<(Group, Vec<u8>)>,
    certificate_request: Option<CertificateRequest>,
}

enum Credential<'a> {
    Psk(&'a Psk),
    KeyPair(Option<&'a KeyPair>),
}

impl ServerFlight {
    fn handle(mut self: Box<Self>, core: &mut Core, message: &Message) -> Result<ClientState, Error> {
        if message.message_type == HandshakeType::CERTIFICATE_REQUEST
            && self.server_key.is_some()
            && self.certificate_request.is_none()
        {
            self.certificate_request = Some(CertificateRequest::decode(&message.body)?);
            core.absorb(message);
            return Ok(ClientState::ServerHelloDone(self));
        }
        Reader::new(message.expect(HandshakeType::SERVER_HELLO_DONE)?).finish()?;
        core.absorb(message);
        match self.server_key {
            Some(key) if core.config.verify_peer => {
                core.ask(Question::VerifyPeer(key));
                Ok(ClientState::Verdict(self))
            }
            _ => self.ask_for_credential(core),
        }
    }

    fn ask_for_credential(self: Box<Self>, core: &mut Core) -> Result<ClientState, Error> {
        if self.agreed.suite.key_exchange().uses_psk() {
            core.ask(Question::ClientPsk { hint: self.hint.clone() });
            return Ok(ClientState::Psk(self));
        }
        match &self.certificate_request {
            Some(request) if request.ecdsa_sha256 && self.agreed.client_raw_key => {
                core.ask(Question::KeyPair);
                Ok(ClientState::KeyPair(self))
            }
            _ => self.reply(core, Credential::KeyPair(None)),
        }
    }

    /// Sends everything up to our Finished.
    fn reply(&self, core: &mut Core, credential: Credential<'_>) -> Result<ClientState, Error> {
        let Agreed { suite, randoms, .. } = self.agreed;
        core.begin_flight();
        if let (Some(_), Credential::KeyPair(pair)) = (&self.certificate_request, &credential) {
            let certificate = Certificate { key: pair.map(|pair| *pair.public()) };
            core.send(HandshakeType::CERTIFICATE, certificate.encode());
        }
        let ephemeral = match &self.share {
            Some((group, _)) => Some(KeyExchange::generate(*group, &*core.config.random)?),
            None => None,
        };
        let mut message = ClientKeyExchange::default();
        let mut premaster = None;
        if let (Some(ephemeral), Some((_, peer))) = (&ephemeral, &self.share) {
            message.public = ephemeral.public();
            premaster = Some(ephemeral.agree(peer)?);
        }
        if let Credential::Psk(psk) = credential {
            message.identity = psk.identity();
            premaster =
                Some(premaster.map_or_else(|| PreMasterSecret::psk(psk.key()), |shared| shared.with_psk(psk.key())));
        }
        core.send(HandshakeType::CLIENT_KEY_EXCHANGE, message.encode(suite.key_exchange()));
        let session_hash = self.agreed.extended_master_secret.then_some(&core.transcript);
        let schedule = KeySchedule::new(suite, &premaster.ok_or(Error::Crypto)?, &randoms, session_hash)?;
        if let Credential::KeyPair(Some(pair)) = credential {
            let signature = pair.sign(&core.transcript.sha256())?;
            let verify = CertificateVerify { signature: &signature };
            core.send(HandshakeType::CERTIFICATE_VERIFY, verify.encode());
        }
        core.install(schedule.record_keys(Role::Client, &randoms)?);
        core.send_finished(schedule.verify_data(Role::Client, &core.transcript)?);
        let peer = match (credential, self.server_key) {
            (Credential::Psk(psk), _) => PeerIdentity::Psk(psk.identity().into()),
            (Credential::KeyPair(_), Some(key)) => PeerIdentity::RawPublicKey(Box::new(key)),
            (Credential::KeyPair(_), None) => PeerIdentity::Anonymous,
        };
        let info = Info { suite, extended_master_secret: self.agreed.extended_master_secret, peer };
        Ok(ClientState::Finished(Box::new(ExpectFinished { schedule, info })))
    }
}

pub(crate) struct ExpectFinished {
    schedule: KeySchedule,
    info: Info,
}

impl ExpectFinished {
    fn handle(self: Box<Self>, core: &mut Core, message: &Message) -> Result<ClientState, Error> {
        let expected = self.schedule.verify_data(Role::Server, &core.transcript)?;
        if !constant_time_eq(message.expect(HandshakeType::FINISHED)?, &expected) {
            return Err(Error::Authentication);
        }
        core.completed = Some(Completed { info: self.info.clone(), last_flight: None });
        Ok(ClientState::Finished(self))
    }
}

fn send_client_hello(core: &mut Core, random: &Random, cookie: &[u8], suites: &[Suite]) -> Message {
    let body = encode_client_hello(random, cookie, suites, &core.config.groups);
    let message = Message { message_type: HandshakeType::CLIENT_HELLO, message_seq: core.next_seq, body };
    core.send_outside_transcript(message.message_type, &message.body);
    message
}
