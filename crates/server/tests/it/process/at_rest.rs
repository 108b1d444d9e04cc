//! Second factors that are stored readable become encrypted ones: by a command, while servers run, before it is required.

use super::{
    client,
    place::{Fresh, Place},
};
use serde_json::{Value, json};

const FIRST: &str = "a-cipher-secret-for-tests-32-lon";
const SECOND: &str = "another-cipher-secret-32-letters";

fn config(place: &Place, dsn: &str, cipher: &[&str], is_required: bool) -> Value {
    let mut config = place.config(dsn);
    config["secrets"]["cipher"] = json!(cipher);
    if cipher.is_empty() {
        config["secrets"].as_object_mut().unwrap().remove("cipher");
    }
    config["selfservice"]["methods"]["totp"] = json!({ "enabled": true });
    config["selfservice"]["methods"]["lookup_secret"] = json!({ "enabled": true });
    config["security"] = json!({ "credentials": { "require_encrypted": is_required } });
    config
}

/// An identity with both second factors; its path.
fn created(place: &Place, name: &str) -> String {
    let body = json!({ "schema_id": "default", "traits": { "email": format!("{name}@example.org") }, "credentials": {
        "totp": { "config": { "totp_url": format!("otpauth://totp/x?secret={SECRET}") } },
        "lookup_secret": { "config": { "codes": [{ "code": "abcd1234" }] } },
    } });
    let json = [("content-type", "application/json")];
    let answer = client::send(place.admin, "POST", "/admin/identities", &json, &body.to_string()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    format!("/admin/identities/{}", answer.json()["id"].as_str().unwrap())
}

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Whether the server can read both.
fn is_readable(place: &Place, path: &str) -> bool {
    let path = format!("{path}?include_credential=totp&include_credential=lookup_secret");
    let shown = client::get(place.admin, &path).unwrap().body;
    let found = [SECRET, "abcd1234"].map(|secret| shown.contains(secret));
    assert_eq!(found[0], found[1], "{shown}");
    found[0]
}

fn re_encrypt(place: &Place, expected: [u32; 3]) {
    let ended = place.run("secrets re-encrypt -c kratos.yml --batch-size 3", &[]);
    assert_eq!((ended.code, ended.log.as_str()), (Some(0), ""), "{}", ended.out);
    let [renewed, before, broken] = expected;
    let said = format!(
        "re-encrypted: {renewed}\nencrypted under the first secret before: {before}\nchanged meanwhile: 0\n\
         not decryptable: {broken}\n"
    );
    assert_eq!(ended.out, said);
}

fn all_are_encrypted(dsn: &str) {
    let place = Place::new();
    let server = place.serve_with(&config(&place, dsn, &[], false));
    let paths: Vec<String> = (0..5).map(|number| created(&place, &format!("plain-{number}"))).collect();
    drop(server);

    // Required before anything was done: it does not start, and says what to do.
    place.write(&config(&place, dsn, &[FIRST], true));
    let ended = place.run("serve -c kratos.yml --dev", &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("run `zelos secrets re-encrypt` first"), "{}", ended.log);

    // While a server runs.
    place.write(&config(&place, dsn, &[FIRST], false));
    let server = place.serve_again();
    place.write(&config(&place, dsn, &[FIRST], true));
    server.wait_for_log("run `zelos secrets re-encrypt` first");
    assert!(paths.iter().all(|path| is_readable(&place, path)), "the changed configuration is not used");
    re_encrypt(&place, [10, 0, 0]);
    re_encrypt(&place, [0, 10, 0]);
    assert!(paths.iter().all(|path| is_readable(&place, path)));
    drop(server);

    place.write(&config(&place, dsn, &[SECOND, FIRST], true));
    let server = place.serve_again();
    re_encrypt(&place, [10, 0, 0]);
    drop(server);
    place.write(&config(&place, dsn, &[SECOND], true));
    let server = place.serve_again();
    assert!(paths.iter().all(|path| is_readable(&place, path)));
    drop(server);

    // The secret is gone.
    place.write(&config(&place, dsn, &[FIRST], false));
    let ended = place.run("secrets re-encrypt -c kratos.yml", &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        ended.out.contains("not decryptable: 10") && ended.log.contains("totp cannot be decrypted"),
        "{}",
        ended.log
    );
    place.write(&config(&place, dsn, &[], false));
    let ended = place.run("secrets re-encrypt -c kratos.yml", &[]);
    assert!(ended.code == Some(1) && ended.log.contains("secrets.cipher: is not set"), "{}", ended.log);
}

#[test]
fn second_factors_are_re_encrypted() {
    all_are_encrypted(&Place::new().sqlite().replace("zelos.sqlite", "elsewhere.sqlite"));
    for database in Fresh::on_each_server() {
        all_are_encrypted(database.dsn());
    }
}

#[test]
fn weak_secrets_are_refused_where_that_is_configured() {
    let place = Place::new();
    let mut config = config(&place, &place.sqlite(), &[FIRST], false);
    config["secrets"]["cookie"] = json!(["PLEASE-CHANGE-ME-I-AM-VERY-INSECURE"]);
    let server = place.serve_with(&config);
    server.wait_for_log("secrets.cookie.0: looks like a sample from documentation");
    drop(server);
    for security in [json!({ "refuse_weak_secrets": true }), json!({ "preset": "hardened" })] {
        config["security"] = security;
        place.write(&config);
        let ended = place.run("serve -c kratos.yml --dev", &[]);
        assert_eq!(ended.code, Some(1), "{}", ended.log);
        let line = "secrets.cookie.0: looks like a sample from documentation; make one by `openssl rand -hex 16`";
        assert!(ended.log.contains(line), "{}", ended.log);
    }
}
