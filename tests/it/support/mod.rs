//! What the tests share.

pub mod aws;
pub mod crm;
pub mod database;
pub mod delivery;
pub mod doctor;
pub mod front;
pub mod funnel;
pub mod guillotine;
pub mod pooler;
pub mod process;
pub mod proxy;
pub mod redrive;
pub mod request;
pub mod sealed;
pub mod server;
pub mod stack;
pub mod way;

use harness::tools;
use proftest::domain::contact::{Email, Name, Phone};
use proftest::domain::metadata::Metadata;
use proftest::store::NewLead;
use std::fs::File;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// One for the whole process: what one test has started must not die with that test's runtime.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
});

/// Runs one test's story.
pub fn run<T>(story: impl Future<Output = T>) -> T {
    RUNTIME.block_on(story)
}

/// Asks every 25 ms until there is an answer; panics when `within` has passed without one.
pub async fn eventually<T>(what: &str, within: Duration, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// A directory below `target` that no other test process uses; emptied of what an earlier one left.
pub fn dir() -> PathBuf {
    static DIR: LazyLock<(PathBuf, File)> = LazyLock::new(|| {
        let tests = tools::target_dir().unwrap().join("tests");
        for number in 0..16 {
            let dir = tests.join(number.to_string());
            std::fs::create_dir_all(&dir).unwrap();
            let lock = File::create(tests.join(format!("{number}.lock"))).unwrap();
            if lock.try_lock().is_ok() {
                std::fs::remove_dir_all(&dir).unwrap();
                std::fs::create_dir_all(&dir).unwrap();
                return (dir, lock);
            }
        }
        panic!("sixteen other test processes run: {}", tests.display());
    });
    DIR.0.clone()
}

/// A person whom no other test knows.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub phone: String,
}

impl Person {
    pub fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            name: "Айгерим".to_owned(),
            email: format!("person{number}@example.com"),
            phone: format!("+7701{number:07}"),
        }
    }

    /// What `intake` makes of their submission.
    pub fn lead(&self) -> NewLead {
        NewLead {
            name: Name::parse(&self.name).unwrap(),
            email: Email::parse(&self.email).unwrap(),
            phone: Phone::parse(&self.phone).unwrap(),
            source: "proftest".to_owned(),
            metadata: Metadata::default(),
            idempotency_key: None,
        }
    }

    /// The phone as Mobizon writes it.
    pub fn digits(&self) -> &str {
        self.phone.trim_start_matches('+')
    }
}
