//! `serve --dev` in an empty folder: a server to try out, with nothing to prepare.

use super::{
    client::{self, Cookies},
    people::PASSWORD,
    place::{Place, Process, eventually},
};
use std::{fs, os::unix::fs::PermissionsExt};

fn start(place: &Place) -> Process {
    let (public, admin) = (place.public, place.admin);
    place.zelos(
        "serve --dev",
        &[
            ("SERVE_PUBLIC_PORT", &public.to_string()),
            ("SERVE_PUBLIC_BASE_URL", &format!("http://127.0.0.1:{public}/")),
            ("SERVE_ADMIN_PORT", &admin.to_string()),
            ("SERVE_ADMIN_BASE_URL", &format!("http://127.0.0.1:{admin}/")),
            ("SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED", "false"),
        ],
    )
}

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

/// Signs up in a browser, from the start page on, and stays signed in.
fn sign_up(port: u16) -> Cookies {
    let mut browser = Cookies::default();
    let front = browser.send(port, "GET", "/", "text/html", "");
    assert_eq!(front.status, 200, "{}", front.body);
    for path in ["/self-service/login/browser", "/self-service/registration/browser"] {
        assert!(front.body.contains(path), "no link to {path}: {}", front.body);
    }
    let started = browser.send(port, "GET", "/self-service/registration/browser", "text/html", "");
    let page = started.header("location");
    let flow = page.split("flow=").nth(1).unwrap().to_owned();
    let prefix = format!("http://127.0.0.1:{port}");
    let page = browser.send(port, "GET", page.strip_prefix(&prefix).unwrap_or(page), "text/html", "");
    assert!(page.status == 200 && page.body.contains("<form"), "{}", page.body);

    let flow = format!("/self-service/registration/flows?id={flow}");
    let flow = browser.send(port, "GET", &flow, "application/json", "").json();
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let token = nodes.iter().find(|node| node["attributes"]["name"] == "csrf_token").unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("csrf_token", token["attributes"]["value"].as_str().unwrap())
        .append_pair("method", "password")
        .append_pair("traits.email", "first@example.org")
        .append_pair("password", PASSWORD)
        .finish();
    let action = flow["ui"]["action"].as_str().unwrap().strip_prefix(&prefix).unwrap();
    let done = browser.send(port, "POST", action, "text/html", &form);
    assert_eq!(done.status, 303, "{}", done.body);
    let asked = done.header("location");
    assert!(asked.contains("/ui/verification?flow="), "asked for the code that was sent: {asked}");
    browser
}

#[test]
fn keeps_its_people_over_a_restart() {
    let place = Place::new();
    let mut server = start(&place);
    place.wait_until_ready(&mut server);
    let greeting = eventually("a greeting", || server.out().contains("Ctrl-C").then(|| server.out()));
    assert!(greeting.contains(&format!("http://127.0.0.1:{}/", place.public)), "{greeting}");
    assert!(greeting.contains(&format!("http://127.0.0.1:{}/ui/mailbox", place.public)), "{greeting}");
    assert!(greeting.contains(&place.path("zelos-data").display().to_string()), "{greeting}");
    assert_eq!((mode(&place, "zelos-data"), mode(&place, "zelos-data/secrets")), (0o700, 0o600));

    let mut browser = sign_up(place.public);
    let secrets = fs::read(place.path("zelos-data/secrets")).unwrap();
    server.terminate();
    assert_eq!(server.end().code, Some(0));

    let mut server = start(&place);
    place.wait_until_ready(&mut server);
    let session = browser.send(place.public, "GET", "/sessions/whoami", "application/json", "");
    assert_eq!(session.status, 200, "{}", session.body);
    assert_eq!(session.json()["identity"]["traits"]["email"], "first@example.org");
    assert_eq!(fs::read(place.path("zelos-data/secrets")).unwrap(), secrets);
    assert_eq!(client::status(place.public, "/sessions/whoami"), 401, "for strangers");
}

/// A folder as it is found is used or refused, never repaired by force.
#[test]
fn broken_secrets_are_not_replaced() {
    let place = Place::new();
    fs::create_dir(place.path("zelos-data")).unwrap();
    fs::write(place.path("zelos-data/secrets"), "{").unwrap();
    let ended = start(&place).end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("zelos-data/secrets"), "{}", ended.log);
    assert_eq!(fs::read_to_string(place.path("zelos-data/secrets")).unwrap(), "{");
}
