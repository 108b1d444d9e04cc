//! The commands an operator types: names, flags, output and exit codes as scripts for the original know them.

use super::place::{Ended, Place};
use serde_json::{Value, json};
use std::fs;

/// A server, and its operator's shell.
struct Desk {
    place: Place,
    _server: super::place::Process,
    endpoint: String,
}

impl Desk {
    fn new() -> Self {
        let place = Place::new();
        let server = place.serve(&place.sqlite());
        let endpoint = format!("http://127.0.0.1:{}", place.admin);
        Self { place, _server: server, endpoint }
    }

    fn run(&self, line: &str) -> Ended {
        self.place.run(line, &[("KRATOS_ADMIN_URL", &self.endpoint)])
    }

    /// Runs what must succeed, without a word of complaint, and answers with its output.
    fn out(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""), "{line}: {}", ended.out);
        ended.out
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.out(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// Runs what must fail and say so.
    fn fails(&self, line: &str, words: &[&str]) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.out);
        for word in words {
            assert!(ended.log.contains(word), "{line}: {word} is not in: {}", ended.log);
        }
        assert!(!ended.log.contains("panicked"), "{}", ended.log);
        ended
    }

    fn write(&self, name: &str, content: &Value) {
        fs::write(self.place.path(name), content.to_string()).unwrap();
    }
}

fn person(name: &str) -> Value {
    json!({ "schema_id": "default", "traits": { "email": format!("{name}@example.org") } })
}

#[test]
fn people_are_brought_in_shown_listed_and_deleted() {
    let desk = Desk::new();
    let mut ada = person("ada");
    ada["external_id"] = "customer-1".into();
    desk.write("ada.json", &ada);
    desk.write("two.json", &json!([person("bob"), person("cleo")]));

    let text = desk.out("import identities ada.json");
    let id = text.lines().next().unwrap().strip_prefix("ID\t\t\t").unwrap().trim_end().to_owned();
    let url = format!("http://127.0.0.1:{}/schemas/ZGVmYXVsdA", desk.place.public);
    let upright = [
        format!("ID\t\t\t{id}\t\t\n"),
        "EXTERNAL ID\t\tcustomer-1\t\t\t\t\t\n".to_owned(),
        "VERIFIED ADDRESSES\tada@example.org\t\t\t\t\t\n".to_owned(),
        "RECOVERY ADDRESSES\tada@example.org\t\t\t\t\t\n".to_owned(),
        "SCHEMA ID\t\tdefault\t\t\t\t\t\t\n".to_owned(),
        format!("SCHEMA URL\t\t{url}\t\n"),
    ];
    assert_eq!(text, upright.concat());
    assert_eq!(desk.out(&format!("get identity {id}")), text);
    assert_eq!(desk.out("get identity --external-id customer-1 -q"), format!("{id}\n"));

    // Several lie down, and a table of people ends with the next page, even where only ids are asked for.
    let text = desk.out("import identities two.json -q");
    let ids: Vec<&str> = text.lines().collect();
    let [bob, cleo, "", "NEXT PAGE TOKEN"] = ids.as_slice() else { panic!("{text}") };
    let text = desk.out(&format!("get identity {bob} {cleo}"));
    assert!(text.starts_with("ID\t\t\t\t\tEXTERNAL ID\tVERIFIED ADDRESSES\t"), "{text}");
    assert!(text.contains(&format!("\n{bob}\t<none>\t\tbob@example.org\t\tbob@example.org\t\tdefault\t\t{url}\t\n")));

    let page = desk.json("list identities --page-size 2 --format json");
    let token = page["next_page_token"].as_str().unwrap();
    assert_eq!(page["identities"].as_array().unwrap().len(), 2);
    let names: Vec<&String> = page["identities"][0].as_object().unwrap().keys().collect();
    assert!(names.is_sorted() && names.contains(&&"organization_id".to_owned()), "{names:?}");
    let rest =
        desk.json(&format!("ls identities --page-size 2 --page-token {token} --consistency strong --format json"));
    assert_eq!((rest["identities"][0]["id"].as_str(), &rest["next_page_token"]), (Some(*cleo), &json!("")));

    let foreign = desk.fails("ls identities --page-token -YPwcT8avMxI5GGr", &[]);
    assert!(!foreign.log.contains("unexpected argument"), "a token may begin with a hyphen: {}", foreign.log);

    let several = desk.json(&format!("get identity {bob} {cleo} --format json"));
    assert_eq!(several[1]["traits"]["email"], "cleo@example.org");
    let password = &several[1]["credentials"]["password"];
    assert!(password["created_at"].is_string());
    assert_eq!(password["created_at"], password["updated_at"], "the password to set comes and is named in one moment");
    let partly = desk.fails(&format!("get identity {bob} nobody"), &["nobody: "]);
    assert!(partly.out.contains(bob), "{}", partly.out);
    desk.fails(&format!("get identity {bob} -i password"), &["oidc"]);
    assert_eq!(desk.out(&format!("get identity {bob} -i oidc -q")), format!("{bob}\n"));

    assert_eq!(desk.json(&format!("delete identity {bob} --format json")), json!(bob));
    let partly = desk.fails(&format!("delete identity {bob} {cleo} -q"), &[bob]);
    assert_eq!(partly.out, format!("{cleo}\n"));
    desk.fails(&format!("get identity {cleo}"), &[cleo]);
}

