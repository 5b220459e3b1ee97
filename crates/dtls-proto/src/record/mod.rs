//! The record layer (RFC 6347 section 4.1): headers, the replay window, sealing and opening.

mod header;
mod protection;
mod replay;

pub(crate) use header::{ContentType, HEADER_LEN, Header, MAX_PLAINTEXT, Version};
pub(crate) use protection::{KeyMaterial, OpeningKey, PlaintextWriter, SealingKey};
