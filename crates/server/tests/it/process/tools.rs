//! Commands that need no server: what hashing costs, Jsonnet in form, clean-up, the doctor, keys explained.

use super::{
    client,
    place::{Ended, Place},
};
use serde_json::{Value, json};
use std::{fs, io::Read as _, net::TcpListener};

fn run(place: &Place, line: &str) -> Ended {
    place.run(line, &[])
}

fn out(place: &Place, line: &str) -> String {
    let ended = run(place, line);
    assert_eq!(ended.code, Some(0), "{line}: {}", ended.log);
    ended.out
}

fn fails(place: &Place, line: &str, words: &[&str]) -> Ended {
    let ended = run(place, line);
    assert_eq!(ended.code, Some(1), "{line}: {}", ended.out);
    for word in words {
        assert!(ended.log.contains(word), "{line}: {word} is not in: {}", ended.log);
    }
    ended
}

fn heads(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split('\t').next().unwrap()).collect()
}

#[test]
fn hashing_is_measured() {
    let place = Place::new();
    for line in ["hashers argon2 hash one two --memory 64KB", "hashers argon2 hash one two --memory 64KB --parallel"] {
        let text = out(&place, line);
        let mut words: Vec<&str> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
        words.sort_unstable();
        assert_eq!(words, ["password 0", "password 1", "total"], "{text}");
    }
    fails(&place, "hashers argon2 hash one --memory 4GB", &["bounds"]);
    fails(&place, "hashers argon2 hash", &["PASSWORD"]);

    let load = "hashers argon2 load-test 6000 --memory 1.00MB --parallelism 1 --sample-time 20ms";
    let text = out(&place, load);
    let parameters = [
        "MEMORY",
        "ITERATIONS",
        "PARALLELISM",
        "SALT LENGTH",
        "KEY LENGTH",
        "EXPECTED DURATION",
        "EXPECTED DEVIATION",
        "DEDICATED MEMORY",
    ];
    let results = [
        "TOTAL SAMPLE TIME",
        "MEDIAN REQUEST TIME",
        "STANDARD DEVIATION",
        "MIN REQUEST TIME",
        "MAX REQUEST TIME",
        "MEMOry USED",
    ];
    assert_eq!(heads(&text), [&parameters[..], &results].concat(), "{text}");
    assert!(text.starts_with("MEMORY\t\t\t1.00MB\t\nITERATIONS\t\t1\t\n"), "{text}");
    let text = out(&place, &format!("{load} --format json"));
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&documents[0]["memory"], &documents[0]["minimal_duration"]), (&json!("1.00MB"), &json!("500ms")));
    assert!(documents[1]["median_request_time"].is_u64() && documents[1]["mem_used"].is_u64(), "{text}");
    assert_eq!(out(&place, &format!("{load} -q")).lines().count(), 1);
    fails(&place, &format!("{load} --dedicated-memory 64KB"), &["hashers.argon2.memory"]);
    fails(&place, "hashers argon2 load-test often", &["often"]);
    // What the configuration says counts where no flag does.
    place.write(&json!({ "hashers": { "argon2": { "memory": "2MB", "iterations": 3 } } }));
    let text = out(&place, "-c kratos.yml hashers argon2 load-test 6000 --iterations 2 --sample-time 20ms");
    assert!(text.starts_with("MEMORY\t\t\t2.00MB\t\nITERATIONS\t\t2\t\n"), "{text}");
}

#[test]
fn parameters_are_looked_for() {
    let place = Place::new();
    // A hash that may take no time at all ends the search at the least there is, on any machine.
    let line = "hashers argon2 calibrate 60 --parallelism 1 --start-memory 64KB --adjust-memory-by 32KB --max-memory 128KB \
                --min-duration 1ns --expected-deviation 1m --sample-time 10ms";
    let text = out(&place, &format!("{line} -q"));
    assert_eq!(text, "8.00KB\n");
    let ended = run(&place, &format!("{line} --format json"));
    let last: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["memory"], &last["iterations"]), (&json!("8.00KB"), &json!(1)));
    assert!(ended.log.contains("Settled on 8.00KB of memory.\n") && ended.log.contains("Settled on 1 iterations.\n"));
}

