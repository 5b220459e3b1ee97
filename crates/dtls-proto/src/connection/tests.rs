//! Peers that know the keys and misbehave, which no proxy can be.

use std::cell::Cell;

use super::*;
use crate::credential::Psk;
use crate::error::Error;
use crate::listener::{Hello, Listener};

const KINDS: CredentialKinds = CredentialKinds { psk: true, ecdsa: false };

fn answer() -> Answer {
    Answer::Psk(Some(Psk::new(b"device", b"secret").unwrap()))
}

struct Side {
    connection: Connection,
    received: Vec<Vec<u8>>,
    closed: Option<CloseReason>,
}

impl Side {
    fn new(connection: Connection) -> Self {
        Self { connection, received: Vec::new(), closed: None }
    }

    /// Lets `step` run, answers what it asks, and returns what is to be sent.
    fn run(&mut self, now: Instant, step: impl FnOnce(&mut Connection, Sink<'_>)) -> Vec<Vec<u8>> {
        let asked = Cell::new(None);
        let (received, closed) = (&mut self.received, &mut self.closed);
        let mut sink = |event: Event<'_>| match event {
            Event::Received(message) => received.push(message.to_vec()),
            Event::Closed(reason) => *closed = Some(reason),
            Event::Question(id, _) => asked.set(Some(id)),
            Event::Established => {}
        };
        step(&mut self.connection, &mut sink);
        while let Some(id) = asked.take() {
            self.connection.answer(now, id, answer(), &mut sink).unwrap();
        }
        let mut out = Vec::new();
        let mut datagram = Vec::new();
        while self.connection.poll_transmit(now, &mut datagram) {
            out.push(std::mem::take(&mut datagram));
        }
        out
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8]) -> Vec<Vec<u8>> {
        self.run(now, |connection, sink| connection.handle_datagram(now, datagram, sink))
    }

    /// Seals a record of any type, as a peer that is not to be trusted may.
    fn seal(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let State::Established(established) = &mut self.connection.state else { panic!("not established") };
        let mut out = Vec::new();
        established.sealing.seal(content_type, &[content], &mut out).unwrap();
        out
    }

    /// The type and the content of a sealed record that this side can open.
    fn open(&mut self, mut record: Vec<u8>) -> (ContentType, Vec<u8>) {
        let State::Established(established) = &mut self.connection.state else { panic!("not established") };
        let (header, fragment) = Header::decode(&record).unwrap();
        let plaintext = established.opening.open(&header, &mut record[fragment.clone()]).unwrap();
        (header.content_type, record[fragment][plaintext].to_vec())
    }
}

/// A client and a server; `meddle` sees the client before it sends its last flight.
fn pair(meddle: impl FnOnce(&mut Connection)) -> (Side, Side, Instant) {
    let now = Instant::now();
    let config = Arc::new(Config::default());
    let mut listener = Listener::new(Arc::clone(&config), now).unwrap();
    let mut client = Side::new(Connection::client(&config, KINDS, now).unwrap());
    let mut reply = Vec::new();
    let hello = client.run(now, |_, _| ()).remove(0);
    assert!(matches!(listener.handle(now, b"peer", &hello, &mut reply), Hello::VerifyRequest));
    let hello = client.receive(now, &mut reply).remove(0);
    let Hello::Verified(hello) = listener.handle(now, b"peer", &hello, &mut Vec::new()) else { panic!("no cookie") };
    let accepted = &mut |event: Event<'_>| assert!(!matches!(event, Event::Closed(_)));
    let mut server = Side::new(Connection::server(&config, KINDS, None, &hello, now, accepted));
    let mut flight = server.run(now, |_, _| ());

    // The client answers its question at once, so its last flight is ready before it is sent.
    let mut question = None;
    for datagram in &mut flight {
        client.connection.handle_datagram(now, datagram, &mut |event| {
            if let Event::Question(id, _) = event {
                question = Some(id);
            }
        });
    }
    client.connection.answer(now, question.unwrap(), answer(), &mut |_| ()).unwrap();
    meddle(&mut client.connection);
    for mut datagram in client.run(now, |_, _| ()) {
        for mut back in server.receive(now, &mut datagram) {
            client.receive(now, &mut back);
        }
    }
    (client, server, now)
}

fn established() -> (Side, Side, Instant) {
    let (client, server, now) = pair(|_| ());
    assert!(client.connection.is_established() && server.connection.is_established());
    (client, server, now)
}

