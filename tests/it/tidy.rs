//! Rules of this repository that the compiler does not know.

use harness::postgres::connect;
use harness::tools;
use harness::world::{Database, run};
use ops::migrate::migrate;
use proftest::domain::limits::Limit;
use proftest::domain::retention::Expiring;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest a source file may be, in lines.
const LINES_MAX: usize = 400;

/// Source files below `folder`, relative to the checkout; none that a build or a tool has made.
fn sources(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let root = tools::workspace();
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if name.starts_with('.') || name == "target" || name == "node_modules" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if extensions
                .iter()
                .any(|extension| path.extension().is_some_and(|is| is == *extension))
            {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(tools::workspace().join(path)).unwrap()
}

/// Without comments and without the unit tests at the end.
fn code(path: &Path) -> String {
    let text = text(path);
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_unit_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

/// Modules of `shared`, and those that each may import.
const IMPORTS: [(&str, &[&str]); 13] = [
    ("failpoint", &[]),
    ("random", &[]),
    ("failure", &[]),
    ("texts", &[]),
    ("telemetry", &[]),
    ("domain", &["domain", "failure", "texts"]),
    ("task", &["domain"]),
    ("config", &["config", "domain"]),
    ("http", &["texts"]),
    ("store", &["store", "domain", "failpoint", "failure", "config"]),
    (
        "clients",
        &["clients", "domain", "failpoint", "failure", "random", "config"],
    ),
    (
        "aws",
        &["aws", "domain", "failpoint", "failure", "task", "config"],
    ),
    ("batch", &["aws"]),
];

#[test]
fn imports_go_one_way() {
    let mut checked = 0;
    for path in sources("shared/src", &["rs"]) {
        let relative = path.strip_prefix("shared/src").unwrap();
        let module = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if module == "lib" || is_unit_test(&path) {
            continue;
        }
        let allowed = IMPORTS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("say in IMPORTS what {module} may import"));
        for rest in code(&path).split("crate::").skip(1) {
            let imported: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            assert!(
                allowed.contains(&imported.as_str()),
                "{}: crate::{imported}",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

/// The root of a function's crate tells its story with the modules; what they share has a module of its own.
#[test]
fn no_module_of_a_function_imports_from_the_root_of_its_crate() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for path in sources("functions", &["rs"]) {
        let mut folders = path.ancestors();
        let Some(source) = folders.find(|folder| folder.ends_with("src")) else {
            continue;
        };
        let file = path.strip_prefix(source).unwrap();
        if file == Path::new("lib.rs") || file == Path::new("main.rs") || is_unit_test(&path) {
            continue;
        }
        let source = tools::workspace().join(source);
        for rest in code(&path).split("crate::").skip(1) {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap();
            // Empty for `crate::{`: a line for each module shows what it takes.
            let imported = &rest[..end];
            let file = source.join(imported).with_extension("rs");
            let is_module = !imported.is_empty() && (file.is_file() || source.join(imported).is_dir());
            if !is_module {
                wrong.push(format!(
                    "{}: crate::{}",
                    path.display(),
                    rest.lines().next().unwrap()
                ));
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 5, "{checked}");
}

/// Crates by their folders, and the crates of this workspace that each may use. A slash at the end: each folder below.
const CRATES: [(&str, &[&str]); 9] = [
    ("shared", &[]),
    ("functions/", &["proftest"]),
    ("tools/standins", &["proftest"]),
    ("tools/ops", &["proftest"]),
    ("tools/harness", &["proftest", "ops", "standins"]),
    ("tools/local", &["proftest", "ops", "standins", "harness"]),
    // It starts the others as processes.
    ("tools/bench", &[]),
    ("tools/bench/measure", EVERY_LIBRARY),
    ("tests", EVERY_LIBRARY),
];
/// All but `tests`, `measure` and `bench`, which nothing may use; `*` is a function.
const EVERY_LIBRARY: &[&str] = &["proftest", "ops", "standins", "harness", "local", "*"];
/// For tests alone: the page's are in a browser.
const FOR_TESTS: (&str, &str) = ("functions/page", "harness");

/// The crates of this workspace with their folders, and what each depends on, as cargo reads their manifests.
fn dependencies() -> BTreeMap<String, Vec<(String, bool)>> {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--locked",
        "--offline",
    ]);
    let output = cargo.current_dir(tools::workspace()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = Path::new(metadata["workspace_root"].as_str().unwrap());
    let folder = |path: &Value| {
        let path = Path::new(path.as_str().unwrap());
        path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
    };
    let packages = metadata["packages"].as_array().unwrap();
    let of_package = |package: &Value| {
        let used = package["dependencies"].as_array().unwrap().iter();
        let used = used.filter(|one| one["path"].is_string());
        let used = used
            .map(|one| (folder(&one["path"]), one["kind"] == "dev"))
            .collect();
        let manifest = folder(&package["manifest_path"]);
        (manifest.trim_end_matches("/Cargo.toml").to_owned(), used)
    };
    packages.iter().map(of_package).collect()
}

/// What CRATES calls a crate.
fn short_name(folder: &str) -> &str {
    match folder {
        "shared" => "proftest",
        function if function.starts_with("functions/") => "*",
        folder => folder.rsplit('/').next().unwrap(),
    }
}

#[test]
fn crates_depend_one_way() {
    let mut wrong = Vec::new();
    for (folder, used) in dependencies() {
        let fits =
            |(path, _): &&(&str, _)| *path == folder || path.ends_with('/') && folder.starts_with(path);
        let allowed = CRATES.iter().find(fits);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("say in CRATES what {folder} may use"));
        for (other, for_tests) in used {
            let name = short_name(&other);
            let in_tests = for_tests && (folder.as_str(), name) == FOR_TESTS;
            if !allowed.contains(&name) && !in_tests {
                wrong.push(format!("{folder} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where statements are, below the folders of `only_the_store_knows_sql`.
const SQL: [&str; 6] = [
    "shared/src/store",
    "tools/ops/src/store",
    "tools/ops/src/doctor/database.rs",
    "tools/ops/src/migrate.rs",
    "tools/ops/src/roles",
    "tools/local/src/console",
];

fn is_sql(string: &str) -> bool {
    let words: Vec<String> = string.split_whitespace().map(str::to_lowercase).collect();
    let pairs = [
        ("select", "from"),
        ("insert", "into"),
        ("update", "set"),
        ("delete", "from"),
    ];
    let is = |(verb, then): (&str, &str)| {
        words.first().is_some_and(|first| first == verb) && words.iter().any(|word| word == then)
    };
    pairs.into_iter().any(is)
}

#[test]
fn only_the_store_knows_sql() {
    for folder in [
        "shared/src",
        "functions",
        "tools/ops/src",
        "tools/local/src",
        "tools/standins/src",
    ] {
        for path in sources(folder, &["rs", "sql"]) {
            if SQL.iter().any(|may| path.starts_with(may)) || is_unit_test(&path) {
                continue;
            }
            assert!(
                path.extension().is_some_and(|is| is == "rs"),
                "{}",
                path.display()
            );
            // Statements are written in strings, that is between quotes.
            for string in code(&path).split('"').skip(1).step_by(2) {
                assert!(!is_sql(string), "{}: {string}", path.display());
            }
        }
    }
}

/// In these folders only these files, or files of these folders, have one of these words.
fn assert_only(folders: &[&str], may: &[&str], words: &[&str]) {
    for path in folders.iter().flat_map(|folder| sources(folder, &["rs"])) {
        let may = may.iter().any(|one| path.starts_with(one));
        let has = words.iter().find(|word| code(&path).contains(**word));
        assert!(may || has.is_none(), "{}: {has:?}", path.display());
    }
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let may = [
        "shared/src/config.rs",
        "shared/src/config/environment.rs",
        "tools/harness/src/tools.rs",
        "tools/bench/src/main.rs",
        // Cargo passes values to a build script through the environment.
        "functions/page/build.rs",
    ];
    assert_only(
        &["shared/src", "functions", "tools"],
        &may,
        &["env::var", "env::set_var"],
    );
}

#[test]
fn only_the_clients_speak_to_vendors() {
    let may = ["shared/src/clients", "shared/src/config.rs"];
    let words = ["reqwest::Client", "sendsmsmessage", "/emails\"", "bearer_auth"];
    assert_only(&["shared/src", "functions"], &may, &words);
}

/// The server's words quote rows. Of its errors the store keeps names only; a migration's message is for a person.
#[test]
fn only_the_store_reads_the_driver_s_errors() {
    let may = [
        "shared/src/store/error.rs",
        "shared/src/store/pool.rs",
        "shared/src/store/tls.rs",
        "tools/ops/src/migrate.rs",
        "tools/ops/src/doctor/database.rs",
    ];
    let words = ["tokio_postgres::Error", "DbError", "as_db_error", "with_message("];
    let folders = ["shared/src", "functions", "tools/ops/src", "tools/local/src"];
    assert_only(&folders, &may, &words);
}

#[test]
fn every_limit_and_age_stands_in_the_documents_with_its_default() {
    let limits = std::fs::read_to_string(tools::workspace().join("docs/limits.md")).unwrap();
    for limit in Limit::ALL {
        let line = format!("\n| `{}` | {} |", limit.name(), limit.default());
        assert!(limits.contains(&line), "{line}");
    }
    for what in Expiring::ALL {
        let line = format!("\n| `{}` | {} |", what.as_str(), what.default().word());
        assert!(limits.contains(&line), "{line}");
    }
}

#[test]
fn no_source_file_is_longer_than_four_hundred_lines() {
    let mut long = Vec::new();
    for folder in ["shared", "functions", "tools", "tests", "migrations"] {
        for path in sources(folder, &["rs", "sql", "py", "js", "css", "html"]) {
            let lines = text(&path).lines().count();
            if lines > LINES_MAX {
                long.push(format!("{}: {lines}", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_machine_s_path_stands_in_a_file() {
    let own = std::fs::canonicalize(tools::workspace()).unwrap();
    let own = own.to_string_lossy();
    for folder in ["shared", "functions", "tools", "tests", "migrations", "events"] {
        for path in sources(
            folder,
            &["rs", "sql", "py", "js", "css", "html", "json", "toml", "md"],
        ) {
            assert!(!text(&path).contains(own.as_ref()), "{}", path.display());
        }
    }
}

#[test]
fn every_migration_is_embedded_and_their_numbers_have_no_gap() {
    run(async {
        let db = Database::unmigrated().await;
        let mut client = connect(&db.url).await.unwrap();
        let applied = migrate(&mut client).await.unwrap().applied;
        let mut files: Vec<String> = sources("migrations", &["sql"])
            .iter()
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(applied.len(), files.len(), "applied {applied:?} of {files:?}");
        for (index, (file, name)) in files.iter().zip(&applied).enumerate() {
            let (number, what) = file.split_once("__").unwrap();
            assert_eq!(number, format!("V{:04}", index + 1), "{file}");
            assert_eq!(*name, format!("V{}__{what}", index + 1), "{file}");
        }
    });
}