#[test]
fn jsonnet_is_brought_into_form_and_looked_through() {
    let place = Place::new();
    fs::create_dir(place.path("deep")).unwrap();
    fs::write(place.path("one.jsonnet"), "function(ctx) {\"a\":ctx.b, # why\n}").unwrap();
    fs::write(place.path("deep/two.jsonnet"), "local x=1; {}").unwrap();
    fs::write(place.path("bad.jsonnet"), "{\n  a: [y],\n}\n").unwrap();
    let form = "function(ctx) {\n  a: ctx.b,  // why\n}\n";

    assert_eq!(out(&place, "format jsonnet one.jsonnet"), form);
    assert_eq!(out(&place, "format jsonnet nothing*.jsonnet"), "");
    assert_eq!(out(&place, "format jsonnet -w {one,two}.jsonnet deep/**"), "");
    assert_eq!(fs::read_to_string(place.path("one.jsonnet")).unwrap(), form);
    assert_eq!(fs::read_to_string(place.path("deep/two.jsonnet")).unwrap(), "local x = 1; {}\n");
    let fed = place.run_fed("format jsonnet -", &[], "[1,]");
    assert_eq!((fed.code, fed.out.as_str()), (Some(0), "[1]\n"), "{}", fed.log);
    fs::write(place.path("broken.jsonnet"), "{\n  a: \n").unwrap();
    fails(&place, "format jsonnet -w broken.jsonnet", &["broken.jsonnet:3:1: "]);
    assert_eq!(fs::read_to_string(place.path("broken.jsonnet")).unwrap(), "{\n  a: \n", "it is left as it was");
    fails(&place, "format jsonnet", &["FILE"]);

    assert_eq!(out(&place, "lint jsonnet one.jsonnet"), "");
    fails(&place, "lint jsonnet *.jsonnet", &["bad.jsonnet:2:7: the variable y is unknown", "broken.jsonnet:3:1: "]);
    // The original's name of it is a slip of its own.
    fails(&place, "lint lint deep/*.jsonnet", &["deep/two.jsonnet:1:7: the variable x is not used"]);
    fails(&place, "lint jsonnet nowhere.jsonnet", &["nowhere.jsonnet"]);
}

#[test]
fn groups_tell_what_is_in_them_and_shells_complete() {
    let place = Place::new();
    for group in ["get", "list", "hashers argon2", "migrate", "cleanup", "remote", "config", "format"] {
        assert!(out(&place, group).contains("Commands:"), "{group}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(out(&place, &format!("completion {shell}")).contains("load-test"), "{shell}");
    }
    fails(&place, "completion tcsh", &["tcsh"]);
    assert!(out(&place, "migrate normalize-phone-numbers -e --batch-size 10").contains("Nothing to do"));
    let status = place.run("migrate sql status -e --format json", &[("DSN", &place.sqlite())]);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status[0], json!({ "state": "Pending", "version": "0001", "name": "identities" }));
}

