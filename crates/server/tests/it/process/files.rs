//! People in files: written down by an export, and taken from exports, from the original's import files and from tables,
//! straight into a database.

use super::{
    moving::{Left, app, everybody_is_who_they_were, moved, place, says},
    place::{Ended, Fresh, Place, wait},
};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs};
use zelos_testkit::{App, Mode};

const HASH_OF_TEST: &str = "$argon2id$v=19$m=32,t=2,p=4$cm94YnRVOW5jZzFzcVE4bQ$MNzk5BtR2vUhrp6qQEjRNw";

/// Runs an import of a file with that content.
fn import(place: &Place, name: &str, content: &str, more: &str) -> Ended {
    fs::write(place.path(name), content).unwrap();
    place.run(&format!("import identities -c kratos.yml --direct {more} {name}"), &[])
}

fn person(name: &str) -> Value {
    json!({
        "schema_id": "default",
        "traits": { "email": format!("{name}@example.org") },
        "credentials": { "password": { "config": { "password": format!("{name} has a long pass phrase") } } },
    })
}

async fn can_sign_in(app: &App, name: &str) -> bool {
    let password = format!("{name} has a long pass phrase");
    app.visitor(Mode::Native).sign_in(&format!("{name}@example.org"), &password).await.status == 200
}

async fn count(app: &App) -> usize {
    app.admin("GET", "/admin/identities", None).await.json().as_array().unwrap().len()
}

#[test]
fn an_export_comes_back_as_it_was() {
    let left = Left::on_sqlite();
    for target in left.targets() {
        let source = Fresh::sqlite();
        let from = place(source.dsn());
        assert_eq!(moved(&from, &left, "").code, Some(0));
        let ended = from.run("export identities -c kratos.yml --to all.ndjson", &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        says(&ended.out, &["11 identities were written"]);
        assert_eq!(from.run("export -c kratos.yml --to all.ndjson", &[]).code, Some(1), "no file is written over");
        let file = from.path("all.ndjson");
        let text = fs::read_to_string(&file).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        assert_eq!(from.run("export -c kratos.yml", &[]).out, text, "standard output");

        let to = place(target.dsn());
        let ended = import(&to, "all.ndjson", &text, "");
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
        says(&ended.out, &["of 11: 11 imported, 0 already present, 0 skipped"]);
        wait(async {
            let app = app(&target).await;
            everybody_is_who_they_were(&app, &left).await;
            let password = left.said["password"].as_str().unwrap();
            assert_eq!(app.visitor(Mode::Native).sign_in("ada@example.org", password).await.status, 200);
        });
        let again = import(&to, "all.ndjson", &text, "--skip-existing");
        assert_eq!(again.code, Some(0), "{}", again.log);
        says(&again.out, &["0 imported, 11 already present"]);
        let again = to.run_fed("import identities -c kratos.yml --direct", &[], &text);
        assert_eq!(again.code, Some(1), "{}", again.out);
        says(&again.log, &["STD_IN:1: ", "11 identities were skipped"]);
    }
}

#[test]
fn what_the_admin_api_of_kratos_lists_comes_in() {
    let left = Left::on_sqlite();
    let mut people = left.said["people"].clone();
    for person in people.as_array_mut().unwrap() {
        person["schema_url"] = json!("http://kratos.example.org/schemas/ZGVmYXVsdA");
    }
    for target in left.targets() {
        let ended = import(&place(target.dsn()), "people.json", &people.to_string(), "");
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
        wait(async { everybody_is_who_they_were(&app(&target).await, &left).await });
    }
}

#[test]
fn a_sealed_factor_whose_secret_is_gone_is_told() {
    let (left, source) = (Left::on_sqlite(), Fresh::sqlite());
    let place = place(source.dsn());
    assert_eq!(moved(&place, &left, "").code, Some(0));
    let config = fs::read_to_string(place.path("kratos.yml")).unwrap();
    place.write_text(&config.replace("a-cipher-secret-for-tests-32-lon", "b-cipher-secret-for-tests-32-lon"));
    let ended = place.run("export -c kratos.yml --to all.ndjson", &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    says(&ended.log, &["totp cannot be opened", "2 second factors were written empty"]);
}

#[test]
fn files_of_the_original_and_tables_come_in() {
    for target in std::iter::once_with(Fresh::sqlite).chain(Fresh::on_each_server()) {
        let place = place(target.dsn());
        let lines = format!("{}\n{}\n", person("ada"), person("bob"));
        for (name, content, more) in [
            ("lines.json", lines, ""),
            ("array.json", json!([person("cleo"), person("dora")]).to_string(), "--batch 1"),
            ("one.json", format!("{:#}", person("emma")), ""),
            (
                "table.csv",
                "Mail,Password,Since\nfay@example.org,fay has a long pass phrase,2001\n".to_owned(),
                "--map Mail=traits.email,Password=credentials.password.config.password,Since=metadata_public.since:number",
            ),
        ] {
            let ended = import(&place, name, &content, more);
            assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""), "{name}: {}", ended.out);
        }
        let again = place.run("import identities -c kratos.yml --direct --skip-existing lines.json array.json", &[]);
        assert_eq!((again.code, again.log.as_str()), (Some(0), ""), "{}", again.out);
        says(&again.out, &["0 imported, 4 already present"]);
        wait(async {
            let app = app(&target).await;
            for name in ["ada", "bob", "cleo", "dora", "emma", "fay"] {
                assert!(can_sign_in(&app, name).await, "{name}");
            }
            let fay = app.admin("GET", "/admin/identities?credentials_identifier=fay@example.org", None).await.json();
            assert_eq!(fay[0]["metadata_public"], json!({ "since": 2001 }));
        });
    }
}

