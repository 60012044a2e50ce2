//! What every test needs before its first line: a runtime, patience, and a directory.

use crate::tools;
use std::fs::File;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// One for the whole process: what one test has started must not die with that test's runtime.
pub(super) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
});

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
