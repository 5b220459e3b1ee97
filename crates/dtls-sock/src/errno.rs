//! Results as RIOT gives them: errno values of the host.

use std::io;

/// A result with an errno-style error.
pub type Result<T> = std::result::Result<T, Errno>;

macro_rules! errnos {
    ($($(#[$doc:meta])* $variant:ident = $code:ident, $text:literal;)+) => {
        /// Why a call failed; the codes of RIOT's sock API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum Errno {
            $($(#[$doc])* #[error($text)] $variant,)+
        }

        impl Errno {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The host's positive value.
            pub fn code(self) -> i32 {
                match self {
                    $(Self::$variant => libc::$code,)+
                }
            }

            /// The name in `errno.h`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($code),)+
                }
            }

            /// The code with this host value, if it is one of these.
            fn from_code(code: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|errno| errno.code() == code)
            }
        }
    };
}

errnos! {
    /// The local endpoint is in use, or a DTLS sock's UDP sock has none.
    AddrInUse = EADDRINUSE, "the local endpoint is in use, or there is none";
    /// There is no local endpoint.
    AddrNotAvail = EADDRNOTAVAIL, "there is no local endpoint";
    /// The address family is not supported.
    AfNoSupport = EAFNOSUPPORT, "the address family is not supported";
    /// Nothing is there, and waiting was not asked for.
    Again = EAGAIN, "nothing is there now";
    /// We refused the peer.
    ConnAborted = ECONNABORTED, "the peer was refused";
    /// The peer refused us.
    ConnRefused = ECONNREFUSED, "the peer refused";
    /// The peer ended an established session.
    ConnReset = ECONNRESET, "the peer ended the session";
    /// There is no way to the peer.
    HostUnreach = EHOSTUNREACH, "the peer cannot be reached";
    /// An argument is invalid, or the sock is closed.
    Inval = EINVAL, "an argument is invalid, or the sock is closed";
    /// The message is too long.
    MsgSize = EMSGSIZE, "the message is too long";
    /// The buffer is shorter than the message.
    NoBufs = ENOBUFS, "the buffer is shorter than the message";
    /// A limit is reached.
    NoMem = ENOMEM, "a limit is reached";
    /// There is no established session, or no remote endpoint.
    NotConn = ENOTCONN, "there is no established session";
    /// The sender is not the remote endpoint of the sock.
    Proto = EPROTO, "the sender is not the remote endpoint";
    /// The time is up.
    TimedOut = ETIMEDOUT, "the time is up";
    /// `SOCK_DTLS_HANDSHAKE`: a handshake is complete. Not a failure.
    Handshake = EXDEV, "a handshake is complete";
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::Again,
            io::ErrorKind::AddrInUse => Self::AddrInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddrNotAvail,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                Self::HostUnreach
            }
            io::ErrorKind::ConnectionRefused => Self::ConnRefused,
            io::ErrorKind::OutOfMemory => Self::NoMem,
            _ => match error.raw_os_error() {
                // No descriptor is left for another socket.
                Some(libc::EMFILE | libc::ENFILE) => Self::NoMem,
                code => code.and_then(Self::from_code).unwrap_or(Self::Inval),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_the_hosts_and_has_its_name() {
        assert_eq!((Errno::Handshake.code(), Errno::Handshake.name()), (libc::EXDEV, "EXDEV"));
        for errno in Errno::ALL {
            assert_eq!(Errno::from(io::Error::from_raw_os_error(errno.code())).code(), errno.code());
        }
    }

    #[test]
    fn an_error_without_a_code_here_is_invalid() {
        assert_eq!(Errno::from(io::Error::other("anything")), Errno::Inval);
    }
}
