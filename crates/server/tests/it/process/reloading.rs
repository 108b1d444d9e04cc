//! A changed file is taken over while the server runs; one that will not do is named in the log and changes nothing.

use super::{
    client, people,
    place::{Place, Process, eventually},
};
use serde_json::{Value, json};

/// Whether people may register: the effect that these changes have.
fn may_register(place: &Place) -> bool {
    client::status(place.public, "/self-service/registration/api") == 200
}

fn open(config: &Value, open: bool) -> Value {
    let mut config = config.clone();
    config["selfservice"]["flows"]["registration"]["enabled"] = json!(open);
    config
}

/// Replaces the configuration and waits until the log says that it is not used, and why.
fn refused(place: &Place, server: &Process, text: &str, why: &str) {
    let before = server.log().len();
    place.write_text(text);
    eventually("a refusal in the log", || {
        let log = server.log();
        let line = log[before..].lines().find(|line| line.contains("is not used"))?.to_owned();
        assert!(line.contains("ERROR") && line.contains(why), "{line}");
        Some(())
    });
}

#[test]
fn while_it_runs() {
    let place = Place::new();
    let config = place.config(&place.sqlite());
    let mut server = place.serve_with(&config);
    assert!(may_register(&place));
    let revision = || client::get(place.admin, "/admin/health/config").unwrap().body;
    let first = revision();

    place.write(&open(&config, false));
    eventually("registration is closed", || (!may_register(&place)).then_some(()));
    assert_ne!(revision(), first);
    assert!(server.log().contains("the changed configuration is in use"));

    refused(&place, &server, "selfservice: [", "kratos.yml");
    let mut unknown = open(&config, true);
    unknown["selfservice"]["flws"] = json!({});
    refused(&place, &server, &unknown.to_string(), "selfservice.flws");
    let mut elsewhere = open(&config, true);
    elsewhere["serve"]["public"]["port"] = json!(super::place::free_port());
    place.write(&elsewhere);
    eventually("the rest of a change is taken over", || may_register(&place).then_some(()));
    let log = server.log();
    let kept = log.lines().find(|line| line.contains("needs a restart")).unwrap_or_default();
    assert!(kept.contains("WARN") && kept.contains("serve.public.port"), "{log}");
    place.write(&open(&config, false));
    eventually("registration is closed again", || (!may_register(&place)).then_some(()));
    let mut nowhere = open(&config, true);
    nowhere["identity"]["schemas"][0]["url"] = json!("file:///nowhere/person.schema.json");
    refused(&place, &server, &nowhere.to_string(), "identity.schemas.0.url");
    assert!(!may_register(&place), "the last good configuration stays");

    place.write(&open(&config, true));
    eventually("registration is open again", || may_register(&place).then_some(()));
    assert_eq!(revision(), first);
    assert_eq!(people::sign_up(place.public, "late@example.org").unwrap().status, 200);
    assert!(server.runs());
}

/// As Kubernetes does it: the file is a link through a link that is swapped.
#[test]
fn by_a_swapped_link() {
    let place = Place::new();
    let config = place.config(&place.sqlite());
    let set = |name: &str, config: &Value| {
        std::fs::create_dir(place.path(name)).unwrap();
        std::fs::write(place.path(name).join("kratos.yml"), config.to_string()).unwrap();
        std::os::unix::fs::symlink(name, place.path("..data_tmp")).unwrap();
        std::fs::rename(place.path("..data_tmp"), place.path("..data")).unwrap();
    };
    set("..first", &config);
    std::os::unix::fs::symlink("..data/kratos.yml", place.path("kratos.yml")).unwrap();
    assert_eq!(place.run("migrate sql up -e -y -c kratos.yml", &[]).code, Some(0));
    let _server = place.serve_again();
    for (name, closed) in [("..second", true), ("..third", false), ("..fourth", true)] {
        set(name, &open(&config, !closed));
        eventually(name, || (may_register(&place) != closed).then_some(()));
    }
}
