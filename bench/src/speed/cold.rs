//! From the start of a process to its first answer, with a database over TLS and SCRAM.

use super::load::Submissions;
use super::peer::Peer;
use super::plot::{Line, Plot};
use super::service::expect;
use crate::Error;
use crate::bed::Bed;
use crate::figure::{Bound, Figure, median};
use local::runtime_api::Function;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

const STARTS: usize = 15;
const COLD_MAX_MS: f64 = 25.0;
const PEER_MIN: f64 = 10.0;
const INIT_WITHIN: Duration = Duration::from_secs(30);

/// Where a start's time went, in ms.
#[derive(Debug, Default)]
struct Splits {
    /// Until it opened its connection: the program, the runtime, the clients.
    clients: Vec<f64>,
    /// Until Init was over: TCP, TLS, SCRAM.
    connect: Vec<f64>,
    /// From there to the answer: a statement, two calls to AWS over their first connection.
    first: Vec<f64>,
    all: Vec<f64>,
}

/// Measures intake beside the peer, where there is one, in turns.
pub async fn run(bed: &Bed, peer: Option<&Peer>) -> Result<(Vec<Figure>, Plot), Error> {
    let people = Submissions::new("cold")?;
    let door = Door::before(bed).await?;
    let settings = door.settings(bed);
    let (mut ours, mut theirs) = (Splits::default(), Splits::default());
    for number in 0..=STARTS {
        // The first start of each brings it into the page cache.
        let (ours, theirs) = match number {
            0 => (&mut Splits::default(), &mut Splits::default()),
            _ => (&mut ours, &mut theirs),
        };
        let start = Instant::now();
        let function = bed.start_function("intake", &settings).await?;
        one(function, &door, start, &people, 2 * number, ours).await?;
        if let Some(peer) = peer {
            let mut all = bed.settings();
            all.extend(settings.clone());
            let start = Instant::now();
            let function = peer.start(bed, &all).await?;
            one(function, &door, start, &people, 2 * number + 1, theirs).await?;
        }
    }
    let theirs = peer.map(|_| theirs);
    Ok((figures(&ours, theirs.as_ref()), plot(&ours, theirs.as_ref())))
}

fn figures(ours: &Splits, theirs: Option<&Splits>) -> Vec<Figure> {
    let conditions = "intake, TLS and SCRAM";
    let context = format!(
        "program and clients {:.1}, connect {:.1}, first event {:.1} ms",
        median(&ours.clients),
        median(&ours.connect),
        median(&ours.first)
    );
    let own = Figure::new(
        "cold start",
        conditions,
        &ours.all,
        "ms",
        Bound::AtMost,
        COLD_MAX_MS,
    );
    let mut figures = vec![own.with_context(context)];
    if let Some(theirs) = theirs {
        let pairs = theirs.all.iter().zip(&ours.all);
        let ratios: Vec<f64> = pairs.map(|(theirs, ours)| theirs / ours).collect();
        let name = "the peer's cold start ÷ ours";
        figures.push(Figure::new(
            name,
            conditions,
            &ratios,
            "×",
            Bound::AtLeast,
            PEER_MIN,
        ));
    }
    figures
}

fn plot(ours: &Splits, theirs: Option<&Splits>) -> Plot {
    let mut lines = vec![ours.line("intake")];
    lines.extend(theirs.map(|theirs| theirs.line("the peer")));
    let labels = ["program, clients", "connect", "first event", "all"].map(str::to_owned);
    Plot::new("Cold start, ms", "part", labels.to_vec(), lines)
}

impl Splits {
    fn line(&self, name: &str) -> Line {
        let parts = [&self.clients, &self.connect, &self.first, &self.all];
        Line::new(name, parts.map(|part| median(part)).to_vec())
    }
}

async fn one(
    mut function: Function,
    door: &Door,
    start: Instant,
    people: &Submissions,
    number: usize,
    splits: &mut Splits,
) -> Result<(), Error> {
    let ms = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1000.0;
    tokio::time::timeout(INIT_WITHIN, function.ready())
        .await
        .map_err(|_| Error::Part("a process did not become ready".to_owned()))??;
    let ready = Instant::now();
    expect(&mut function, &people.event(number), 200).await?;
    let done = Instant::now();
    let connected = door.last_knock().unwrap_or(ready);
    splits.clients.push(ms(start, connected));
    splits.connect.push(ms(connected, ready));
    splits.first.push(ms(ready, done));
    splits.all.push(ms(start, done));
    Ok(())
}

/// Stands before the database and notes when somebody knocks. It carries the encrypted bytes unread.
struct Door {
    port: u16,
    knocked: Arc<Mutex<Option<Instant>>>,
}

impl Door {
    async fn before(bed: &Bed) -> Result<Self, Error> {
        let address = bed.database_url();
        let address = address.rsplit('@').next().and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let knocked = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&knocked);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if let Ok(mut noted) = noted.lock() {
                    *noted = Some(Instant::now());
                }
                let address = address.clone();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(address).await?;
                    client.set_nodelay(true)?;
                    server.set_nodelay(true)?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Ok(Self { port, knocked })
    }

    fn last_knock(&self) -> Option<Instant> {
        self.knocked.lock().ok().and_then(|mut knocked| knocked.take())
    }

    /// The way through it, over TLS.
    fn settings(&self, bed: &Bed) -> Vec<(&'static str, String)> {
        let sealed = bed.sealed_url();
        let (start, name) = sealed.rsplit_once('/').unwrap_or((&sealed, ""));
        let (origin, _) = start.rsplit_once(':').unwrap_or((start, ""));
        vec![
            ("DATABASE_URL", format!("{origin}:{}/{name}", self.port)),
            ("DATABASE_CA_PEM", bed.ca_pem().to_owned()),
        ]
    }
}
