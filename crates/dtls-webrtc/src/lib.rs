//! The crate `dtls` of webrtc-rs as an engine of `dtls-sock`: a second implementation behind the same API, to compare
//! with and to test against.
//!
//! It speaks plain PSK suites with AES-128, with an identity that is fixed before the server's hint is known. What else
//! a sock could ask for is refused when the sock is created or the credential is added; see `docs/engines.md`.
//!
//! | module | what it is |
//! |---|---|
//! | `transport` | datagrams in and out of the crate, and what can be seen of a handshake on the way |
//! | `handshake` | the crate's configuration, credentials, and how a handshake ends |
//! | `session` | the tasks of a session |

#![forbid(unsafe_code)]

mod handshake;
mod session;
mod transport;

use dtls::cipher_suite::CipherSuiteId;
use dtls_sock::{Begin, Credentials, Engine, EngineSession, Errno, Options, Result, Suite};

/// The suites that the crate and `dtls-sock` have in common and that need no certificate.
const SUITES: [(Suite, CipherSuiteId); 3] = [
    (Suite::PSK_WITH_AES_128_GCM_SHA256, CipherSuiteId::Tls_Psk_With_Aes_128_Gcm_Sha256),
    (Suite::PSK_WITH_AES_128_CCM, CipherSuiteId::Tls_Psk_With_Aes_128_Ccm),
    (Suite::PSK_WITH_AES_128_CCM_8, CipherSuiteId::Tls_Psk_With_Aes_128_Ccm_8),
];

/// The engine: the crate `dtls`.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebrtcDtls;

impl Engine for WebrtcDtls {
    /// The crate does not look at renegotiation_info (RFC 5746), so it cannot insist on it; and one of its suites must
    /// be allowed.
    fn check_options(&self, options: &Options) -> Result<()> {
        if options.force_renegotiation_info || suites(options).is_empty() {
            return Err(Errno::Inval);
        }
        Ok(())
    }

    /// No raw public keys (RFC 7250), and with them no PSK beside ECDSA; and the identity is chosen before the hint
    /// comes.
    fn check_credentials(&self, credentials: Credentials) -> Result<()> {
        if credentials.ecdsa || credentials.psk_with_hint { Err(Errno::Inval) } else { Ok(()) }
    }

    fn begin(&self, begin: Begin<'_>) -> Box<dyn EngineSession> {
        Box::new(session::Session::begin(begin))
    }
}

/// The suites that the options allow and the crate speaks, in the order of the options.
fn suites(options: &Options) -> Vec<CipherSuiteId> {
    let spoken = |suite: &Suite| SUITES.iter().find(|(ours, _)| ours == suite).map(|(_, theirs)| *theirs);
    options.suites.iter().filter_map(spoken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_crate_cannot_do_is_refused() {
        let relaxed = Options { force_renegotiation_info: false, ..Options::default() };
        assert_eq!(WebrtcDtls.check_options(&relaxed), Ok(()));
        assert_eq!(WebrtcDtls.check_options(&Options::default()), Err(Errno::Inval));
        let suites = vec![Suite::ECDHE_PSK_WITH_AES_128_GCM_SHA256, Suite::PSK_WITH_AES_256_CCM_8];
        assert_eq!(WebrtcDtls.check_options(&Options { suites, ..relaxed }), Err(Errno::Inval));
    }

    #[test]
    fn only_plain_psk_credentials_are_taken() {
        let psk = Credentials { psk: true, ..Credentials::default() };
        assert_eq!(WebrtcDtls.check_credentials(psk), Ok(()));
        assert_eq!(WebrtcDtls.check_credentials(Credentials::default()), Ok(()));
        for refused in [Credentials { ecdsa: true, ..psk }, Credentials { psk_with_hint: true, ..psk }] {
            assert_eq!(WebrtcDtls.check_credentials(refused), Err(Errno::Inval));
        }
    }

    #[test]
    fn suites_keep_the_order_of_the_options() {
        let suites =
            vec![Suite::PSK_WITH_AES_128_CCM_8, Suite::PSK_WITH_AES_256_CCM, Suite::PSK_WITH_AES_128_GCM_SHA256];
        let chosen = super::suites(&Options { suites, ..Options::default() });
        assert_eq!(chosen, [CipherSuiteId::Tls_Psk_With_Aes_128_Ccm_8, CipherSuiteId::Tls_Psk_With_Aes_128_Gcm_Sha256]);
    }
}
