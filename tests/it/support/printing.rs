//! The real binary of a function, what it prints going to a file.

use harness::runtime_api::{Failed, Function};
use harness::world::{Settings, binaries, dir};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use uuid::Uuid;

pub struct Printing {
    pub function: Function,
    file: PathBuf,
}

impl Printing {
    pub async fn start(name: &str, settings: &Settings) -> Self {
        let file = dir().join(format!("{name}-{}.log", Uuid::new_v4()));
        let binary = binaries().await.join(name);
        let output = std::fs::File::create(&file).unwrap();
        let configure = |command: &mut tokio::process::Command| {
            command.envs(settings);
            command.stdout(output.try_clone().unwrap()).stderr(output);
        };
        let started = Function::start(&binary, Duration::from_secs(30), configure).await;
        let function = started.unwrap();
        Self { function, file }
    }

    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }

    /// The lines that are JSON and have this member.
    pub fn lines_with(&self, member: &str) -> Vec<Value> {
        let printed = self.printed();
        let lines = printed.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|line: &Value| line.get(member).is_some()).collect()
    }

    /// What it says when it does not start: one line, apart from what AWS's client traces.
    pub async fn refusal(mut self) -> String {
        let failed = self.function.ready().await.unwrap_err();
        let Failed::Died(status) = failed else {
            panic!("{failed}")
        };
        assert_eq!(status.code(), Some(1));
        let printed = self.printed();
        let told: Vec<&str> = printed.lines().filter(|line| !line.starts_with('{')).collect();
        assert_eq!(told.len(), 1, "{told:#?}");
        told[0].to_owned()
    }
}
