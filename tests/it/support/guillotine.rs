//! Kills a worker at a chosen step: every message between it and the outside is a step, counted in both
//! directions, before the database and before the vendor alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Counts steps over all its proxies, and falls at one.
#[derive(Clone)]
pub struct Guillotine {
    steps: Arc<AtomicUsize>,
    falls_at: usize,
    fallen: watch::Sender<bool>,
}

impl Guillotine {
    /// Falls at step `falls_at`, from 1: the message of that step is lost, and nothing passes any more. A lost
    /// request was never carried out; a lost answer was.
    pub fn at(falls_at: usize) -> Self {
        Self {
            steps: Arc::default(),
            falls_at,
            fallen: watch::Sender::new(false),
        }
    }

    /// A port that leads to `port`.
    pub async fn before(&self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let blade = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, blade.clone()));
            }
        });
        own
    }

    /// Runs the worker until it is done (`true`) or dead (`false`). Dropping its work is its death.
    pub async fn run(&self, work: impl Future<Output = ()>) -> bool {
        let mut fallen = self.fallen.subscribe();
        tokio::select! {
            _ = fallen.wait_for(|fallen| *fallen) => {}
            () = work => {}
        }
        // On a busy machine the work may come to its end with the error that the blade has just caused.
        !*self.fallen.borrow()
    }

    fn passes(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if step >= self.falls_at {
            self.fallen.send_replace(true);
        }
        step < self.falls_at
    }
}

async fn carry(mut client: TcpStream, port: u16, blade: Guillotine) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut request, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let (from, to) = tokio::select! {
            read = client.read(&mut request) => (read.map(|length| &request[..length]), &mut server),
            read = server.read(&mut answer) => (read.map(|length| &answer[..length]), &mut client),
        };
        let Ok(bytes) = from else { return };
        if bytes.is_empty() || !blade.passes() || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
