//! axe-core, in a visitor's browser.

use crate::visitor::Visitor;
use harness::tools::not_run;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Deque's checker of accessibility, MPL-2.0: fetched for this test, in nothing that is built or deployed.
const AXE_CORE: &str = "axe-core@4.14.1";

/// All of its rules, those of good practice too; each finding with the elements that it is about.
const FINDINGS: &str = "axe.run().then(({violations}) => violations.map(({id, help, nodes}) =>
    [id, help, ...nodes.map(({html, failureSummary}) => html + ' ' + failureSummary)].join(' | ')))";

pub async fn has_no_findings(visitor: &Visitor, screen: &str) {
    // What is fading in has no contrast yet.
    visitor.is_at_rest().await;
    assert_eq!(
        visitor.eval("axe.version").await,
        AXE_CORE.trim_start_matches("axe-core@")
    );
    assert_eq!(visitor.eval(FINDINGS).await, serde_json::json!([]), "{screen}");
}

/// The source of axe-core, kept in `target/tools`; `None` (said on the terminal) without npm, where it is not required.
pub fn axe() -> Option<String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("../tools")
        .join(AXE_CORE);
    let file = dir.join("node_modules/axe-core/axe.min.js");
    if !file.exists() {
        std::fs::create_dir_all(&dir).unwrap();
        let install = [
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ];
        let output = match Command::new("npm").args(install).arg(&dir).arg(AXE_CORE).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                not_run("the accessibility test needs npm", "npm").unwrap();
                return None;
            }
            output => output.unwrap(),
        };
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Some(std::fs::read_to_string(file).unwrap())
}
