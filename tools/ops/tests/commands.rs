//! The commands as processes: exit status, and what they print.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Output};

/// Runs it on a file with this text.
fn doctor(text: &str) -> Output {
    let file = std::env::temp_dir().join(format!("doctor-{}.env", uuid::Uuid::new_v4()));
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    // With a file the environment does not count.
    command
        .args(["doctor", "--env-file"])
        .arg(&file)
        .env("DATABASE_URL", "from the environment");
    let output = command.output().unwrap();
    std::fs::remove_file(file).unwrap();
    output
}

#[test]
fn an_empty_file_exits_with_one_and_names_each_setting_once() {
    // Nothing listens there; the defaults would be real addresses.
    let output = doctor("PUBLIC_BASE_URL=http://127.0.0.1:1\n");
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();
    for name in [
        "DATABASE_URL",
        "RESEND_API_KEY",
        "MOBIZON_API_KEY",
        "AMOCRM_BASE_URL",
    ] {
        assert_eq!(
            printed.matches(&format!("{name} is not set")).count(),
            1,
            "{name}: {printed}"
        );
    }
    assert!(printed.lines().all(|line| {
        ["ok", "note", "WRONG"]
            .iter()
            .any(|level| line.starts_with(level))
    }));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: 4 things are wrong\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_its_line() {
    let output = doctor("A=1\nRESEND_API_KEY=re_secret $\n");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("line 2: put the value in single quotes") && !error.contains("re_secret"),
        "{error}"
    );
}

#[test]
fn migrate_reads_no_variable_but_the_database_s() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    // Nothing listens there.
    let url = "postgres://nobody@127.0.0.1:1/none";
    let output = command
        .arg("migrate")
        .env_clear()
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("Connection refused") && !error.contains("not set"),
        "{error}"
    );
}
