//! JSON Patch: the cases of RFC 6902 as far as the wire takes them, and what may not be patched in every spelling.

use super::*;
use serde_json::json;

fn patched(patch: &Value) -> Result<Value, String> {
    let mut document = json!({"id": "1", "traits": {"a": 1}, "list": [1, 2], "none": null});
    apply(patch.to_string().as_bytes(), &mut document).map(|()| document)
}

#[test]
fn operations_change_the_document() {
    let cases = [
        (json!([{"op": "add", "path": "/traits/b", "value": 2}]), "/traits/b", json!(2)),
        (json!([{"op": "replace", "path": "/traits/c", "value": 3}]), "/traits/c", json!(3)),
        (json!([{"op": "add", "path": "/none/x/y", "value": 1}]), "/none", json!({"x": {"y": 1}})),
        (json!([{"op": "add", "path": "/list/-", "value": 3}]), "/list", json!([1, 2, 3])),
        (json!([{"op": "add", "path": "/list/0", "value": 0}]), "/list", json!([0, 1, 2])),
        (json!([{"op": "replace", "path": "/list/1", "value": 9}]), "/list", json!([1, 9])),
        (json!([{"op": "remove", "path": "/list/0"}]), "/list", json!([2])),
        (json!([{"op": "add", "path": "/traits/x~1y~0z", "value": 1}]), "/traits", json!({"a": 1, "x/y~z": 1})),
    ];
    for (patch, pointer, expected) in cases {
        assert_eq!(patched(&patch).unwrap().pointer(pointer), Some(&expected), "{patch}");
    }
    assert!(patched(&json!([{"op": "remove", "path": "/traits/a"}])).unwrap()["traits"].get("a").is_none());
}

#[test]
fn denied_paths_are_denied_in_every_spelling() {
    for path in [
        "/id",
        "/ID",
        "/Id",
        "/stateChangedAt",
        "/statechangedat",
        "/credentials",
        "/CREDENTIALS",
        "/credentials/oidc",
        "/credentials/oidc/",
        "/credentials/oidc/config/x",
        "/Credentials/OIDC/config/providers/0",
        "/credentials~1oidc",
        "/credentials~1saml",
        "/credentials/oidc~1config",
        "/credentials/saml",
        "/credentials/SAML/identifiers/-",
    ] {
        for operation in ["add", "replace", "remove"] {
            let refused = patched(&json!([{"op": operation, "path": path, "value": 1}])).unwrap_err();
            assert_eq!(refused, format!("patch includes denied path: {path}"), "{operation}");
        }
    }
}

/// What only looks like a denied path leads to a member that nobody reads, or nowhere.
#[test]
fn what_only_looks_denied_changes_nothing_that_is_read() {
    let document = json!({"id": "1", "credentials": {"oidc": {"config": 1}}, "state_changed_at": "x"});
    for path in [
        "/id/",
        "/id/x",
        "/%69d",
        "/%2Fid",
        "/credentials%2Foidc",
        "/credentials%2foidc%2fconfig",
        "/credentials~01oidc",
        "//credentials/oidc",
        "//id",
        "/./id",
        "/traits/../id",
        "/credential\u{17f}",
        " /id",
        "id",
        "#/id",
        "",
        "/i\u{0}d",
    ] {
        for operation in ["add", "replace", "remove"] {
            let mut changed = document.clone();
            let patch = json!([{"op": operation, "path": path, "value": {"x": 1}}]).to_string();
            if apply(patch.as_bytes(), &mut changed).is_ok() {
                assert_eq!(changed["id"], "1", "{operation} {path}");
                assert_eq!(changed["credentials"], document["credentials"], "{operation} {path}");
            }
        }
    }
    // The name on the list is misspelt, so this one is free.
    let patch = br#"[{"op": "replace", "path": "/state_changed_at", "value": "y"}]"#;
    assert_eq!(apply(patch, &mut document.clone()), Ok(()));
}

#[test]
fn other_operations_are_refused_whatever_they_name() {
    for (operation, path, from) in [
        ("move", "/traits/a", "/id"),
        ("move", "/id", "/traits/a"),
        ("copy", "/traits/a", "/credentials/oidc"),
        ("copy", "/credentials/oidc", "/traits"),
        ("test", "/credentials/oidc", "/x"),
        ("test", "/id", "/x"),
        ("ADD", "/traits/a", "/x"),
        ("", "/traits/a", "/x"),
    ] {
        let patch = json!([{"op": operation, "path": path, "from": from, "value": 1}]);
        assert_eq!(patched(&patch).unwrap_err(), format!("unsupported operation: {operation}"));
    }
    for twice in [
        r#"[{"op": "add", "path": "/traits/a", "path": "/id", "value": 1}]"#,
        r#"[{"op": "test", "op": "add", "path": "/traits/a", "value": 1}]"#,
    ] {
        assert!(apply(twice.as_bytes(), &mut json!({"id": "1", "traits": {}})).is_err(), "{twice}");
    }
}

/// A case of the suite.
#[derive(Debug, serde::Deserialize)]
struct Case {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    doc: Value,
    patch: Option<Value>,
    expected: Option<Value>,
    error: Option<String>,
    #[serde(default)]
    disabled: bool,
}

/// Where the wire is more lenient than the standard: what should fail makes what is missing.
const LENIENT: [&str; 3] = [
    "4.1. add with missing object",
    "A.12.  Adding to a Non-existent Target",
    "test replace with missing parent key should fail",
];

#[test]
fn the_cases_of_the_standard_come_out_as_it_says() {
    let suites = [
        include_str!("../../testdata/json-patch/tests.json"),
        include_str!("../../testdata/json-patch/spec_tests.json"),
    ];
    let mut counts = [0; 3];
    for case in suites.into_iter().flat_map(|suite| serde_json::from_str::<Vec<Case>>(suite).unwrap()) {
        let Some(patch) = case.patch.filter(|_| !case.disabled) else { continue };
        let operations = patch.as_array().unwrap();
        let taken = |operation: &Value| {
            matches!(operation["op"].as_str(), Some("add" | "remove" | "replace")) && operation["path"] != ""
        };
        let mut document = case.doc.clone();
        let done = apply(patch.to_string().as_bytes(), &mut document);
        if !operations.iter().all(taken) {
            counts[0] += 1;
            assert!(done.is_err(), "not of the wire: {} {patch}", case.comment);
        } else if case.error.is_some() && !LENIENT.contains(&case.comment.as_str()) {
            counts[1] += 1;
            assert_ne!(done, Ok(()), "should fail: {} {patch}", case.comment);
        } else if let Some(expected) = case.expected {
            counts[2] += 1;
            assert_eq!((done, document), (Ok(()), expected), "{} {patch}", case.comment);
        }
    }
    assert_eq!(counts, [39, 16, 50], "what the wire does not take, what fails, what works");
}

#[test]
fn the_rest_is_refused() {
    assert_eq!(apply(b" ", &mut Value::Null).unwrap_err(), "unexpected end of JSON input");
    for patch in [
        json!({}),
        json!([{"op": "test", "path": "/id"}]),
        json!([{"op": "add"}]),
        json!([{"op": "add", "path": "", "value": 1}]),
        json!([{"op": "add", "path": "traits", "value": 1}]),
        json!([{"op": "remove", "path": "/nothing"}]),
        json!([{"op": "replace", "path": "/list/2", "value": 1}]),
        json!([{"op": "add", "path": "/list/4", "value": 1}]),
        json!([{"op": "add", "path": "/id/x", "value": 1}]),
    ] {
        assert!(patched(&patch).is_err(), "{patch}");
    }
}
