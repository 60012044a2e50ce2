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
    assert_eq!(pinned, 6);
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
        "ops roles --keep",
        "aws-actions/configure-aws-credentials@",
        "sam deploy ",
        // The first line of a step's text, to its end.
        "ops roles\"",
    ];
    let places: Vec<usize> = order.iter().map(|what| place(&deploy, what)).collect();
    assert_eq!(places, (0..deploy.len()).collect::<Vec<_>>(), "{order:?}");
    let [download, check, _, _, _, sam, _] = &deploy[..] else {
        panic!("{deploy:?}")
    };
    // The same archive, by a digest that does not travel in it.
    let upload = &build[place(&build, "actions/upload-artifact@")];
    assert_eq!(upload["with"]["name"], download["with"]["name"]);
    let archive = upload["with"]["path"].as_str().unwrap();
    let packing = &build[place(&build, "tar --create ")];
    for part in [archive, "target/sam/$ARCHITECTURE", "target/debug/ops"] {
        assert!(packing["run"].as_str().unwrap().contains(part), "{packing}");
    }
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

/// Every workflow by its file's name.
fn workflows() -> Vec<(String, Value)> {
    let folder = tools::workspace().join(".github/workflows");
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), workflow(&name)))
        .collect()
}

/// Events that start a run of code which may be a stranger's get no secret and no token that writes; `pull_request_target`
/// and `workflow_run` get both.
const EVENTS: [&str; 5] = [
    "pull_request",
    "push",
    "schedule",
    "workflow_call",
    "workflow_dispatch",
];

/// What compiles or installs, or fetches what does.
const COMPILES: [&str; 18] = [
    "cargo", "rustc", "rustup", "build", "make", "pip", "npm", "npx", "node ", "go ", "apt", "docker",
    "curl", "wget", "tests/", ".ci/", "checkout", "cache",
];

/// Whether an expression of GitHub's in `value` reads a secret or the job's token, in any of their spellings.
fn reads_a_secret(value: &Value) -> bool {
    let text = value.to_string().to_lowercase();
    text.split("${{").skip(1).any(|rest| {
        let expression = rest.split("}}").next().unwrap();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = expression.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.collect();
        // `toJSON(github)` prints the token too.
        let pairs = [["github", "token"], ["tojson", "github"]];
        words.contains(&"secrets") || words.windows(2).any(|pair| pairs.iter().any(|one| one == pair))
    })
}

/// Whether the job's code could use something of ours: a secret, an environment's, or a token beyond reading the code.
fn is_privileged(job: &Value) -> bool {
    let widens = job
        .get("permissions")
        .is_some_and(|given| *given != json!({"contents": "read"}) && *given != json!({}));
    widens || job.get("environment").is_some() || job.get("secrets").is_some() || reads_a_secret(job)
}

/// What a workflow does that none may do; and its privileged jobs.
///
/// A build script or a package that is installed runs as the job, and can read all that the job can.
fn findings(workflow: &Value) -> (Vec<String>, Vec<String>) {
    let (mut wrong, mut privileged) = (Vec::new(), Vec::new());
    if workflow["permissions"] != json!({"contents": "read"}) {
        wrong.push("every job that says nothing of its token gets one that may do more than read".to_owned());
    }
    if reads_a_secret(&json!([workflow["env"], workflow["defaults"]])) {
        wrong.push("every job has the secret".to_owned());
    }
    for event in workflow["on"].as_object().unwrap().keys() {
        if !EVENTS.contains(&event.as_str()) {
            wrong.push(format!("{event} may run a stranger's code with our secrets"));
        }
    }
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        let steps = job["steps"].as_array().cloned().unwrap_or_default();
        for step in &steps {
            let checks_out = all_of(step, &["uses"]).contains("actions/checkout@");
            if checks_out && step["with"]["persist-credentials"] != false {
                wrong.push(format!("{name}: the checkout leaves its token on the disk"));
            }
        }
        if !is_privileged(job) {
            continue;
        }
        privileged.push(name.clone());
        // A workflow that is called could compile.
        if job.get("uses").is_some() {
            wrong.push(format!("{name}: {} gets secrets or a token", job["uses"]));
        }
        for step in &steps {
            let done = all_of(step, &["run", "uses"]);
            for word in COMPILES.iter().filter(|word| done.contains(**word)) {
                wrong.push(format!("{name}: {word} in {done}"));
            }
        }
    }
    (wrong, privileged)
}

#[test]
fn a_job_with_a_secret_or_a_token_compiles_and_installs_nothing() {
    let mut trusted = Vec::new();
    for (file, workflow) in workflows() {
        let (wrong, privileged) = findings(&workflow);
        assert!(wrong.is_empty(), "{file}: {wrong:#?}");
        trusted.extend(privileged.into_iter().map(|job| format!("{file} {job}")));
    }
    assert_eq!(trusted, ["deploy.yml deploy"]);
}