#[test]
fn output_has_many_forms() {
    let desk = Desk::new();
    desk.write("ada.json", &person("ada"));
    let id = desk.out("import identities ada.json -q");
    let id = id.trim_end();
    for (format, expected) in [
        ("jsonpath=identities.0.id", format!("\"{id}\"\n")),
        ("jsonpath=identities.#.traits.email", "[\n  \"ada@example.org\"\n]\n".to_owned()),
        ("jsonpath=nowhere", "null\n".to_owned()),
        ("jsonpointer=/identities/0/traits/email", "\"ada@example.org\"\n".to_owned()),
        ("jsonpointer=/next_page_token", "\"\"\n".to_owned()),
    ] {
        assert_eq!(desk.out(&format!("list identities --format {format}")), expected, "{format}");
    }
    let one_line = desk.out("list identities --format json");
    assert_eq!(one_line.lines().count(), 1);
    let pretty = desk.out("list identities --format json-pretty");
    assert!(pretty.starts_with("{\n  \"identities\": [\n    {\n      \"created_at\": "), "{pretty}");
    let yaml = desk.out("list identities --format yaml");
    assert!(yaml.starts_with("identities:\n- created_at: \"2"), "{yaml}");
    assert!(yaml.contains(&format!("\n  id: {id}\n")) && yaml.ends_with("\nnext_page_token: \"\"\n"), "{yaml}");
    assert_eq!(desk.out("ls identities --format default"), desk.out("ls identities"));

    desk.fails("list identities --format jsonpointer=/nowhere", &["/nowhere"]);
    for wrong in ["xml", "jsonpath", "jsonpointer=nowhere"] {
        // A slip is noticed before anybody is deleted.
        desk.fails(&format!("delete identity {id} --format {wrong}"), &["--format"]);
    }
    assert_eq!(desk.out(&format!("get identity {id} -q")), format!("{id}\n"));
}

#[test]
fn what_cannot_be_brought_in_is_said() {
    let desk = Desk::new();
    desk.write("ada.json", &person("ada"));
    let mut misspelt = person("bob");
    misspelt["trait"] = json!({});
    desk.write("mixed.json", &json!([person("ada"), misspelt, person("cleo")]));
    desk.out("import identities ada.json");
    let mixed = desk
        .fails("import identities mixed.json -q", &["mixed.json[0]: ", "mixed.json[1]: json: unknown field \"trait\""]);
    assert_eq!((mixed.out.lines().count(), mixed.log.lines().count()), (1, 2), "{} {}", mixed.out, mixed.log);

    desk.fails("import identities nowhere.json", &["nowhere.json"]);
    fs::write(desk.place.path("broken.json"), "{ \"traits\": ").unwrap();
    desk.fails("import identities broken.json", &["broken.json", "line 1"]);
    desk.fails("import identities", &["STD_IN"]);

    let lines = format!("{}\n{}\n", person("dora"), person("emil"));
    let fed = desk.place.run_fed("import identities - -q", &[("KRATOS_ADMIN_URL", &desk.endpoint)], &lines);
    assert_eq!((fed.code, fed.out.lines().count()), (Some(0), 4), "{}{}", fed.out, fed.log);
}

