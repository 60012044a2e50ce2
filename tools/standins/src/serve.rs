//! Serves a router on connections that a handler can cut without an answer.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

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
/// The stand-ins' routers need this server: their faults cut connections through it.
pub fn serve(listener: TcpListener, router: Router) -> io::Result<Running> {
    let addr = listener.local_addr()?;
    let (stopping, stopped) = watch::channel(());
    let listener = CuttableListener {
        inner: listener,
        stopped: stopped.clone(),
    };
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<Conn>())
        .with_graceful_shutdown(until_stopped(stopped));
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
pub(super) struct Conn {
    cut: Arc<AtomicBool>,
    stopped: watch::Receiver<()>,
}

impl Conn {
    /// From now on no byte is written: the next attempt ends the connection, so the handler should return
    /// right away, with any answer.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Waits, without answering, until the client gives up (the caller is dropped), the server stops, or
    /// [`HANG_MAX`] has passed; then cuts.
    pub(super) async fn hang(&self) {
        let _ = tokio::time::timeout(HANG_MAX, until_stopped(self.stopped.clone())).await;
        self.cut();
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Conn {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().conn.clone()
    }
}

struct CuttableListener {
    inner: TcpListener,
    stopped: watch::Receiver<()>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (inner, addr) = Listener::accept(&mut self.inner).await;
        let conn = Conn {
            cut: Arc::default(),
            stopped: self.stopped.clone(),
        };
        (CuttableStream { inner, conn }, addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A TCP stream whose writes fail once its [`Conn`] is cut: hyper then drops it, before the answer's head.
struct CuttableStream {
    inner: TcpStream,
    conn: Conn,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.conn.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
