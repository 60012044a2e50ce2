//! Serves a router whose handlers can end a connection without an answer.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Extension, Router};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

const HANG_MAX: Duration = Duration::from_mins(2);
/// How long [`Running::stop`] waits for answers in flight.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A server at work. Dropping it stops it too, without waiting for answers in flight.
#[derive(Debug)]
pub struct Running {
    pub addr: SocketAddr,
    stopping: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// `http://<addr>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Takes no more connections, ends hung ones, and waits up to two seconds for answers in flight.
    pub async fn stop(self) {
        let Self {
            stopping, mut task, ..
        } = self;
        drop(stopping);
        if tokio::time::timeout(STOP_GRACE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Serves `router` on `listener` until the result is stopped or dropped. Must be called within a tokio runtime.
///
/// The stand-ins' routers need this server: a fault ends when it stops.
pub fn serve(listener: TcpListener, router: Router) -> io::Result<Running> {
    let addr = listener.local_addr()?;
    let (stopping, stopped) = watch::channel(());
    let router = router.layer(Extension(Conn(stopped.clone())));
    let server = axum::serve(listener, router).with_graceful_shutdown(until_stopped(stopped));
    let task = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "a stand-in's server ended");
        }
    });
    Ok(Running { addr, stopping, task })
}

/// The sender's drop is the signal; nothing is ever sent.
async fn until_stopped(mut stopped: watch::Receiver<()>) {
    let _ = stopped.changed().await;
}

#[derive(Debug, Clone)]
pub(super) struct Conn(watch::Receiver<()>);

/// Ends the connection's task, and with it the connection, before any byte of an answer. No panic is reported.
pub(super) fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

impl Conn {
    /// Waits, without answering, until the client gives up (the caller is dropped), the server stops, or
    /// [`HANG_MAX`] has passed; then cuts.
    pub(super) async fn hang(&self) -> ! {
        let _ = tokio::time::timeout(HANG_MAX, until_stopped(self.0.clone())).await;
        cut()
    }
}
