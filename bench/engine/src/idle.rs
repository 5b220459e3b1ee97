//! Resident bytes of idle server sessions, clients gone: one subject and suite a process, as memory that one has freed
//! would serve the next.

use serde_json::json;

use crate::subject::Aead;
use crate::{subjects, tell};

/// Sessions before the first measurement.
const WARM_UP: usize = 100;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

pub fn run(subject: &str, aead: &str, sessions: usize) {
    let (_, aead) = Aead::ALL.into_iter().find(|(name, _)| *name == aead).expect("an AEAD");
    let subject = subjects().into_iter().find(|known| known.name() == subject).expect("a subject");
    let Some(mut open) = subject.idle(aead) else { return };
    let mut held = Vec::with_capacity(WARM_UP + sessions);
    held.resize_with(WARM_UP, &mut open);
    let before = resident();
    held.extend((0..sessions).map(|_| open()));
    let each = resident().saturating_sub(before) as f64 / sessions as f64;
    tell(
        &json!({ "group": "idle", "row": format!("{aead:?}"), "subject": subject.name(), "unit": "bytes", "rounds": [each] }),
    );
}
