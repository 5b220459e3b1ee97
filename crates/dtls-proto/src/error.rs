//! Why a handshake fails, and which alert says so.

use crate::alert::AlertDescription;
use crate::credential::CredentialError;

/// What ends a handshake, or an association, from our side.
///
/// Each names the one alert that goes to the peer ([`Error::alert`]); states only return errors, the connection alone
/// sends alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A handshake message could not be decoded.
    #[error("a handshake message could not be decoded")]
    Decode,
    /// A handshake message came that was not due.
    #[error("a handshake message came that was not due")]
    UnexpectedMessage,
    /// A field contradicts what was offered or what the RFC allows.
    #[error("illegal parameter: {0}")]
    IllegalParameter(&'static str),
    /// There is no acceptable set of parameters.
    #[error("no common parameters: {0}")]
    HandshakeFailure(&'static str),
    /// The peer speaks no version that is spoken here.
    #[error("no common protocol version")]
    ProtocolVersion,
    /// The server answered an extension that was not offered.
    #[error("the server answered an extension that was not offered")]
    UnsupportedExtension,
    /// No certificate type in common: only raw public keys are spoken here.
    #[error("no common certificate type")]
    UnsupportedCertificate,
    /// The peer's public key is malformed, missing where it is required, or not one that may connect.
    #[error("the public key of the peer is not accepted")]
    BadCertificate,
    /// A signature, a Finished or a pre-shared key is wrong, or the identity is unknown: to a guesser the two look
    /// the same (RFC 4279 section 2).
    #[error("the peer did not prove that it knows the key")]
    Authentication,
    /// There is no credential for this handshake.
    #[error("no credential for this handshake")]
    NoCredential,
    /// The random source or a key operation failed.
    #[error("a cryptographic operation failed")]
    Crypto,
}

impl Error {
    /// The alert that tells the peer.
    pub fn alert(&self) -> AlertDescription {
        match self {
            Self::Decode => AlertDescription::DECODE_ERROR,
            Self::UnexpectedMessage => AlertDescription::UNEXPECTED_MESSAGE,
            Self::IllegalParameter(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::HandshakeFailure(_) | Self::NoCredential => AlertDescription::HANDSHAKE_FAILURE,
            Self::ProtocolVersion => AlertDescription::PROTOCOL_VERSION,
            Self::UnsupportedExtension => AlertDescription::UNSUPPORTED_EXTENSION,
            Self::UnsupportedCertificate => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::BadCertificate => AlertDescription::BAD_CERTIFICATE,
            Self::Authentication => AlertDescription::DECRYPT_ERROR,
            Self::Crypto => AlertDescription::INTERNAL_ERROR,
        }
    }
}

impl From<CredentialError> for Error {
    /// Errors of our own credentials; what a peer's key is wrong in becomes [`Error::BadCertificate`] where it is read.
    fn from(_: CredentialError) -> Self {
        Self::Crypto
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

/// Why a record or a datagram was dropped without an answer (RFC 6347 section 4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discard {
    /// The header is cut, or names a content type, version or length that does not exist.
    Malformed,
    /// The record did not authenticate.
    Forged,
    /// The record came before, or is older than the replay window.
    Replayed,
    /// The epoch is not the one in use.
    Epoch,
    /// A handshake fragment contradicts another, or exceeds the reassembly limit.
    Fragment,
    /// Nothing of this kind is due now.
    Unexpected,
}

/// How often each [`Discard`] happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discards([u32; 6]);

impl Discards {
    const ALL: [Discard; 6] = [
        Discard::Malformed,
        Discard::Forged,
        Discard::Replayed,
        Discard::Epoch,
        Discard::Fragment,
        Discard::Unexpected,
    ];

    /// Counts one more.
    pub fn count(&mut self, discard: Discard) {
        let slot = &mut self.0[discard as usize];
        *slot = slot.saturating_add(1);
    }

    /// How often `discard` happened.
    pub fn of(&self, discard: Discard) -> u32 {
        self.0[discard as usize]
    }

    /// Each reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Discard, u32)> + '_ {
        Self::ALL.into_iter().map(|discard| (discard, self.of(discard)))
    }

    /// The counts so far, which then start again at zero.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}
