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
    assert_eq!(pinned, 5);
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

fn all_of(step: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| step[*field].to_string()).collect()
}

/// Each of these words is in the step of its place, in no other, and there are no more steps.
fn assert_order(steps: &[Value], order: &[&str]) {
    let place = |what: &&str| {
        let holds = |at: &usize| all_of(&steps[*at], &["run", "uses"]).contains(*what);
        let places: Vec<usize> = (0..steps.len()).filter(holds).collect();
        assert_eq!(places.len(), 1, "{what}: steps {places:?}");
        places[0]
    };
    let places: Vec<usize> = order.iter().map(place).collect();
    assert_eq!(places, (0..steps.len()).collect::<Vec<_>>(), "{order:?}");
}

#[test]
fn a_deployment_is_tested_and_built_then_migrates_then_deploys() {
    let workflow = workflow("deploy.yml");
    let jobs = &workflow["jobs"];
    assert_eq!(jobs["test"], json!({"uses": "./.github/workflows/ci.yml"}));
    assert_eq!(jobs["deploy"]["needs"], json!(["test", "build"]));
    assert_eq!(jobs["deploy"]["environment"], "production");
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let build = steps(&jobs["build"]);
    let made = [
        "actions/checkout@",
        "tests/sam-build.sh ",
        "tar --create ",
        "actions/upload-artifact@",
    ];
    assert_order(&build, &made);
    let deploy = steps(&jobs["deploy"]);
    let order = [
        "actions/download-artifact@",
        "sha256sum --check",
        "ops migrate",
        "aws-actions/configure-aws-credentials@",
        "sam deploy ",
    ];
    assert_order(&deploy, &order);
    // What is deployed is what was built and checked: the same archive, by a digest that does not travel in it.
    let script = build[1]["run"].as_str().unwrap();
    assert!(
        script.starts_with("tests/sam-build.sh \"$ARCHITECTURE\"\n"),
        "{script}"
    );
    assert!(
        script.contains("cargo build --locked --package ops\n"),
        "{script}"
    );
    let packed = build[2]["run"].as_str().unwrap();
    let archive = build[3]["with"]["path"].as_str().unwrap();
    let packs = format!("--file {archive} \"target/sam/$ARCHITECTURE\" target/debug/ops\n");
    assert!(packed.contains(&packs), "{packed}");
    assert_eq!(build[3]["with"]["name"], deploy[0]["with"]["name"]);
    let digest =
        json!({"sha256": format!("${{{{ steps.{}.outputs.sha256 }}}}", build[2]["id"].as_str().unwrap())});
    assert_eq!(jobs["build"]["outputs"], digest);
    assert_eq!(deploy[1]["env"]["SHA256"], "${{ needs.build.outputs.sha256 }}");
    let unpacked = deploy[1]["run"].as_str().unwrap();
    let check = format!("echo \"$SHA256  {archive}\" | sha256sum --check\ntar --extract --file {archive}\n");
    assert!(unpacked.starts_with(&check), "{unpacked}");
    assert_eq!(deploy[2]["run"], "target/debug/ops migrate");
    let deployed = deploy[4]["run"].as_str().unwrap();
    assert!(
        deployed.contains("--template-file \"target/sam/$ARCHITECTURE/template.yaml\""),
        "what was checked is not what is deployed: {deployed}"
    );
    assert!(
        deployed.contains("Release=$(date +%s)"),
        "without it nothing is published"
    );
}

/// A build script or a package that is installed runs as the job, and can read all that the job can.
#[test]
fn a_job_with_a_secret_or_a_token_compiles_and_installs_nothing() {
    let folder = tools::workspace().join(".github/workflows");
    let mut trusted = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let workflow = workflow(&file);
        assert_eq!(workflow["permissions"], json!({"contents": "read"}), "{file}");
        let outside = json!([workflow["env"], workflow["defaults"]]).to_string();
        assert!(!outside.contains("secrets"), "{file}: every job has the secret");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let text = job.to_string();
            let privileged = ["secrets", "environment", "permissions"];
            let has_text = text.contains("secrets.") || text.contains("github.token");
            if !has_text && privileged.iter().all(|field| job.get(*field).is_none()) {
                continue;
            }
            trusted.push(format!("{file} {name}"));
            for step in steps(job) {
                let done = all_of(&step, &["run", "uses"]);
                for word in [
                    "cargo", "rustc", "build", "pip", "npm", "apt", "curl", "wget", "tests/", ".ci/",
                    "checkout", "cache",
                ] {
                    assert!(!done.contains(word), "{file} {name}: {word} in {done}");
                }
            }
        }
    }
    assert_eq!(trusted, ["deploy.yml deploy"]);
}

/// An attacker who controls a workflow's run gets no more than this.
#[test]
fn a_deployment_has_a_role_for_an_hour_and_no_key() {
    let workflow = workflow("deploy.yml");
    let deploy = &workflow["jobs"]["deploy"];
    assert_eq!(
        deploy["permissions"],
        json!({"contents": "read", "id-token": "write"})
    );
    let mut secrets = Vec::new();
    for step in [steps(&workflow["jobs"]["build"]), steps(deploy)].concat() {
        let text = step.to_string();
        secrets.extend(
            text.split("secrets.")
                .skip(1)
                .map(|rest| rest.split(' ').next().unwrap().to_owned()),
        );
        // A script takes values from variables: in its text a value could be code.
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
