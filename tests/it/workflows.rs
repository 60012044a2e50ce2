//! The workflows of continuous integration and delivery, read as GitHub would.

use crate::template::written_out;
use harness::tools;
use serde_json::{Value, json};

fn workflow(name: &str) -> Value {
    let path = tools::workspace().join(".github/workflows").join(name);
    written_out(yaml_serde::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn steps(job: &Value) -> Vec<Value> {
    job["steps"].as_array().unwrap().clone()
}

#[test]
fn every_action_is_pinned_by_its_commit() {
    let folder = tools::workspace().join(".github/workflows");
    let mut pinned = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let Some((_, used)) = line.split_once("uses:") else {
                continue;
            };
            let used = used.trim();
            // A workflow of this very commit.
            if used.starts_with("./") {
                continue;
            }
            let (action, version) = used.split_once(" # v").unwrap_or_else(|| panic!("{used}"));
            let (_, commit) = action.split_once('@').unwrap();
            let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert!(commit.len() == 40 && commit.bytes().all(hexadecimal), "{used}");
            assert!(version.split('.').count() == 3, "{used}: which version?");
            pinned += 1;
        }
    }
    assert_eq!(pinned, 3);
}

#[test]
fn ci_runs_the_script_and_nothing_else() {
    let ci = workflow("ci.yml");
    assert_eq!(ci["permissions"], json!({"contents": "read"}));
    let jobs = ci["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), 1);
    let steps = steps(&ci["jobs"]["checks"]);
    assert_eq!(steps.len(), 2);
    assert!(
        steps[0]["uses"]
            .as_str()
            .unwrap()
            .starts_with("actions/checkout@")
    );
    assert_eq!(steps[1], json!({"run": ".ci/run"}));
}

#[test]
fn a_deployment_is_tested_and_built_then_migrates_then_deploys() {
    let workflow = workflow("deploy.yml");
    assert_eq!(
        workflow["jobs"]["test"],
        json!({"uses": "./.github/workflows/ci.yml"})
    );
    let job = &workflow["jobs"]["deploy"];
    assert_eq!(job["needs"], "test");
    assert_eq!(job["environment"], "production");
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let steps = steps(job);
    let place = |what: &str| {
        let of = |step: &Value| format!("{}{}", step["run"], step["uses"]);
        let places: Vec<usize> = (0..steps.len())
            .filter(|at| of(&steps[*at]).contains(what))
            .collect();
        let [place] = places[..] else {
            panic!("{what}: steps {places:?}")
        };
        place
    };
    let order = [
        "actions/checkout@",
        "tests/sam-build.sh ",
        "-- migrate ",
        "aws-actions/configure-aws-credentials@",
        "sam deploy ",
    ];
    let places = order.map(place);
    assert!(places.is_sorted(), "{order:?} are at {places:?}");
    assert_eq!(places.len(), steps.len(), "and nothing else");
    // The script checks what it builds, and leaves it there with its tools.
    let build = steps[places[1]]["run"].as_str().unwrap();
    assert!(
        build.starts_with("tests/sam-build.sh \"$ARCHITECTURE\"\n"),
        "{build}"
    );
    assert!(
        build.contains("\"$PWD/target/tools/sam/bin\" >> \"$GITHUB_PATH\""),
        "{build}"
    );
    let deploy = steps[places[4]]["run"].as_str().unwrap();
    assert!(
        deploy.contains("--template-file \"target/sam/$ARCHITECTURE/template.yaml\""),
        "what was checked is not what is deployed: {deploy}"
    );
    assert!(
        deploy.contains("Release=$(date +%s)"),
        "without it nothing is published"
    );
}

/// Who gets hold of a workflow gets no more than this.
#[test]
fn a_deployment_has_a_role_for_an_hour_and_no_key() {
    let workflow = workflow("deploy.yml");
    assert_eq!(workflow["permissions"], json!({"contents": "read"}));
    let job = &workflow["jobs"]["deploy"];
    assert_eq!(
        job["permissions"],
        json!({"contents": "read", "id-token": "write"})
    );
    let steps = steps(job);
    let mut secrets = Vec::new();
    for step in &steps {
        let text = step.to_string();
        secrets.extend(
            text.split("secrets.")
                .skip(1)
                .map(|rest| rest.split(' ').next().unwrap().to_owned()),
        );
        // What an attacker may name stands in no script.
        assert!(!step["run"].to_string().contains("${{"), "{text}");
        if text.contains("actions/checkout@") {
            assert_eq!(step["with"]["persist-credentials"], false);
        }
        if text.contains("configure-aws-credentials@") {
            assert_eq!(
                step["with"],
                json!({"role-to-assume": "${{ vars.AWS_ROLE_ARN }}", "aws-region": "${{ vars.AWS_REGION }}"})
            );
        }
    }
    assert_eq!(secrets, ["MIGRATION_DATABASE_URL"]);
}
