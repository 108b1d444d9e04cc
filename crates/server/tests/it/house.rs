//! The rules of the house that no compiler checks: who may import whom, that the documents speak of what is there,
//! and that oddities are labelled.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which of our crates each crate may import. `bcrypt` is a tool without nouns and may be used by whoever hashes.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("bcrypt", &[]),
    ("core", &[]),
    ("script", &[]),
    ("store", &["core"]),
    ("courier", &["core", "store", "script"]),
    ("flow", &["core", "store", "script", "courier"]),
    ("method", &["bcrypt", "core", "store", "script", "flow"]),
    ("web", &["core", "store", "flow"]),
    ("server", &["bcrypt", "core", "script", "store", "flow", "method", "courier", "web"]),
    ("testkit", &["core", "script", "store", "flow", "method", "courier", "web", "server"]),
];

/// Lines in a file of ours; above it becomes a folder.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Our Rust files in `crates/*/src`, by their path from the root, with their texts.
fn sources() -> BTreeMap<String, String> {
    let root = root();
    fs::read_dir(root.join("crates"))
        .unwrap()
        .flat_map(|entry| files(&entry.unwrap().path().join("src")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.strip_prefix(&root).unwrap().display().to_string(), read(&path)))
        .collect()
}

/// The sections of a manifest that hold what is built, and the names in them.
fn imports(manifest: &str) -> BTreeSet<String> {
    let mut wanted = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = line == "[dependencies]" || line == "[build-dependencies]";
        } else if let Some(name) = line.strip_prefix("zelos-").filter(|_| wanted) {
            found.insert(name.split(['.', ' ', '=']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

#[test]
fn crates_import_only_what_they_may() {
    let rules = BTreeMap::from(MAY_IMPORT);
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let allowed = rules.get(name).unwrap_or_else(|| panic!("crates/{name} has no rule"));
        for import in imports(&read(&folder.join("Cargo.toml"))) {
            assert!(allowed.contains(&import.as_str()), "crates/{name} must not import {import}");
        }
    }
}

#[test]
fn files_stay_small() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{path} has {lines} lines: make it a folder");
    }
}

#[test]
fn only_the_wiring_names_methods() {
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("crates/server/src")) {
        let named = text.contains("zelos_method::");
        assert_eq!(
            named,
            path.ends_with("/wiring.rs"),
            "{path}: concrete methods are named in wiring.rs, and only there"
        );
    }
}

/// Words in backquotes that look like a path of the repository.
fn paths_in(document: &str) -> BTreeSet<&str> {
    let roots = ["crates/", "docs/", "e2e/", "scripts/", "fuzz/", "bench/", ".ci/"];
    let quoted = document.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| roots.iter().any(|root| word.starts_with(root)) && !word.contains(['*', '<', ' ', '{']))
        .collect()
}

/// What is in the audit log stays as it was written, until it is old.
#[test]
fn the_audit_log_is_only_added_to() {
    for (path, text) in sources() {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for statement in ["UPDATE audit_events", "DELETE FROM audit_events", "REPLACE INTO audit_events"] {
            assert!(!text.contains(statement), "{path}: {statement}");
        }
        let named = text.contains("audit_events");
        let may = ["crates/store/src/audit.rs", "crates/store/src/cleanup.rs"].contains(&path.as_str());
        assert!(!named || may, "{path} speaks of the table audit_events");
    }
}

#[test]
fn documents_speak_of_what_is_there() {
    let root = root();
    let documents = files(&root.join("docs")).into_iter().filter(|path| path.extension().is_some_and(|it| it == "md"));
    let others = ["README.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    for document in documents.chain(others).filter(|path| path.exists()) {
        for path in paths_in(&read(&document)) {
            let place = path.split("::").next().unwrap_or_default().trim_end_matches(['.', ',']);
            assert!(root.join(place).exists(), "{}: there is no {path}", document.display());
        }
    }
}

#[test]
fn oddities_are_labelled_and_listed() {
    let list = root().join("docs/quirks.md");
    assert!(list.exists(), "docs/quirks.md lists the quirks");
    let list = read(&list);
    let mut marked = BTreeSet::new();
    for (path, text) in sources() {
        if text.lines().any(|line| line.trim_start().starts_with("//") && line.contains("Quirk:")) {
            assert!(list.contains(&path), "docs/quirks.md does not name {path}");
            marked.insert(path);
        }
    }
    for path in paths_in(&list)
        .into_iter()
        .filter(|path| path.contains("/src/") && Path::new(path).extension().is_some_and(|it| it == "rs"))
    {
        assert!(marked.contains(path), "docs/quirks.md names {path}, where no quirk is marked");
    }
}

#[test]
fn the_rules_notice() {
    assert_eq!(
        imports("[dependencies]\nzelos-core.workspace = true\n[dev-dependencies]\nzelos-web = {}\n"),
        ["core".to_owned()].into()
    );
    assert_eq!(
        paths_in("see `crates/core/src/lib.rs` and `not a path`, `crates/*/src`"),
        ["crates/core/src/lib.rs"].into()
    );
}