/// A new advisory comes without a change of ours, and a new dependency with one.
#[test]
fn advisories_are_looked_at_weekly_and_with_every_change_of_the_dependencies() {
    let workflow = workflow("advisories.yml");
    let on = &workflow["on"];
    let cron = on["schedule"][0]["cron"].as_str().unwrap();
    let fields: Vec<&str> = cron.split(' ').collect();
    assert!(
        fields.len() == 5 && fields[2..4] == ["*", "*"] && fields[4] != "*",
        "{cron}"
    );
    for event in ["push", "pull_request"] {
        let paths = on[event]["paths"].as_array().unwrap();
        for path in ["Cargo.lock", "deny.toml"] {
            assert!(paths.contains(&json!(path)), "{event}: {path}");
        }
    }
    let steps = steps(&workflow["jobs"]["advisories"]);
    place(&steps, "./cargo-deny --locked check advisories");
}

/// A program that a job fetches runs only if it is the one that was looked at.
#[test]
fn what_a_workflow_fetches_is_known_by_its_hash() {
    let mut fetched = 0;
    for (file, workflow) in workflows() {
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().into_iter().flatten() {
                let run = step["run"].as_str().unwrap_or_default();
                if ["curl", "wget"].iter().any(|word| run.contains(word)) {
                    let checked = run.find("| sha256sum --check\n");
                    let used = run.find("tar --extract");
                    assert!(checked.is_some() && checked < used, "{file} {name}: {run}");
                    fetched += 1;
                }
            }
        }
    }
    assert_eq!(fetched, 1);
}

/// Changes of a workflow that must not pass: file, place, field, value.
fn bad_changes() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let spellings = [
        "${{ secrets.KEY }}",
        "${{ secrets['KEY'] }}",
        "${{ toJSON(secrets) }}",
        "${{ github.token }}",
        "${{ github['token'] }}",
        "${{ toJSON(github) }}",
        "${{ format('{0}', Secrets.KEY) }}",
    ];
    let checks = "/jobs/checks";
    let mut changes: Vec<_> = spellings
        .iter()
        .map(|spelling| ("ci.yml", checks, "env", json!({"KEY": spelling})))
        .collect();
    changes.extend([
        ("ci.yml", "", "env", json!({"KEY": "${{ secrets.KEY }}"})),
        ("ci.yml", "", "permissions", json!("write-all")),
        ("ci.yml", "", "permissions", Value::Null),
        ("ci.yml", "", "permissions", json!({"contents": "write"})),
        ("ci.yml", "", "on", json!({"pull_request_target": null})),
        ("ci.yml", "", "on", json!({"workflow_run": {"workflows": ["ci"]}})),
        ("ci.yml", checks, "permissions", json!({"contents": "write"})),
        ("ci.yml", checks, "permissions", json!({"id-token": "write"})),
        ("ci.yml", checks, "environment", json!("production")),
        ("ci.yml", "/jobs/checks/steps/0", "with", Value::Null),
        (
            "ci.yml",
            "/jobs/checks/steps/1",
            "env",
            json!({"KEY": spellings[0]}),
        ),
    ]);
    changes
}

fn bad_changes_of_the_others() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let step = |run: &str| json!({"run": run, "env": {"KEY": "${{ secrets.KEY }}"}});
    let build = "/jobs/build";
    vec![
        ("deploy.yml", "/jobs/test", "secrets", json!("inherit")),
        ("deploy.yml", build, "environment", json!("production")),
        (
            "deploy.yml",
            build,
            "env",
            json!({"URL": "${{ secrets.MIGRATION_DATABASE_URL }}"}),
        ),
        (
            "deploy.yml",
            "/jobs/build/steps/0/with",
            "persist-credentials",
            json!(true),
        ),
        (
            "deploy.yml",
            "/jobs/deploy",
            "steps",
            json!([step("cargo build --package ops")]),
        ),
        (
            "deploy.yml",
            "/jobs/deploy",
            "steps",
            json!([step("npx something")]),
        ),
        (
            "advisories.yml",
            "/jobs/advisories",
            "env",
            json!({"KEY": "${{ github.token }}"}),
        ),
    ]
}

/// The rules themselves: each of these changes of a workflow is found.
#[test]
fn a_job_that_compiles_with_a_secret_or_a_token_is_found() {
    for (file, place, field, value) in [bad_changes(), bad_changes_of_the_others()].concat() {
        let mut broken = workflow(file);
        let of = broken
            .pointer_mut(place)
            .unwrap_or_else(|| panic!("{file} {place}"));
        of[field] = value.clone();
        let (wrong, _) = findings(&broken);
        assert!(!wrong.is_empty(), "{file}: {place}/{field} = {value} passes");
    }
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
        if text.contains("configure-aws-credentials@") {
            assert_eq!(
                step["with"],
                json!({"role-to-assume": "${{ vars.AWS_ROLE_ARN }}", "aws-region": "${{ vars.AWS_REGION }}"})
            );
        }
    }
    assert_eq!(secrets, ["MIGRATION_DATABASE_URL"; 3]);
}
