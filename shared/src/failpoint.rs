//! Steps to the outside, each with a name: every statement, every call to AWS, every call to a vendor. Built with the
//! feature `failpoints`, which no release has, the process can be made to die right before or right after any of them.

/// Carries out the step `name`.
///
/// With the feature, the variable `FAILPOINTS` may name `<name>.before` or `<name>.after`, in the words of the crate
/// `fail`: `claim.after=3*off->return` is a death by SIGKILL at the fourth pass.
#[cfg(feature = "failpoints")]
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = T>) -> T {
    pass(name, "before");
    let outcome = work.await;
    pass(name, "after");
    outcome
}

/// Carries out the step of this name: `work`, and nothing else.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn step<T>(_name: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    work
}

#[cfg(feature = "failpoints")]
fn pass(name: &str, side: &str) {
    static ARMED: std::sync::Once = std::sync::Once::new();
    // The crate disarms everything when this value is dropped.
    ARMED.call_once(|| std::mem::forget(fail::FailScenario::setup()));
    let point = format!("{name}.{side}");
    fail::fail_point!(&point, |_| die(&point));
}

/// As the kernel ends a process that is out of memory: nothing is unwound, flushed or closed by us.
#[cfg(feature = "failpoints")]
fn die(point: &str) {
    // `.ci/run` looks for these first words in the release binaries, and must not find them.
    eprintln!("proftest-failpoint: {point}");
    // The shell's parent is this process. Without `unsafe` there is no nearer way.
    let _ = std::process::Command::new("sh")
        .args(["-c", "kill -9 $PPID"])
        .status();
    // It cannot come so far; were there no shell, a test would see another end than SIGKILL.
    std::process::abort();
}