#[test]
fn what_has_expired_is_deleted_a_batch_at_a_time() {
    let place = Place::new();
    let dsn = place.sqlite();
    let mut config = place.config(&dsn);
    config["selfservice"]["flows"]["login"]["lifespan"] = "1ms".into();
    let mut server = place.serve_with(&config);
    for _ in 0..3 {
        assert_eq!(client::status(place.public, "/self-service/login/api"), 200);
    }
    server.terminate();
    assert_eq!(server.end().code, Some(0));

    let clean =
        |flags: &str| out(&place, &format!("cleanup sql -c kratos.yml --database.cleanup.sleep.tables 1ms {flags}"));
    assert!(clean("--keep-last 1h").contains("\n0 expired flows deleted\n"));
    assert!(clean("-b 2").contains("\n2 expired flows deleted\n"));
    config["database"] = json!({ "cleanup": { "sleep": { "tables": "1ms" }, "older_than": "1h", "batch_size": 1 } });
    place.write(&config);
    let text = out(&place, "cleanup sql -c kratos.yml");
    assert!(text.contains("\n0 expired flows deleted\n") && text.contains("At most 1 rows"), "{text}");
    let named = out(&place, &format!("cleanup sql {dsn} -e=false --database.cleanup.sleep.tables 0s"));
    assert!(named.contains("\n1 expired flows deleted\n"), "{named}");
    fails(&place, "cleanup sql -e=false", &["<url>"]);
    fails(&place, "cleanup sql", &["DSN"]);
}

#[test]
fn a_doctor_names_what_is_wrong_and_the_key() {
    let place = Place::new();
    let mail = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mail.local_addr().unwrap().port();
    let mut config = place.config(&place.sqlite());
    config["courier"] =
        json!({ "smtp": { "connection_uri": format!("smtp://127.0.0.1:{port}/?disable_starttls=true") } });
    config["cookies"] = json!({ "domain": "example.org" });
    place.write(&config);

    // A mail server that hangs up, a database without its tables, a cookie that no browser keeps.
    let hanging_up = std::thread::spawn(move || drop(mail.accept().unwrap().0.read(&mut [])));
    let sick = run(&place, "doctor -c kratos.yml");
    hanging_up.join().unwrap();
    assert_eq!((sick.code, sick.log.as_str()), (Some(1), ""), "{}", sick.log);
    for words in [
        "wrong cookies.domain: ",
        "wrong dsn: ",
        "zelos migrate sql",
        "wrong courier.smtp.connection_uri: ",
        "3 things are wrong.\n",
    ] {
        assert!(sick.out.contains(words), "{words} is not in: {}", sick.out);
    }

    assert_eq!(run(&place, "migrate sql -e -y -c kratos.yml").code, Some(0));
    config["cookies"] = json!({});
    config["courier"] = json!({});
    place.write(&config);
    let well = run(&place, "doctor -c kratos.yml");
    assert!(well.code == Some(0) && well.out.ends_with("Nothing is wrong.\n"), "{}{}", well.out, well.log);

    config["serve"]["public"]["prot"] = 1.into();
    place.write(&config);
    let misspelt = run(&place, "doctor -c kratos.yml --offline");
    assert!(misspelt.code == Some(1) && misspelt.out.contains("serve.public.prot"), "{}", misspelt.out);
}

#[test]
fn keys_are_explained() {
    let place = Place::new();
    place.write(&place.config("postgres://zelos:hunter2@db/zelos"));
    let explained = |key: &str, environment: &[(&str, &str)]| {
        let ended = place.run(&format!("config explain {key} -c kratos.yml"), environment);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended.out
    };
    let port = explained("serve.public.port", &[]);
    let expected = format!(
        "serve.public.port\n  part of:  What people and their browsers talk to.\n  type:     a whole number from 1 to 65535\n  \
         default:  4433\n  in force: {} (kratos.yml)\n",
        place.public
    );
    assert_eq!(port, expected);
    let lifespan = explained("session.lifespan", &[("SESSION_LIFESPAN", "1h")]);
    assert!(lifespan.contains("in force: \"1h\" (environment variable SESSION_LIFESPAN)\n"), "{lifespan}");
    assert!(explained("session.lifespan", &[]).contains("in force: \"24h\" (default)\n"));
    assert!(explained("dev --dev", &[]).contains("in force: true (flag --dev)\n"));
    assert!(!explained("dsn", &[]).contains("hunter2"));
    assert!(explained("", &[]).contains("\n  selfservice "));
    fails(&place, "config explain serve.public.prot", &["did you mean port?"]);
}