#[test]
fn one_who_cannot_come_in_stops_nobody_else() {
    let target = Fresh::sqlite();
    let place = place(target.dsn());
    let mut unknown_hash = person("cleo");
    unknown_hash["credentials"]["password"]["config"] = json!({ "hashed_password": "$1$a$b" });
    let mut misspelt = person("dora");
    misspelt["trait"] = json!({});
    let mut nobody = person("emma");
    nobody["traits"]["email"] = json!("no address");
    let mut elsewhere = person("fay");
    elsewhere["schema_id"] = json!("elsewhere");
    let mut lines = String::new();
    for line in [
        person("ada").to_string(),
        "{ oops }".to_owned(),
        unknown_hash.to_string(),
        misspelt.to_string(),
        nobody.to_string(),
        elsewhere.to_string(),
        person("ada").to_string(),
        json!({ "id": "x", "created_at": "y" }).to_string(),
        person("gil").to_string(),
    ] {
        writeln!(lines, "{line}").unwrap();
    }
    let ended = import(&place, "all.json", &lines, "");
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
    let told = [
        "all.json:2: is not JSON",
        "all.json:3: The imported password does not match any known hash format.",
        "all.json:4: json: unknown field \"trait\"",
        "all.json:5: ",
        "all.json:6: Unable to find JSON Schema ID: elsewhere",
        "all.json:7: somebody else here signs in with the same identifier",
        "all.json:8: ",
    ];
    says(&ended.log, &told);
    let places = ended.log.lines().filter(|line| line.starts_with("all.json:"));
    assert_eq!(places.count(), told.len(), "{}", ended.log);
    let report = fs::read_to_string(place.path("import-identities-skipped.jsonl")).unwrap();
    let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut numbers: Vec<u64> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!((&lines[0]["file"], &lines[0]["index"]), (&json!("all.json"), &json!(1)), "{report}");
    says(
        &ended.out,
        &["skipped rows: 7 in import-identities-skipped.jsonl", "of 9: 2 imported, 0 already present, 7 skipped"],
    );
    wait(async {
        let app = app(&target).await;
        assert!(can_sign_in(&app, "ada").await && can_sign_in(&app, "gil").await);
        assert_eq!(count(&app).await, 2);
    });
    fs::write(place.path("all.csv"), "b\nx\n").unwrap();
    for (line, words) in [
        ("import identities -c kratos.yml --direct nowhere.json", "nowhere.json: cannot be read"),
        ("import identities -c kratos.yml --direct --map a=b.c all.csv", "there is no column \"a\""),
        ("import identities -c kratos.yml --direct --endpoint http://127.0.0.1:1 all.json", "no server is asked"),
    ] {
        let ended = place.run(line, &[]);
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.out);
        says(&ended.log, &[words]);
    }
}

