//! Passwords that were hashed elsewhere: brought along by an administrator, used once, hashed anew.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zelos_testkit::{Answer, App, Mode, Setup, scenario};

/// MD5 of "a-password-of-old", as `$md5$` keeps it; any other text of 24 letters is as good where nobody signs in.
const QUICK: &str = "$md5$AAAAAAAAAAAAAAAAAAAAAA==";

/// Hashes that other programs made: for each beginning of a format the first one, with its password.
fn one_of_each() -> BTreeMap<String, (String, String)> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../method/testdata/hashes/vectors.json")).unwrap();
    let mut found = BTreeMap::new();
    for vector in vectors {
        let [hash, password] = ["hash", "password"].map(|name| vector[name].as_str().unwrap().to_owned());
        let prefix = hash.split_inclusive(['$', '}']).find(|part| part.len() > 1).unwrap().to_owned();
        found.entry(prefix).or_insert((hash, password));
    }
    found
}

fn body(email: &str, config: &Value) -> Value {
    json!({ "traits": { "email": email }, "credentials": { "password": { "config": config } } })
}

async fn brought(app: &App, email: &str, hash: &str) -> Answer {
    app.admin("POST", "/admin/identities", Some(body(email, &json!({ "hashed_password": hash })))).await
}

async fn stored(app: &App, person: &Value) -> String {
    let path = format!("/admin/identities/{}?include_credential=password", person["id"].as_str().unwrap());
    let found = app.admin("GET", &path, None).await.json();
    found["credentials"]["password"]["config"]["hashed_password"].as_str().unwrap_or_default().to_owned()
}

/// The status of an attempt, and the text above its form.
async fn attempt(app: &App, email: &str, password: &str) -> (u16, Vec<u64>) {
    let answer = app.visitor(Mode::Native).sign_in(email, password).await;
    (answer.status.as_u16(), answer.messages())
}

