//! From the start of a process to its first answer, with a database over TLS and SCRAM.

use super::comparison::Comparison;
use super::load::Submissions;
use super::peer::Peer;
use super::service::expect;
use crate::Error;
use crate::figure::{Figure, median};
use crate::setup::{Setup, as_role};
use harness::runtime_api::Function;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const STARTS: usize = 15;
const COLD_MAX_MS: f64 = 25.0;
const PEER_MIN: f64 = 10.0;
const INIT_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Splits {
    /// Of a function that does nothing, from its start to its first request for an event.
    runtime: Vec<f64>,
    /// What more it took until the connection to the database was opened.
    clients: Vec<f64>,
    /// Until Init was over: TCP, TLS, SCRAM, and beside that the first calls to AWS.
    connect: Vec<f64>,
    /// From the event to the database's answer.
    statement: Vec<f64>,
    /// From there to the function's answer: two calls to AWS.
    calls: Vec<f64>,
    all: Vec<f64>,
}

const PARTS: [&str; 6] = ["runtime", "clients", "connect", "statement", "AWS calls", "all"];

pub async fn run(setup: &Setup, peer: Option<&Peer>) -> Result<(Vec<Figure>, Comparison), Error> {
    let people = Submissions::new("cold")?;
    let door = Door::before(setup).await?;
    let settings = door.settings(setup)?;
    let (mut ours, mut theirs) = (Splits::default(), Splits::default());
    for number in 0..=STARTS {
        // The first start of each brings it into the page cache.
        let (ours, theirs) = match number {
            0 => (&mut Splits::default(), &mut Splits::default()),
            _ => (&mut ours, &mut theirs),
        };
        let start = Instant::now();
        ours.empty(setup.start_function("page", &[]).await?, start)
            .await?;
        let start = Instant::now();
        let function = setup.start_function("intake", &settings).await?;
        ours.whole(function, &door, start, &people.event(2 * number))
            .await?;
        if let Some(peer) = peer {
            let start = Instant::now();
            theirs.empty(peer.start_empty().await?, start).await?;
            let mut all = setup.settings("intake")?;
            all.extend(settings.clone());
            let start = Instant::now();
            let function = peer.start(setup, &all).await?;
            let event = people.event(2 * number + 1);
            theirs.whole(function, &door, start, &event).await?;
        }
    }
    let theirs = peer.map(|_| theirs);
    Ok((
        figures(&ours, theirs.as_ref()),
        comparison(&ours, theirs.as_ref()),
    ))
}

fn figures(ours: &Splits, theirs: Option<&Splits>) -> Vec<Figure> {
    let conditions = "intake, TLS and SCRAM";
    let parts = PARTS.iter().zip(ours.medians()).take(PARTS.len() - 1);
    let context: Vec<_> = parts.map(|(name, ms)| format!("{name} {ms:.1}")).collect();
    let own = Figure::new("cold start", conditions, &ours.all, "ms").at_most(COLD_MAX_MS);
    let mut figures = vec![own.with_context(format!("{} ms", context.join(", ")))];
    if let Some(theirs) = theirs {
        let pairs = theirs.all.iter().zip(&ours.all);
        let ratios: Vec<f64> = pairs.map(|(theirs, ours)| theirs / ours).collect();
        let name = "the peer's cold start ÷ ours";
        figures.push(Figure::new(name, conditions, &ratios, "×").at_least(PEER_MIN));
    }
    figures
}

fn comparison(ours: &Splits, theirs: Option<&Splits>) -> Comparison {
    let mut lines = vec![("intake", ours.medians().to_vec())];
    lines.extend(theirs.map(|theirs| ("the peer", theirs.medians().to_vec())));
    Comparison {
        title: "Cold start, ms",
        by: "part",
        labels: PARTS.map(str::to_owned).to_vec(),
        lines,
    }
}

impl Splits {
    fn medians(&self) -> [f64; PARTS.len()] {
        let parts = [
            &self.runtime,
            &self.clients,
            &self.connect,
            &self.statement,
            &self.calls,
            &self.all,
        ];
        parts.map(|part| median(part))
    }

    /// Notes the start of a function that does nothing.
    async fn empty(&mut self, mut function: Function, start: Instant) -> Result<(), Error> {
        self.runtime.push(ms(start, ready(&mut function).await?));
        Ok(())
    }

    /// Notes a start and the first event.
    async fn whole(
        &mut self,
        mut function: Function,
        door: &Door,
        start: Instant,
        event: &Value,
    ) -> Result<(), Error> {
        let ready = ready(&mut function).await?;
        expect(&mut function, event, 200).await?;
        let done = Instant::now();
        let seen = door.seen();
        let runtime = self.runtime.last().copied().unwrap_or_default();
        self.clients.push(ms(start, seen.knocked) - runtime);
        self.connect.push(ms(seen.knocked, ready));
        self.statement.push(ms(ready, seen.answered));
        self.calls.push(ms(seen.answered, done));
        self.all.push(ms(start, done));
        Ok(())
    }
}

fn ms(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1000.0
}

async fn ready(function: &mut Function) -> Result<Instant, Error> {
    tokio::time::timeout(INIT_WITHIN, function.ready())
        .await
        .map_err(|_| Error::Part("a process did not become ready".to_owned()))??;
    Ok(Instant::now())
}

/// A proxy before the database that notes when bytes pass. It does not read them.
struct Door {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    /// When a connection last arrived.
    knocked: Instant,
    /// When the database last said something.
    answered: Instant,
}

impl Door {
    async fn before(setup: &Setup) -> Result<Self, Error> {
        let address = setup.database_url();
        let address = address.rsplit('@').next().and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let now = Instant::now();
        let seen = Arc::new(Mutex::new(Seen {
            knocked: now,
            answered: now,
        }));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                lock(&shared).knocked = Instant::now();
                tokio::spawn(carry(client, address.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { port, seen })
    }

    fn seen(&self) -> Seen {
        *lock(&self.seen)
    }

    fn settings(&self, setup: &Setup) -> Result<Vec<(&'static str, String)>, Error> {
        let url = as_role(&setup.tls_url(), "intake")?;
        let (start, name) = url.rsplit_once('/').unwrap_or((&url, ""));
        let (origin, _) = start.rsplit_once(':').unwrap_or((start, ""));
        Ok(vec![
            ("DATABASE_URL", format!("{origin}:{}/{name}", self.port)),
            ("DATABASE_CA_PEM", setup.ca_pem.clone()),
        ])
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both directions of one connection, until either side closes it.
async fn carry(client: TcpStream, address: String, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let server = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asked = tokio::io::copy(&mut from_client, &mut to_server);
    let answered = async {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let count = from_server.read(&mut bytes).await?;
            if count == 0 {
                return Ok(());
            }
            lock(&seen).answered = Instant::now();
            to_client.write_all(&bytes[..count]).await?;
        }
    };
    tokio::select! {
        done = asked => done.map(|_| ()),
        done = answered => done,
    }
}
