//! Rules of the house that no compiler knows.

use harness::postgres::connect;
use harness::tools;
use harness::world::{Database, run};
use ops::migrate::migrate;
use std::path::{Path, PathBuf};

/// The longest a source file may be, in lines.
const LINES_MAX: usize = 400;

/// Source files below `folder`, relative to the checkout; nothing that a build or a tool has put there.
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

/// Modules of `shared`, and those that each may import. What stands further up knows nothing of what is below.
const IMPORTS: [(&str, &[&str]); 12] = [
    ("failpoint", &[]),
    ("failure", &[]),
    ("texts", &[]),
    ("telemetry", &[]),
    ("domain", &["domain", "failure", "texts"]),
    ("task", &["domain"]),
    ("config", &["config"]),
    ("http", &["texts"]),
    ("store", &["store", "domain", "failpoint", "failure", "config"]),
    ("clients", &["clients", "failpoint", "failure", "config"]),
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

#[test]
fn only_the_store_knows_sql() {
    let statements = [
        ("select", "from"),
        ("insert", "into"),
        ("update", "set"),
        ("delete", "from"),
    ];
    for folder in ["shared/src", "functions"] {
        for path in sources(folder, &["rs", "sql"]) {
            if path.starts_with("shared/src/store") || is_unit_test(&path) {
                continue;
            }
            assert!(
                path.extension().is_some_and(|is| is == "rs"),
                "{}",
                path.display()
            );
            // Statements are written in strings, that is between quotes.
            for string in code(&path).split('"').skip(1).step_by(2) {
                let words: Vec<&str> = string.split_whitespace().collect();
                let is_sql = |(verb, then): (&str, &str)| {
                    words
                        .first()
                        .is_some_and(|first| first.eq_ignore_ascii_case(verb))
                        && words.iter().any(|word| word.eq_ignore_ascii_case(then))
                };
                assert!(
                    !statements.into_iter().any(is_sql),
                    "{}: {string}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn only_the_configuration_reads_the_environment() {
    for folder in ["shared/src", "functions", "tools"] {
        for path in sources(folder, &["rs"]) {
            // A build script is told by cargo through the environment.
            let may = [
                "shared/src/config.rs",
                "shared/src/config/environment.rs",
                "tools/harness/src/tools.rs",
                "tools/bench/src/main.rs",
                "functions/page/build.rs",
            ]
            .iter()
            .any(|file| path.ends_with(file));
            let reads = ["env::var", "env::vars", "env::var_os", "env::set_var"]
                .iter()
                .any(|call| code(&path).contains(call));
            assert!(may || !reads, "{}", path.display());
        }
    }
}

#[test]
fn only_the_clients_speak_to_vendors() {
    for folder in ["shared/src", "functions"] {
        for path in sources(folder, &["rs"]) {
            let may = path.starts_with("shared/src/clients") || path.ends_with("shared/src/config.rs");
            let speaks = ["reqwest::Client", "sendsmsmessage", "/emails\"", "bearer_auth"]
                .iter()
                .any(|word| code(&path).contains(word));
            assert!(may || !speaks, "{}", path.display());
        }
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
