//! The one task of a sock, unless its owner reads: datagrams in.

use std::sync::Arc;

use crate::sock::inner::Inner;

pub(crate) async fn drive(inner: Arc<Inner>) {
    while !inner.is_closed() {
        tokio::select! {
            biased;
            () = inner.nudge.notified() => {}
            () = inner.udp.closed() => break,
            result = inner.udp.readable() => {
                if result.is_err() {
                    break;
                }
                let more = inner.receive();
                inner.inbox.wake();
                if more {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    // Closed, or the UDP sock was closed beneath it: nothing can be received any more.
    inner.end_all();
    inner.inbox.close();
}