#[test]
fn a_finished_with_other_verify_data_is_refused_with_decrypt_error() {
    let (client, server, _) = pair(|client| {
        let State::Handshaking(handshake) = &mut client.state else { panic!("established") };
        handshake.core.flight.spoil_last_message();
    });
    assert_eq!(server.closed, Some(CloseReason::Refused(Error::Authentication)));
    assert_eq!(client.closed, Some(CloseReason::PeerAlert(crate::AlertDescription::DECRYPT_ERROR)));
}

#[test]
fn renegotiation_is_refused_either_way_and_the_session_goes_on() {
    let (mut client, mut server, now) = established();
    let message =
        |message_type| Fragment { message_type, length: 0, message_seq: 0, offset: 0, body: &[] }.header().to_vec();
    let no_renegotiation = (ContentType::Alert, Alert::NO_RENEGOTIATION.encode().to_vec());

    let mut hello = client.seal(ContentType::Handshake, &message(HandshakeType::CLIENT_HELLO));
    let answer = server.receive(now, &mut hello).remove(0);
    assert_eq!(client.open(answer), no_renegotiation);

    let mut request = server.seal(ContentType::Handshake, &message(HandshakeType::HELLO_REQUEST));
    let answer = client.receive(now, &mut request).remove(0);
    assert_eq!(server.open(answer), no_renegotiation);

    let mut data = client.seal(ContentType::ApplicationData, b"still here");
    assert!(server.receive(now, &mut data).is_empty());
    assert_eq!(server.received, [b"still here"]);
}

#[test]
fn what_has_no_place_after_the_handshake_is_dropped_and_the_session_goes_on() {
    let (mut client, mut server, now) = established();
    let stray =
        |message_type| Fragment { message_type, length: 0, message_seq: 9, offset: 0, body: &[] }.header().to_vec();
    let dropped = [
        (ContentType::ChangeCipherSpec, vec![1]),
        (ContentType::Handshake, stray(HandshakeType::SERVER_HELLO_DONE)),
        (ContentType::Handshake, stray(HandshakeType(77))),
        (ContentType::Handshake, vec![1, 2, 3]),
        (ContentType::Alert, vec![]),
        (ContentType::Alert, vec![1, 0, 1, 0]),
    ];
    for (content_type, content) in &dropped {
        let mut record = client.seal(*content_type, content);
        assert!(server.receive(now, &mut record).is_empty(), "{content_type:?} {content:?}");
        assert!(server.connection.is_established());
    }
    let discards: u32 = server.connection.take_discards().iter().map(|(_, count)| count).sum();
    assert_eq!(discards, dropped.len() as u32);
    // A warning is no reason to drop anything.
    let mut warning = client.seal(ContentType::Alert, &[1, 100]);
    assert!(server.receive(now, &mut warning).is_empty());
    assert!(server.connection.is_established());
}

#[test]
fn a_repeated_finished_gets_the_last_flight_again() {
    let (mut client, mut server, now) = established();
    let finished =
        Fragment { message_type: HandshakeType::FINISHED, length: 0, message_seq: 3, offset: 0, body: &[] }.header();
    let mut record = client.seal(ContentType::Handshake, &finished);
    let mut flight = server.receive(now, &mut record).remove(0);
    let (header, fragment) = Header::decode(&flight).unwrap();
    assert_eq!((header.content_type, header.epoch), (ContentType::ChangeCipherSpec, 0));
    let (content_type, content) = client.open(flight.split_off(fragment.end));
    assert_eq!(content_type, ContentType::Handshake);
    let message = Fragment::decode(&mut Reader::new(&content)).unwrap();
    assert_eq!((message.message_type, message.length), (HandshakeType::FINISHED, 12));
}

#[test]
fn a_sealed_fatal_alert_ends_the_session_and_is_not_answered() {
    let (mut client, mut server, now) = established();
    let mut alert = client.seal(ContentType::Alert, &[2, 80]);
    assert!(server.receive(now, &mut alert).is_empty());
    assert_eq!(server.closed, Some(CloseReason::PeerAlert(crate::AlertDescription::INTERNAL_ERROR)));
}

#[test]
fn a_session_whose_numbers_are_used_up_sends_nothing_but_its_close_notify() {
    let (mut client, mut server, now) = established();
    let State::Established(established) = &mut client.connection.state else { panic!("not established") };
    established.sealing.skip_to((1 << 48) - 1);
    let mut out = Vec::new();
    assert_eq!(client.connection.seal(&[b"one more"], &mut out), Err(SendError::Exhausted));
    assert!(out.is_empty());
    let mut goodbye = client.run(now, |connection, sink| connection.close(CloseReason::Local, sink)).remove(0);
    server.receive(now, &mut goodbye);
    assert_eq!(server.closed, Some(CloseReason::PeerClosed));
}
