//! ClientHello (RFC 5246 section 7.4.1.2 with the cookie of RFC 6347 section 4.2.1).

use crate::codec::{Reader, Writer, u16_list};
use crate::crypto::Group;
use crate::error::Error;
use crate::message::Random;
use crate::message::extension::{
    CertificateType, SignatureScheme, UNCOMPRESSED, each_extension, id, put_extension, read_renegotiation_info,
};
use crate::record::Version;
use crate::suite::Suite;

/// A received ClientHello; its extensions are read by [`ClientHello::offer`], after the cookie is known to be good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientHello<'a> {
    pub(crate) version: Version,
    pub(crate) random: &'a Random,
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
    pub(crate) suites: &'a [u8],
    pub(crate) compression_methods: &'a [u8],
    extensions: Reader<'a>,
}

impl<'a> ClientHello<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let version = Version(reader.u16()?);
        let random = reader.take(32)?.try_into().map_err(|_| Error::Decode)?;
        let session_id = reader.vec8()?;
        let cookie = reader.vec8()?;
        let suites = reader.vec16()?;
        let compression_methods = reader.vec8()?;
        if session_id.len() > 32 || suites.is_empty() || !suites.len().is_multiple_of(2) {
            return Err(Error::Decode);
        }
        Ok(Self { version, random, session_id, cookie, suites, compression_methods, extensions: reader })
    }

    /// What the client offers, for the choice of parameters.
    pub(crate) fn offer(&self) -> Result<ClientOffer, Error> {
        if !self.version.includes_dtls_1_2() {
            return Err(Error::ProtocolVersion);
        }
        if !self.compression_methods.contains(&0) {
            return Err(Error::IllegalParameter("the null compression method is missing"));
        }
        let mut offer = ClientOffer {
            suites: u16_list(self.suites)?.filter_map(Suite::from_id).collect(),
            renegotiation_info: u16_list(self.suites)?.any(|suite| suite == Suite::EMPTY_RENEGOTIATION_INFO_SCSV),
            // Without the extension the choice is the server's (RFC 8422 section 4).
            groups: Group::ALL.to_vec(),
            uncompressed_points: true,
            ecdsa_sha256: true,
            ..ClientOffer::default()
        };
        each_extension(&mut { self.extensions }, |extension, body| offer.read_extension(extension, body))?;
        Ok(offer)
    }
}

/// What a ClientHello offers of the things that are spoken here.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientOffer {
    pub(crate) suites: Vec<Suite>,
    pub(crate) groups: Vec<Group>,
    pub(crate) uncompressed_points: bool,
    /// Whether the client sent ec_point_formats, which the server then answers.
    pub(crate) sent_point_formats: bool,
    /// Signatures with ECDSA and SHA-256. True without the extension: the CCM suites of RFC 7251 are newer than
    /// SHA-1 defaults, and constrained clients leave it out.
    pub(crate) ecdsa_sha256: bool,
    /// Whether the client can send a raw public key, and take one. `None`: it did not say, so X.509 is meant.
    pub(crate) client_raw_key: Option<bool>,
    pub(crate) server_raw_key: Option<bool>,
    pub(crate) extended_master_secret: bool,
    pub(crate) renegotiation_info: bool,
}

impl ClientOffer {
    fn read_extension(&mut self, extension: u16, mut body: Reader<'_>) -> Result<(), Error> {
        match extension {
            id::SUPPORTED_GROUPS => {
                self.groups = u16_list(body.vec16()?)?.filter_map(Group::from_id).collect();
            }
            id::EC_POINT_FORMATS => {
                self.sent_point_formats = true;
                self.uncompressed_points = body.vec8()?.contains(&UNCOMPRESSED);
            }
            id::SIGNATURE_ALGORITHMS => {
                let mut schemes = u16_list(body.vec16()?)?;
                self.ecdsa_sha256 = schemes.any(|scheme| SignatureScheme(scheme) == SignatureScheme::ECDSA_SHA256);
            }
            id::CLIENT_CERTIFICATE_TYPE => {
                self.client_raw_key = Some(body.vec8()?.contains(&CertificateType::RAW_PUBLIC_KEY.0));
            }
            id::SERVER_CERTIFICATE_TYPE => {
                self.server_raw_key = Some(body.vec8()?.contains(&CertificateType::RAW_PUBLIC_KEY.0));
            }
            id::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            id::RENEGOTIATION_INFO => {
                self.renegotiation_info = true;
                return read_renegotiation_info(body);
            }
            _ => return Ok(()),
        }
        body.finish()
    }
}

