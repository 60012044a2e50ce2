//! `cargo run --release -p bench`: builds what measures together with what is measured, then measures.
//!
//! Cargo builds one program for `run`. Built by that program, the functions would come with other features of their
//! dependencies than it did, and most of those would be compiled twice: minutes, before anything is measured. This
//! program therefore depends on nothing. Its arguments are those of `measure`.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

/// The functions that are measured. `crm` is not: what it does waits for amoCRM's five requests a second.
const FUNCTIONS: [&str; 5] = ["intake", "deliver", "track", "sweep", "page"];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        // The failed program has printed the reason.
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The measurement cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> io::Result<ExitStatus> {
    let program = std::env::current_exe()?;
    let profile = program.parent().unwrap_or(Path::new(""));
    let built = build(profile, arguments)?;
    if !built.success() {
        return Ok(built);
    }
    Command::new(profile.join("measure")).args(arguments).status()
}

fn build(profile: &Path, arguments: &[OsString]) -> io::Result<ExitStatus> {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["build", "--bins", "--package", "measure"]);
    for name in FUNCTIONS {
        cargo.args(["--package", name]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    if let Some(target) = profile.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    // The browser's driver takes a minute to compile, and nothing else needs it.
    if arguments.first().is_some_and(|first| first == "page") {
        cargo.args(["--features", "measure/browser"]);
    }
    // Cargo describes this package to this program. A build script that watches such a variable would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .status()
}
