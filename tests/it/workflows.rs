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

fn all_of(step: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| step[*field].to_string()).collect()
}

/// The place of the one step that does this.
fn place(steps: &[Value], what: &str) -> usize {
    let does = |step: &Value| all_of(step, &["run", "uses"]).contains(what);
    let places: Vec<usize> = (0..steps.len()).filter(|at| does(&steps[*at])).collect();
    assert_eq!(places.len(), 1, "{what}: steps {places:?}");
    places[0]
}

#[test]
fn a_deployment_is_tested_and_built_then_migrates_then_deploys_what_was_built() {
    let workflow = workflow("deploy.yml");
    let jobs = &workflow["jobs"];
    assert_eq!(jobs["test"], json!({"uses": "./.github/workflows/ci.yml"}));
    assert_eq!(jobs["deploy"]["needs"], json!(["test", "build"]));
    assert_eq!(jobs["deploy"]["environment"], "production");
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let (build, deploy) = (steps(&jobs["build"]), steps(&jobs["deploy"]));
    let order = [
        "actions/download-artifact@",
        "sha256sum --check",
        "ops migrate",
        "aws-actions/configure-aws-credentials@",
        "sam deploy ",
    ];
    let places: Vec<usize> = order.iter().map(|what| place(&deploy, what)).collect();
    assert_eq!(places, (0..deploy.len()).collect::<Vec<_>>(), "{order:?}");
    let [download, check, _, _, sam] = &deploy[..] else {
        panic!("{deploy:?}")
    };
    // The same archive, by a digest that does not travel in it.
    let upload = &build[place(&build, "actions/upload-artifact@")];
    assert_eq!(upload["with"]["name"], download["with"]["name"]);
    let archive = upload["with"]["path"].as_str().unwrap();
    let packing = &build[place(&build, "tar --create ")];
    assert!(packing["run"].as_str().unwrap().contains(archive), "{packing}");
    let digest = format!(
        "${{{{ steps.{}.outputs.sha256 }}}}",
        packing["id"].as_str().unwrap()
    );
    assert_eq!(jobs["build"]["outputs"]["sha256"], digest);
    assert_eq!(check["env"]["SHA256"], "${{ needs.build.outputs.sha256 }}");
    let unpacked = check["run"].as_str().unwrap();
    let checked =
        format!("echo \"$SHA256  {archive}\" | sha256sum --check\ntar --extract --file {archive}\n");
    assert!(unpacked.starts_with(&checked), "{unpacked}");
    let sam = sam["run"].as_str().unwrap();
    let template = "--template-file \"target/sam/$ARCHITECTURE/template.yaml\"";
    assert!(
        sam.contains(template),
        "what was checked is not what is deployed: {sam}"
    );
    assert!(
        sam.contains("Release=$(date +%s)"),
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