/// Writes the body of our ClientHello; the same arguments give the same bytes, as the second one must repeat the
/// first but for its cookie (RFC 6347 section 4.2.1).
pub(crate) fn encode(random: &Random, cookie: &[u8], suites: &[Suite], groups: &[Group]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.put_u16(Version::DTLS_1_2.0);
    out.put(random);
    out.put_vec8(|_| ());
    out.put_vec8(|out| out.put(cookie));
    out.put_vec16(|out| suites.iter().for_each(|suite| out.put_u16(suite.id())));
    out.put_vec8(|out| out.put_u8(0));
    let ecdhe = suites.iter().any(|suite| suite.key_exchange().uses_ecdhe());
    let signed = suites.iter().any(|suite| !suite.key_exchange().uses_psk());
    out.put_vec16(|out| {
        put_extension(out, id::RENEGOTIATION_INFO, |out| out.put_u8(0));
        put_extension(out, id::EXTENDED_MASTER_SECRET, |_| ());
        if ecdhe {
            put_extension(out, id::SUPPORTED_GROUPS, |out| {
                out.put_vec16(|out| groups.iter().for_each(|group| out.put_u16(group.id())));
            });
            put_extension(out, id::EC_POINT_FORMATS, |out| out.put_vec8(|out| out.put_u8(UNCOMPRESSED)));
        }
        if signed {
            put_extension(out, id::SIGNATURE_ALGORITHMS, |out| {
                out.put_vec16(|out| out.put_u16(SignatureScheme::ECDSA_SHA256.0));
            });
            for side in [id::CLIENT_CERTIFICATE_TYPE, id::SERVER_CERTIFICATE_TYPE] {
                put_extension(out, side, |out| out.put_vec8(|out| out.put_u8(CertificateType::RAW_PUBLIC_KEY.0)));
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::from_hex;
    use crate::message::{Fragment, HandshakeType};
    use crate::record::Header;

    #[test]
    fn what_we_offer_reads_back() {
        let body = encode(&[7; 32], b"cookie", Suite::ALL, &Group::ALL);
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!((hello.random, hello.cookie, hello.session_id), (&[7; 32], &b"cookie"[..], &[][..]));
        let offer = hello.offer().unwrap();
        assert_eq!(offer.suites, Suite::ALL);
        assert_eq!(offer.groups, Group::ALL);
        assert!(offer.extended_master_secret && offer.renegotiation_info && offer.ecdsa_sha256);
        assert_eq!((offer.client_raw_key, offer.server_raw_key), (Some(true), Some(true)));
    }

    #[test]
    fn a_psk_only_hello_names_no_groups_and_no_certificate_types() {
        let body = encode(&[7; 32], b"", &[Suite::PSK_WITH_AES_128_CCM_8], &Group::ALL);
        let offer = ClientHello::decode(&body).unwrap().offer().unwrap();
        assert_eq!((offer.client_raw_key, offer.sent_point_formats), (None, false));
    }

    #[test]
    fn our_hello_with_every_suite_and_our_cookie_fits_the_smallest_mtu() {
        assert!(encode(&[7; 32], &[0; 32], Suite::ALL, &Group::ALL).len() + 12 + 13 + 48 <= 256);
    }

    #[test]
    fn dtls_1_0_and_a_duplicate_extension_are_refused() {
        let mut body = encode(&[7; 32], b"", &[Suite::PSK_WITH_AES_128_CCM_8], &Group::ALL);
        body[1] = 0xff;
        assert_eq!(ClientHello::decode(&body).unwrap().offer().err(), Some(Error::ProtocolVersion));
        body[1] = 0xfd;
        let len = body.len();
        body[len - 13 + 3] += 4;
        assert!(ClientHello::decode(&body).unwrap().offer().is_err());
    }

    fn captured(datagram: &str) -> Vec<u8> {
        let datagram = from_hex(datagram);
        let (_, fragment) = Header::decode(&datagram).unwrap();
        let message = Fragment::decode(&mut Reader::new(&datagram[fragment])).unwrap();
        assert!(message.is_whole() && message.message_type == HandshakeType::CLIENT_HELLO);
        message.body.to_vec()
    }

    #[test]
    fn the_hello_of_openssl_is_understood() {
        let body = captured(
            "16feff000000000000000000960100008a000000000000008afefdb68e32168293ae4ffb0f2e85d636726d1ed2218b11
             eaeb9fbf8ea7fc6083533300000008c0a800a8ccac00ff01000058000b000403000102000a000c000a001d0017001e00
             190018002300000016000000170000000d0030002e040305030603080708080809080a080b0804080508060401050106
             01030302030301020103020202040205020602",
        );
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!((hello.version, hello.cookie), (Version::DTLS_1_2, &[][..]));
        assert_eq!(hello.random[..4], [0xb6, 0x8e, 0x32, 0x16]);
        let offer = hello.offer().unwrap();
        let suites = [
            Suite::PSK_WITH_AES_128_CCM_8,
            Suite::PSK_WITH_AES_128_GCM_SHA256,
            Suite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
        ];
        assert_eq!(offer.suites, suites);
        assert_eq!(offer.groups, [Group::X25519, Group::Secp256r1]);
        // It says so with the signalling suite of RFC 5746, not with the extension.
        assert!(offer.renegotiation_info && offer.extended_master_secret && offer.sent_point_formats);
        assert_eq!((offer.client_raw_key, offer.server_raw_key), (None, None));
    }

    #[test]
    fn the_hello_of_gnutls_with_raw_public_keys_is_understood() {
        let body = captured(
            "16fefd000000000000000000a2010000960000000000000096fefdbbc0e2044eb866e538d90fba07dfb9ea1d7ba59191
             f1584eaf26c0a94b9e8bf500000004c0aec02b01000068000500050100000000001300020102001400020102000a000c
             000a001700180019001d001e000b00020100000d00220020040108090804040308070501080a0805050308080601080b
             0806060302010203001600000017000000230000ff01000100001c00024000",
        );
        let offer = ClientHello::decode(&body).unwrap().offer().unwrap();
        let suites = [Suite::ECDHE_ECDSA_WITH_AES_128_CCM_8, Suite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
        assert_eq!(offer.suites, suites);
        assert_eq!(offer.groups, [Group::Secp256r1, Group::X25519]);
        assert_eq!((offer.client_raw_key, offer.server_raw_key), (Some(true), Some(true)));
        assert!(offer.renegotiation_info && offer.extended_master_secret && offer.ecdsa_sha256);
    }
}
