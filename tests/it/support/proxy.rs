//! A TCP proxy in front of PostgreSQL: it counts round trips, and breaks the connection in the ways networks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Open,
    /// Connections are cut, new ones at once.
    Down,
    /// Nothing passes any more, and nothing ends: a host that is gone.
    Silent,
    /// Existing connections are dead, as after a sandbox's sleep; only a write shows it.
    Stale,
    /// Connections that exist carry one more request out, and are cut instead of its answer.
    LoseAnswer,
}

/// A running proxy; its connections end with it.
pub struct Proxy {
    pub port: u16,
    mode: watch::Sender<(Mode, usize)>,
    round_trips: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            mode: watch::Sender::new((Mode::Open, 0)),
            round_trips: Arc::default(),
            connections: Arc::default(),
        };
        let (mode, counter) = (proxy.mode.subscribe(), Arc::clone(&proxy.round_trips));
        let connections = Arc::clone(&proxy.connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if mode.borrow().0 == Mode::Down {
                    continue;
                }
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, port, mode.clone(), Arc::clone(&counter)));
            }
        });
        proxy
    }

    /// From now on; connections that exist are told apart from later ones.
    pub fn set(&self, mode: Mode) {
        self.mode
            .send_modify(|(current, age)| (*current, *age) = (mode, *age + 1));
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests since the last call: how often a client waited for the server.
    pub fn take_round_trips(&self) -> usize {
        self.round_trips.swap(0, Ordering::Relaxed)
    }
}

async fn carry(
    mut client: TcpStream,
    port: u16,
    mut mode: watch::Receiver<(Mode, usize)>,
    counter: Arc<AtomicUsize>,
) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let born = mode.borrow().1;
    let mut frames = Frames::default();
    let (mut request, mut answer) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let (now, age) = *mode.borrow_and_update();
        let old = born < age;
        if now == Mode::Down {
            return;
        }
        let passes = now != Mode::Silent;
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = client.read(&mut request), if passes => {
                let Ok(length @ 1..) = read else { return };
                if old && now == Mode::Stale {
                    return;
                }
                counter.fetch_add(frames.round_trips(&request[..length]), Ordering::Relaxed);
                if server.write_all(&request[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answer), if passes => {
                let Ok(length @ 1..) = read else { return };
                if old && now == Mode::LoseAnswer {
                    return;
                }
                if client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[derive(Default)]
struct Frames {
    unread: Vec<u8>,
    started: bool,
}

impl Frames {
    /// Messages after which a client waits: Sync and Query. Source: PostgreSQL documentation, message formats.
    fn round_trips(&mut self, bytes: &[u8]) -> usize {
        self.unread.extend_from_slice(bytes);
        let mut found = 0;
        loop {
            // The start-up message alone has no type byte.
            let head = usize::from(self.started);
            let Some(length) = self.unread.get(head..head + 4) else {
                return found;
            };
            let length = u32::from_be_bytes(length.try_into().unwrap());
            let end = head + usize::try_from(length).unwrap();
            if self.unread.len() < end {
                return found;
            }
            found += usize::from(self.started && matches!(self.unread[0], b'S' | b'Q'));
            self.unread.drain(..end);
            self.started = true;
        }
    }
}
