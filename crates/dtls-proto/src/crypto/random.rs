//! Where random bytes come from.

use crate::error::Error;

/// A source of random bytes. A test hands in a seeded one and can replay an exchange; everything else uses
/// [`SystemRandom`].
pub trait SecureRandom: Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the source fails; the handshake that asked then fails.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

/// The generator of aws-lc, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        Ok(aws_lc_rs::rand::fill(out)?)
    }
}