#[tokio::test]
async fn every_format_opens_once_and_is_hashed_anew() {
    scenario(Setup::default(), async |app| {
        let all = one_of_each();
        assert_eq!(all.len(), 32, "{:?}", all.keys());
        for (number, (prefix, (hash, password))) in all.iter().enumerate() {
            let email = format!("brought-{number}@example.org");
            let made = brought(app, &email, hash).await;
            assert_eq!(made.status, 201, "{prefix}: {}", made.text);
            let person = made.json();
            assert_eq!(attempt(app, &email, &format!("{password}!")).await, (400, vec![4_000_006]), "{prefix}");
            assert_eq!(stored(app, &person).await, *hash, "{prefix}: a wrong password changes nothing");
            assert_eq!(attempt(app, &email, password).await.0, 200, "{prefix}");
            let kept = stored(app, &person).await;
            assert!(kept.starts_with("$2"), "{prefix}: {kept}");
            assert_eq!(kept == *hash, prefix.starts_with('2'), "{prefix}: what is understood stays");
            assert_eq!(attempt(app, &email, password).await.0, 200, "{prefix}: again");
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_at_every_door() {
    scenario(Setup::default(), async |app| {
        let person = app.person("door@example.org", PASSWORD).await;
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        for (hash, part) in [
            ("$argon2id$v=19$m=1152921504606846976,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "bounds"),
            ("$pbkdf2-sha256$i=10000001,l=16$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA", "bounds"),
            ("$scrypt$ln=1073741824,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==", "bounds"),
            ("$firescrypt$ln=60,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==$Bw==$AAAAAAAAAAAAAAAAAAAAAA==", "bounds"),
            ("$2b$16$cCBS0idnEiQr6ZDQA9RWfuZffKoAOn7Vn8ig39kTS.NzmrS1m8mmG", "bounds"),
            ("$pbkdf2-sha256$i=1,l=0$c2FsdA$", "parsed"),
            ("$scrypt$ln=2,r=1,p=1$c2FsdA==$", "parsed"),
            ("$2b$04$", "parsed"),
            ("$5$salt$hash", "known hash format"),
            ("", "known hash format"),
        ] {
            let given = body("new@example.org", &json!({ "hashed_password": hash }));
            let batch = json!({ "identities": [
                { "create": given, "patch_id": "00000000-0000-4000-8000-000000000001" },
            ] });
            let put = body("door@example.org", &json!({ "hashed_password": hash }));
            let (post, put) =
                (app.admin("POST", "/admin/identities", Some(given)).await, app.admin("PUT", &path, Some(put)).await);
            for answer in [post, put] {
                assert_eq!(answer.status, 400, "{hash}: {}", answer.text);
                let reason = answer.json()["error"]["reason"].as_str().unwrap_or_default().to_owned();
                assert!(reason.contains(part), "{hash}: {reason}");
            }
            let answer = app.admin("PATCH", "/admin/identities", Some(batch)).await.json();
            assert_eq!(answer["identities"][0]["action"], "error", "{hash}: {answer}");
            assert_eq!(answer["identities"][0]["error"]["code"], 400, "{hash}: {answer}");
        }
        assert_eq!(attempt(app, "door@example.org", PASSWORD).await.0, 200, "nothing was changed");
        assert_eq!(attempt(app, "new@example.org", PASSWORD).await.0, 400, "nobody was made");
    })
    .await;
}

#[tokio::test]
async fn what_is_broken_lets_nobody_in() {
    scenario(Setup::default(), async |app| {
        let mut emails = Vec::new();
        for (number, hash) in
            ["$md5$!", "{SSHA}AAAA", "$hmac-sha256$$", "$sha1$pf=$c2FsdA==$AAAA", "$sha512-crypt$salt$"]
                .iter()
                .enumerate()
        {
            let email = format!("broken-{number}@example.org");
            assert_eq!(brought(app, &email, hash).await.status, 201, "{hash}");
            emails.push(email);
        }
        // A patch is not read: what it brings is met at the door.
        for (number, hash) in
            ["$argon2id$v=19$m=1152921504606846976,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "nothing"].iter().enumerate()
        {
            let email = format!("patched-{number}@example.org");
            let person = app.person(&email, PASSWORD).await;
            let identity = format!("/admin/identities/{}", person["id"].as_str().unwrap());
            let member = "/credentials/password/config/hashed_password";
            let patch = json!([{ "op": "replace", "path": member, "value": hash }]);
            assert_eq!(app.admin("PATCH", &identity, Some(patch)).await.status, 200);
            emails.push(email);
        }
        for email in emails {
            for password in ["", "\u{0}", "password", PASSWORD] {
                let answer = app.visitor(Mode::Native).sign_in(&email, password).await;
                assert_eq!(answer.status, 400, "{email}: {}", answer.text);
            }
            assert_eq!(attempt(app, &email, PASSWORD).await, (400, vec![4_000_006]), "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_plain_password_is_hashed_and_wins_over_a_hash() {
    scenario(Setup::default(), async |app| {
        let given = body("plain@example.org", &json!({ "password": "a", "hashed_password": QUICK }));
        let made = app.admin("POST", "/admin/identities", Some(given)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert!(stored(app, &made.json()).await.starts_with("$2a$04$"));
        assert_eq!(attempt(app, "plain@example.org", "a").await.0, 200, "no policy is asked");
        let put = body("plain@example.org", &json!({ "hashed_password": QUICK }));
        let path = format!("/admin/identities/{}", made.json()["id"].as_str().unwrap());
        assert_eq!(app.admin("PUT", &path, Some(put)).await.status, 200);
        assert_eq!(stored(app, &made.json()).await, QUICK);
        assert_eq!(attempt(app, "plain@example.org", "a").await.0, 400);
    })
    .await;
}

#[tokio::test]
async fn many_hashes_at_once_but_few_passwords() {
    scenario(Setup::default(), async |app| {
        let batch = |count: usize, config: &Value| {
            let create = |number| json!({ "create": body(&format!("many-{number}@example.org"), config) });
            json!({ "identities": (0..count).map(create).collect::<Vec<_>>() })
        };
        let plain = json!({ "password": "a" });
        let answer = app.admin("PATCH", "/admin/identities", Some(batch(201, &plain))).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let answer =
            app.admin("PATCH", "/admin/identities", Some(batch(1001, &json!({ "hashed_password": QUICK })))).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let answer =
            app.admin("PATCH", "/admin/identities", Some(batch(201, &json!({ "hashed_password": QUICK })))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let done = answer.json()["identities"].as_array().unwrap().iter().all(|item| item["action"] == "create");
        assert!(done, "{}", answer.text);
    })
    .await;
}

/// Imports identities with hashes at many costs, and answers what a wrong password costs for each, and for an identifier
/// that does not exist: nominal nanoseconds.
async fn costs_of_a_wrong_password(app: &App) -> Vec<(String, u64)> {
    let mut costs = Vec::new();
    let stored = [
        "",
        "$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$06$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$07$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2id$v=19$m=4096,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$pbkdf2-sha256$i=10000,l=32$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=1024,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
        "$sha512-crypt$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        QUICK,
        "$md5$!",
    ];
    for (number, hash) in stored.into_iter().enumerate() {
        let email = format!("cost-{number}@example.org");
        if !hash.is_empty() {
            let made = brought(app, &email, hash).await;
            assert_eq!(made.status, 201, "{hash}: {}", made.text);
        }
        let before = app.engine.measures.hash_work.get();
        assert_eq!(attempt(app, &email, PASSWORD).await, (400, vec![4_000_006]), "{hash}");
        costs.push((hash.to_owned(), app.engine.measures.hash_work.get() - before));
    }
    costs
}

#[tokio::test]
async fn wrong_password_costs_the_same_whatever_is_stored() {
    let bcrypt = json!({ "algorithm": "bcrypt", "bcrypt": { "cost": 7 } });
    let argon2 = json!({ "algorithm": "argon2", "argon2": { "memory": "8MB", "iterations": 2, "parallelism": 1 } });
    for hashers in [bcrypt, argon2] {
        scenario(Setup::with(json!({ "hashers": hashers })), async |app| {
            let costs = costs_of_a_wrong_password(app).await;
            let unknown = costs[0].1;
            assert!(unknown > 5_000_000, "{unknown}");
            for (hash, cost) in costs {
                // The last sixteen rounds of bcrypt, which it cannot do fewer of, are not made up.
                assert!(cost <= unknown && unknown - cost < 768_000, "{hash}: {cost}, unknown: {unknown}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn weaker_hash_is_renewed_where_that_is_configured() {
    let weak = "$2b$05$cCBS0idnEiQr6ZDQA9RWfuZffKoAOn7Vn8ig39kTS.NzmrS1m8mmG";
    for (config, begins) in [
        (json!({ "hashers": { "bcrypt": { "cost": 6 }, "renew_weaker": true } }), "$2a$06$"),
        (json!({ "hashers": { "bcrypt": { "cost": 5 }, "renew_weaker": true } }), weak),
        (json!({ "hashers": { "bcrypt": { "cost": 4 }, "renew_weaker": true } }), weak),
        (json!({ "hashers": { "bcrypt": { "cost": 6 } } }), weak),
        (json!({ "hashers": { "bcrypt": { "cost": 6 } }, "security": { "preset": "hardened" } }), "$2a$06$"),
    ] {
        scenario(Setup::with(config.clone()), async |app| {
            let person = brought(app, "weak@example.org", weak).await.json();
            assert_eq!(attempt(app, "weak@example.org", "wrong").await.0, 400);
            assert_eq!(stored(app, &person).await, weak, "a wrong password changes nothing");
            assert_eq!(attempt(app, "weak@example.org", "a-password-of-old").await.0, 200);
            let kept = stored(app, &person).await;
            assert!(kept.starts_with(begins), "{config}: {kept}");
            assert_eq!(attempt(app, "weak@example.org", "a-password-of-old").await.0, 200, "again");
        })
        .await;
    }
}