#[test]
fn files_are_checked_against_the_body_and_the_schema() {
    let desk = Desk::new();
    desk.write("good.json", &json!([person("ada"), person("bob")]));
    assert_eq!(desk.out("validate identity good.json"), "All identity files are valid.\n");
    let fed =
        desk.place.run_fed("validate identity", &[("KRATOS_ADMIN_URL", &desk.endpoint)], &person("x").to_string());
    assert_eq!((fed.code, fed.out.as_str()), (Some(0), "All identity files are valid.\n"), "{}", fed.log);

    let cases: [(Value, &[&str]); 5] = [
        (json!({ "schema_id": "default", "traits": {}, "x": 1 }), &["unknown field \"x\"", "email"]),
        (json!({ "schema_id": "default", "traits": { "email": 7 } }), &["bad.json[0]: traits.email: "]),
        (json!({ "traits": { "email": "a@b.org" } }), &["schema_id is missing"]),
        (json!({ "schema_id": "none", "traits": {} }), &["\"none\""]),
        (json!([person("ada"), {}]), &["bad.json[1]: "]),
    ];
    for (bad, words) in cases {
        desk.write("bad.json", &bad);
        desk.fails("validate identity bad.json", words);
    }
    assert_eq!(desk.json("list identities --format json")["identities"], json!([]), "nobody was brought in");
}

#[test]
fn servers_are_looked_at_from_afar() {
    let desk = Desk::new();
    assert_eq!(desk.out("remote status"), "ALIVE\ttrue\t\nREADY\ttrue\t\n");
    assert_eq!(desk.json("remote status --format json"), json!({ "alive": true, "ready": true }));
    assert_eq!(desk.out("remote version"), format!("VERSION\t{}\t\n", zelos_server::VERSION));

    let elsewhere = desk.fails("remote status -e http://127.0.0.1:1", &["127.0.0.1:1"]);
    assert_eq!(elsewhere.out, "ALIVE\tfalse\t\nREADY\tfalse\t\n");
    desk.fails("remote version --endpoint ftp://127.0.0.1/", &["http://"]);
    desk.fails("remote version --endpoint http://127.0.0.1/ --token a\u{7f}b", &["token"]);
    let nowhere = desk.place.run("remote -q version", &[]);
    assert_eq!((nowhere.code, nowhere.log.contains("KRATOS_ADMIN_URL")), (Some(1), true), "{}", nowhere.log);
    let after = desk.place.run(&format!("remote version -q --endpoint {}/", desk.endpoint), &[]);
    assert_eq!(after.code, Some(0), "{}", after.log);
}

#[test]
fn a_locked_admin_door_opens_to_the_token() {
    let place = Place::new();
    let made = place.run("admin token --scope write", &[]);
    let (token, lines) = made.out.split_once("\n\n").unwrap();
    let kept = lines.lines().find_map(|line| line.trim().strip_prefix("sha256: ")).unwrap();
    let mut config = place.config(&place.sqlite());
    config["serve"]["admin"]["auth"] = json!({ "tokens": [{ "name": "me", "sha256": kept, "scopes": ["write"] }] });
    let _server = place.serve_with(&config);
    fs::write(place.path("ada.json"), person("ada").to_string()).unwrap();
    let endpoint = format!("http://127.0.0.1:{}", place.admin);
    let run = |line: &str, token: &[(&str, &str)]| {
        place.run(line, &[&[("KRATOS_ADMIN_URL", endpoint.as_str())], token].concat())
    };

    for line in ["import identities ada.json", "list identities", "remote version"] {
        for shown in [&[][..], &[("ZELOS_ADMIN_TOKEN", "")], &[("ZELOS_ADMIN_TOKEN", "zelos_at_wrong")]] {
            let refused = run(line, shown);
            assert_eq!(refused.code, Some(1), "{line}: {}", refused.log);
            assert!(refused.log.contains("token") && !refused.log.contains("zelos_at_wrong"), "{}", refused.log);
        }
        let passed = run(line, &[("ZELOS_ADMIN_TOKEN", token)]);
        assert_eq!((passed.code, passed.log.as_str()), (Some(0), ""), "{line}: {}", passed.out);
    }
    let by_flag = run(&format!("list identities --token {token} --format jsonpath=identities.#"), &[]);
    assert_eq!((by_flag.code, by_flag.out.as_str()), (Some(0), "1\n"), "{}", by_flag.log);
    // Whoever watches over a server needs no token, nor does whoever asks for its schemas.
    for line in ["remote status", "validate identity ada.json"] {
        assert_eq!(run(line, &[]).code, Some(0), "{line}");
    }
}