#[test]
fn each_identity_of_a_file_is_imported_or_skipped_with_a_reason() {
    let target = Fresh::sqlite();
    let place = place(target.dsn());
    let exported = |name: &str, at: &str| {
        json!({
            "id": "0190e0e0-0000-4000-8000-000000000001",
            "schema_id": "default",
            "traits": { "email": format!("{name}@example.org") },
            "created_at": at,
            "updated_at": "2026-11-25T16:27:13Z",
        })
    };
    let mut unverified = person("bob");
    unverified["verifiable_addresses"] = json!([{ "value": "bob@example.org", "via": "email", "verified": true, "verified_at": "9999-12-31T23:59:59-23:59" }]);
    let array = format!(
        "[{},\n{{\"traits\":{{\"email\":\"\u{1b}[2J\"}},\"\u{1b}[31m\":1}},\n7,\n{},\n{},\n{}]",
        person("ada"),
        exported("eve", "0000-01-01T00:00:00+23:59"),
        unverified,
        person("cleo"),
    );
    fs::write(place.path("array.json"), array).unwrap();
    let mut table = b"traits.email,schema_id\ndora@example.org,default\n".to_vec();
    table.extend(b"\xff@example.org,default\nemma@example.org,\x1b]0;x\x07\nfay@example.org,default\n");
    fs::write(place.path("table.csv"), table).unwrap();
    let line = "import identities -c kratos.yml --direct --report r.jsonl array.json nowhere.json table.csv";
    let ended = place.run(line, &[]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
    says(&ended.out, &["of 10: 4 imported, 0 already present, 6 skipped", "skipped rows: 6 in r.jsonl"]);
    says(
        &ended.log,
        &[
            "array.json:4: created_at: it is outside of the years 0000 to 9999 in UTC",
            "verifiable_addresses[0].verified_at: it is outside",
            "table.csv:3: is not UTF-8",
            "nowhere.json: cannot be read",
        ],
    );
    assert!(ended.log.chars().all(|c| !c.is_control() || c == '\n'), "{:?}", ended.log);
    let report = fs::read_to_string(place.path("r.jsonl")).unwrap();
    assert_eq!(report.lines().count(), 6, "{report}");
    let line = "import identities -c kratos.yml --direct --skip-existing --allow-skipped array.json table.csv";
    let ended = place.run(line, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
    says(&ended.out, &["of 10: 0 imported, 4 already present, 6 skipped"]);
}

#[cfg(debug_assertions)]
#[test]
fn an_import_that_is_killed_goes_on() {
    use zelos_core::fail_point::VARIABLE;
    for target in std::iter::once_with(Fresh::sqlite).chain(Fresh::on_each_server()) {
        let place = place(target.dsn());
        let hashed = |number| {
            let mut person = person(&format!("p{number}"));
            person["credentials"]["password"]["config"] = json!({ "hashed_password": HASH_OF_TEST });
            person.to_string() + "\n"
        };
        fs::write(place.path("all.json"), (0..7).map(hashed).collect::<String>()).unwrap();
        let line = format!("import identities --to {} -c kratos.yml --batch 2 --skip-existing all.json", target.dsn());
        let mut deaths = 0;
        let ended = loop {
            let moment = ["before a part of an import is saved", "after a part of an import is saved"][deaths % 2];
            let ended = place.run(&line, &[(VARIABLE, moment)]);
            if ended.code.is_some() {
                break ended;
            }
            deaths += 1;
            assert!(deaths < 20, "it does not come to an end");
        };
        assert_eq!((ended.code, deaths), (Some(0), 8), "{}{}", ended.out, ended.log);
        wait(async {
            let app = app(&target).await;
            assert_eq!(count(&app).await, 7);
            assert_eq!(app.visitor(Mode::Native).sign_in("p6@example.org", "test").await.status, 200);
        });
    }
}
