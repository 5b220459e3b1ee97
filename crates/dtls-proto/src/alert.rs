//! The alert protocol (RFC 5246 section 7.2).

use std::fmt;

/// What an alert says. Values this engine does not know are kept as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

macro_rules! descriptions {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)+) => {
        impl AlertDescription {
            $($(#[$doc])* pub const $name: Self = Self($value);)+

            /// The name RFC 5246 and its extensions give this alert, `"unknown"` for a value without one.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($value => $text,)+
                    _ => "unknown",
                }
            }
        }
    };
}

descriptions! {
    /// The sender will send no more (RFC 5246 section 7.2.1).
    CLOSE_NOTIFY = 0, "close_notify";
    /// A message came that was not due.
    UNEXPECTED_MESSAGE = 10, "unexpected_message";
    /// A record did not authenticate.
    BAD_RECORD_MAC = 20, "bad_record_mac";
    /// A record was longer than it may be.
    RECORD_OVERFLOW = 22, "record_overflow";
    /// No acceptable set of parameters.
    HANDSHAKE_FAILURE = 40, "handshake_failure";
    /// The public key of the peer is not one that may connect.
    BAD_CERTIFICATE = 42, "bad_certificate";
    /// No certificate type in common (RFC 7250 section 4.2).
    UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate";
    /// A field was out of range or contradicts another.
    ILLEGAL_PARAMETER = 47, "illegal_parameter";
    /// A message could not be decoded.
    DECODE_ERROR = 50, "decode_error";
    /// A signature, a Finished or a pre-shared key was wrong.
    DECRYPT_ERROR = 51, "decrypt_error";
    /// The version is not spoken here.
    PROTOCOL_VERSION = 70, "protocol_version";
    /// Something failed that is not the peer's fault.
    INTERNAL_ERROR = 80, "internal_error";
    /// The user gave up during the handshake.
    USER_CANCELED = 90, "user_canceled";
    /// Renegotiation is refused (RFC 5246 section 7.2.2).
    NO_RENEGOTIATION = 100, "no_renegotiation";
    /// The server answered an extension that was not offered.
    UNSUPPORTED_EXTENSION = 110, "unsupported_extension";
    /// The identity is not known (RFC 4279 section 2); never sent here, see [`Error::Authentication`](crate::Error).
    UNKNOWN_PSK_IDENTITY = 115, "unknown_psk_identity";
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "alert {}", self.0),
            name => f.write_str(name),
        }
    }
}

impl fmt::Debug for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An alert as it stands in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) fatal: bool,
    pub(crate) description: AlertDescription,
}

impl Alert {
    pub(crate) const CLOSE_NOTIFY: Self = Self { fatal: false, description: AlertDescription::CLOSE_NOTIFY };
    pub(crate) const NO_RENEGOTIATION: Self = Self { fatal: false, description: AlertDescription::NO_RENEGOTIATION };

    pub(crate) fn fatal(description: AlertDescription) -> Self {
        Self { fatal: true, description }
    }

    /// `None` for anything but exactly one alert: DTLS alerts are never fragmented (RFC 6347 section 4.1.2.7 lets
    /// such a record be dropped).
    pub(crate) fn decode(fragment: &[u8]) -> Option<Self> {
        match *fragment {
            [level @ (1 | 2), description] => {
                Some(Self { fatal: level == 2, description: AlertDescription(description) })
            }
            _ => None,
        }
    }

    pub(crate) fn encode(self) -> [u8; 2] {
        [1 + u8::from(self.fatal), self.description.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_reads_back_and_anything_else_is_none() {
        for alert in [Alert::CLOSE_NOTIFY, Alert::fatal(AlertDescription::DECRYPT_ERROR)] {
            assert_eq!(Alert::decode(&alert.encode()), Some(alert));
        }
        for junk in [&[][..], &[2], &[0, 0], &[3, 0], &[2, 0, 0]] {
            assert_eq!(Alert::decode(junk), None);
        }
    }

    #[test]
    fn unknown_descriptions_are_shown_by_number() {
        assert_eq!(AlertDescription(203).to_string(), "alert 203");
        assert_eq!(AlertDescription::DECRYPT_ERROR.to_string(), "decrypt_error");
    }
}
