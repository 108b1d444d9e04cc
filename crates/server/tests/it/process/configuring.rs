//! Where a configuration may come from: files of bounded size, the environment alone, and variables within files.

use super::{
    client,
    place::{Place, eventually},
};
use serde_json::json;
use zelos_core::config::ContentUri;

/// A schema whose only trait is an email address.
fn schema() -> String {
    let traits = json!({ "type": "object", "properties": { "email": { "type": "string", "format": "email" } } });
    ContentUri::inline(json!({ "type": "object", "properties": { "traits": traits } }).to_string()).to_string()
}

#[test]
fn the_environment_may_be_the_whole_configuration() {
    let place = Place::new();
    let (public, admin) = (place.public.to_string(), place.admin.to_string());
    let schema = schema();
    let environment = [
        ("DSN", "memory"),
        ("SELFSERVICE_DEFAULT_BROWSER_RETURN_URL", "http://127.0.0.1/"),
        ("IDENTITY_SCHEMAS_0_ID", "default"),
        ("IDENTITY_SCHEMAS_0_URL", &schema),
        ("SERVE_PUBLIC_HOST", "127.0.0.1"),
        ("SERVE_ADMIN_HOST", "127.0.0.1"),
        ("SERVE_PUBLIC_PORT", &public),
        ("SERVE_ADMIN_PORT", &admin),
    ];
    let mut server = place.zelos("serve all --dev", &environment);
    place.wait_until_ready(&mut server);
    assert_eq!(client::status(place.public, "/self-service/login/api"), 200);
    assert!(server.log().contains("further words after the command are ignored"), "{}", server.log());

    let none = place.run("serve", &[]);
    assert_eq!(none.code, Some(1));
    assert!(none.log.contains("no configuration") && none.log.contains("IDENTITY_SCHEMAS_0_URL"), "{}", none.log);
    let part = place.run("serve", &environment[..2]);
    assert_eq!(part.code, Some(1));
    assert!(part.log.contains("IDENTITY_SCHEMAS_0_URL") && !part.log.contains("DSN"), "{}", part.log);
}

#[test]
fn variables_in_files_are_expanded_on_demand() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    config["selfservice"]["flows"]["registration"] = json!({ "enabled": "${MAY_REGISTER:-false}" });
    place.write(&config);
    let as_it_stands = place.run("serve --dev -c kratos.yml", &[]);
    assert_eq!(as_it_stands.code, Some(1));
    assert!(as_it_stands.log.contains("selfservice.flows.registration.enabled"), "{}", as_it_stands.log);
    assert_eq!(place.run("migrate sql up -e -y -c kratos.yml --expand-env", &[]).code, Some(0));
    for (environment, expected) in [(&[][..], 400), (&[("MAY_REGISTER", "true")][..], 200)] {
        let mut server = place.zelos("serve --dev -c kratos.yml --expand-env", environment);
        place.wait_until_ready(&mut server);
        assert_eq!(client::status(place.public, "/self-service/registration/api"), expected);
    }
}

/// A pipe is never at its end, and a reload that met one must not hold up requests.
#[test]
fn only_regular_files_of_bounded_size_are_read() {
    let place = Place::new();
    let config = place.config(&place.sqlite());
    let server = place.serve_with(&config);
    std::fs::remove_file(place.path("kratos.yml")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.path("kratos.yml")).status().unwrap();
    assert!(made.success());
    server.wait_for_log("not a regular file");
    assert_eq!(client::status(place.public, "/self-service/login/api"), 200);
    std::fs::remove_file(place.path("kratos.yml")).unwrap();
    place.write_text(&format!("# {}", "x".repeat(1 << 20)));
    server.wait_for_log("larger than 1048576 bytes");
    place.write(&config);
    eventually("the configuration is in use again", || {
        server.log().contains("the changed configuration is in use").then_some(())
    });

    std::os::unix::fs::symlink("/dev/zero", place.path("device.yml")).unwrap();
    for (file, reason) in [("device.yml", "not a regular file"), ("/nowhere.yml", "No such file")] {
        let refused = place.run(&format!("serve --dev -c {file}"), &[]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.log.contains(file) && refused.log.contains(reason), "{}", refused.log);
    }
}
