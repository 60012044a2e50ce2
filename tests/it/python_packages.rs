//! Packages from Python's index run on developers' machines and in CI: each file of them is known by its hash.

use harness::tools;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn requirements() -> PathBuf {
    tools::workspace().join("tools/harness/requirements")
}

/// What one file pins: versions by name, each with its number of hashes.
fn pinned(text: &str) -> BTreeMap<(String, String), usize> {
    let mut pinned = BTreeMap::new();
    let whole = text.replace("\\\n", " ");
    for line in whole.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(package) = words.next() else { continue };
        let (name, version) = package.split_once("==").unwrap_or_else(|| panic!("{line}"));
        let hashes: Vec<&str> = words.filter_map(|word| word.strip_prefix("--hash=")).collect();
        for hash in &hashes {
            let hash = hash.strip_prefix("sha256:").unwrap_or_else(|| panic!("{line}"));
            assert!(
                hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{line}"
            );
        }
        assert!(!line.contains("://"), "{line}");
        pinned.insert((name.to_owned(), version.to_owned()), hashes.len());
    }
    pinned
}

#[test]
fn every_python_package_is_pinned_with_its_hashes() {
    let mut files = 0;
    for entry in std::fs::read_dir(requirements()).unwrap() {
        let asked = entry.unwrap().path();
        if asked.extension().is_none_or(|extension| extension != "in") {
            continue;
        }
        let pins = std::fs::read_to_string(asked.with_extension("txt")).unwrap();
        let pins = pinned(&pins);
        assert!(pins.values().all(|hashes| *hashes > 0), "{pins:#?}");
        for (one, _) in pinned(&std::fs::read_to_string(&asked).unwrap()) {
            assert!(pins.contains_key(&one), "{one:?}: run {REFRESH}");
        }
        files += 1;
    }
    assert_eq!(files, 3);
}

const REFRESH: &str = "tools/harness/requirements/refresh.sh";

/// All that people and machines run, below `folder`.
fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", ".git", "it"].contains(&name.as_str()) {
                scripts(&path, found);
            }
        } else if path.extension().is_none_or(|is| {
            ["rs", "sh", "py", "yml", "yaml", "md"]
                .iter()
                .any(|one| is == *one)
        }) {
            found.push(path);
        }
    }
}

#[test]
fn nothing_is_installed_by_pip_without_hashes() {
    let root = tools::workspace();
    let mut files = Vec::new();
    for folder in [".ci", ".github", "docs", "shared", "functions", "tests", "tools"] {
        scripts(&root.join(folder), &mut files);
    }
    files.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    let mut installations = 0;
    for path in files.iter().filter(|path| !path.ends_with(REFRESH)) {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let here = ["pip install", "pip\" install", "\"pip\", \"install\""]
            .iter()
            .map(|one| text.matches(one).count())
            .sum::<usize>();
        // `run("pip install", …)` is only what the step is called.
        let here = here - text.matches("run(\"pip install\"").count();
        let safe = ["--require-hashes", "--no-deps", "--only-binary"];
        for option in safe {
            assert!(
                text.matches(option).count() >= here,
                "{}: pip installs without {option}",
                path.display()
            );
        }
        installations += here;
    }
    assert_eq!(installations, 3, "found by other words?");
}
