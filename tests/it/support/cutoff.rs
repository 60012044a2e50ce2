//! Kills a worker at a chosen step: every message between it and the outside is a step, counted in both
//! directions, before the database and before the vendor alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone)]
pub struct Cutoff {
    steps: Arc<AtomicUsize>,
    at_step: usize,
    is_cut: watch::Sender<bool>,
}

impl Cutoff {
    /// Cuts at step `at_step`, from 1: the message of that step is lost, and nothing passes any more. A lost
    /// request was never carried out; a lost answer was.
    pub fn at(at_step: usize) -> Self {
        Self {
            steps: Arc::default(),
            at_step,
            is_cut: watch::Sender::new(false),
        }
    }

    pub async fn before(&self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let cutoff = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, cutoff.clone()));
            }
        });
        own
    }

    /// Runs the worker until it is done (`true`) or dead (`false`). Dropping its work is its death.
    pub async fn run(&self, work: impl Future<Output = ()>) -> bool {
        let mut is_cut = self.is_cut.subscribe();
        tokio::select! {
            _ = is_cut.wait_for(|is_cut| *is_cut) => {}
            () = work => {}
        }
        // On a busy machine the work may come to its end with the error that the cut has just caused.
        !*self.is_cut.borrow()
    }

    fn passes(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if step >= self.at_step {
            self.is_cut.send_replace(true);
        }
        step < self.at_step
    }
}

async fn carry(mut client: TcpStream, port: u16, cutoff: Cutoff) {
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
        if bytes.is_empty() || !cutoff.passes() || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
