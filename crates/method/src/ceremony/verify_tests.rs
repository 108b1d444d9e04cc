//! Answers that other programs have made: Chromium with a software key, as they stand in the original's own tests.

use super::*;
use crate::ceremony::Keys;
use url::Url;

const SIGNED: &str = r#"{
    "id": "OE7fnoAeqaydiBM4-fQsbYMiO-EObq97WYb_c1HuX8Crbsb2777xs-upv7muXE8hOLkm6lQHC1ahegnzw-aIsQ",
    "rawId": "OE7fnoAeqaydiBM4-fQsbYMiO-EObq97WYb_c1HuX8Crbsb2777xs-upv7muXE8hOLkm6lQHC1ahegnzw-aIsQ",
    "type": "public-key",
    "response": {
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MBAAAACg",
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiV3paQ1dVTG1hcTV4VEFsQTBZWUhscW91YnFBaGUxQVdkTFJaQ0lCQU1jTSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6NDQ1NSIsImNyb3NzT3JpZ2luIjpmYWxzZX0",
        "signature": "MEQCIHtRzzmLJrTPucNIRpPkstxR8oGJEzrm558LFe2jHTesAiAy2SGuBMDkdVdMJU4WJR2qFSpbAHQUvwG--Gv3vK8vDA",
        "userHandle": ""
    }
}"#;
const SIGNED_FOR: &str = "WzZCWULmaq5xTAlA0YYHlqoubqAhe1AWdLRZCIBAMcM";
const STORED: &str = r#"{
    "credentials": [{
        "id": "OE7fnoAeqaydiBM4+fQsbYMiO+EObq97WYb/c1HuX8Crbsb2777xs+upv7muXE8hOLkm6lQHC1ahegnzw+aIsQ==",
        "public_key": "pQECAyYgASFYIPW2FsD6d/Lc7SU33hMhJUxafOA3JWpsLka8eKO+OPRkIlggkkPt8ocrupQOuvy+8HbQLSLiu899EdchJlWdMPE1tiw=",
        "attestation_type": "none",
        "authenticator": { "aaguid": "AAAAAAAAAAAAAAAAAAAAAA==", "sign_count": 3, "clone_warning": false },
        "display_name": "some-key",
        "added_at": "2021-08-17T10:18:55Z",
        "is_passwordless": true
    }],
    "user_handle": "9dG2o6S7RPeRYfT4d+/prQ=="
}"#;
const MADE: &str = r#"{
    "id": "L1yOrxHy5Lq72lAPahaWdl0q9gsXRzV2BJ4xJmkTVH_8uuVKU-FVbJlVRwYGzPNc1IjCWUYAK0H0YSpd5hz-Pg",
    "rawId": "L1yOrxHy5Lq72lAPahaWdl0q9gsXRzV2BJ4xJmkTVH_8uuVKU-FVbJlVRwYGzPNc1IjCWUYAK0H0YSpd5hz-Pg",
    "type": "public-key",
    "response": {
        "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVjESZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NBAAAABAAAAAAAAAAAAAAAAAAAAAAAQC9cjq8R8uS6u9pQD2oWlnZdKvYLF0c1dgSeMSZpE1R__LrlSlPhVWyZVUcGBszzXNSIwllGACtB9GEqXeYc_j6lAQIDJiABIVggFFzdor6hBMgrpYLCds8Uu2JtPaaaxKU6LEAUT6QRZ5UiWCA24TI4vED6rrTUjykchoAln67u5GT1nwmzjvrk79HhlQ",
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiVWx4SFNUa3VNdnRWRG9WOXk1bGh1OU95TlVQOFA3TVAwUllBVDZJbV9yWSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6NDQ1NSIsImNyb3NzT3JpZ2luIjpmYWxzZX0"
    }
}"#;
const MADE_FOR: &str = "UlxHSTkuMvtVDoV9y5lhu9OyNUP8P7MP0RYAT6Im_rY";

fn party(verification: Preference) -> Party<'static> {
    Party {
        id: "localhost",
        name: "Test",
        origins: vec![Url::parse("http://localhost:4455").unwrap()],
        verification,
        selection: json!({}),
        attestation: None,
        patience: [None, None],
    }
}

fn challenge(text: &str) -> Challenge {
    Challenge { bytes: decode(text).unwrap(), whom: Vec::new() }
}

fn stored() -> Keys {
    serde_json::from_str(STORED).unwrap()
}

fn made(text: &str) -> Result<Key> {
    register(&party(Preference::Preferred), &challenge(MADE_FOR), text, OffsetDateTime::UNIX_EPOCH)
}

/// The attestation object as it is, with other bytes in it.
fn with_attestation(bytes: &[u8]) -> String {
    let mut answer: Value = serde_json::from_str(MADE).unwrap();
    answer["response"]["attestationObject"] = encode(bytes).into();
    answer.to_string()
}

/// 400 for what is no answer, the message of the wire for one that does not hold.
fn is_bounded<T>(result: Result<T>) -> bool {
    match result {
        Err(Problem::Bad { .. }) => true,
        Err(Problem::Form(texts)) => texts.iter().all(|text| text.text.id == 4_000_043),
        _ => false,
    }
}

#[test]
fn a_stored_key_of_the_original_verifies_and_stays_as_it_was() {
    let keys = stored();
    let (mut key, party) = (keys.credentials[0].clone(), party(Preference::Discouraged));
    let signed = Signed::read(SIGNED).unwrap();
    signed.verify(&party, &challenge(SIGNED_FOR), &mut key).unwrap();
    let told = key.authenticator.as_ref().unwrap();
    assert_eq!((told.sign_count, told.clone_warning), (10, false));
    let mut expected: Value = serde_json::from_str(STORED).unwrap();
    assert_eq!(keys.config().unwrap(), expected, "what is read is written again to the letter");
    expected["credentials"][0]["authenticator"]["sign_count"] = 10.into();
    assert_eq!(Keys { credentials: vec![key], ..keys }.config().unwrap(), expected);
}

#[test]
fn a_counter_that_does_not_go_on_marks_the_key_for_good() {
    for (known, marked) in [(9, false), (10, true), (11, true)] {
        let mut key = stored().credentials.remove(0);
        key.authenticator.as_mut().unwrap().sign_count = known;
        let signed = Signed::read(SIGNED).unwrap();
        signed.verify(&party(Preference::Preferred), &challenge(SIGNED_FOR), &mut key).unwrap();
        let told = key.authenticator.unwrap();
        assert_eq!((told.clone_warning, told.sign_count), (marked, known.max(10)), "{known}");
    }
    let mut told = Authenticator { sign_count: 5, clone_warning: true, ..Authenticator::default() };
    count(&mut told, 6);
    assert!(told.clone_warning && told.sign_count == 6, "a mark stays");
    let mut silent = Authenticator::default();
    count(&mut silent, 0);
    assert!(!silent.clone_warning, "many authenticators do not count");
}

#[test]
fn a_signature_holds_for_what_it_was_made_for() {
    let verify = |party: Party<'_>, to: &str, change: fn(&mut Key)| {
        let mut key = stored().credentials.remove(0);
        change(&mut key);
        Signed::read(SIGNED).unwrap().verify(&party, &challenge(to), &mut key)
    };
    let usual = || party(Preference::Preferred);
    assert!(verify(usual(), SIGNED_FOR, |_| {}).is_ok());
    assert!(is_bounded(verify(usual(), MADE_FOR, |_| {})), "another challenge");
    assert!(is_bounded(verify(party(Preference::Required), SIGNED_FOR, |_| {})), "nobody was verified");
    assert!(is_bounded(verify(Party { id: "example.org", ..usual() }, SIGNED_FOR, |_| {})), "another domain");
    for origin in ["http://localhost", "https://localhost:4455", "http://localhost:4456", "http://a.localhost:4455"] {
        let elsewhere = Party { origins: vec![Url::parse(origin).unwrap()], ..usual() };
        assert!(is_bounded(verify(elsewhere, SIGNED_FOR, |_| {})), "{origin}");
    }
    let changes: [fn(&mut Key); 3] = [
        |key| key.id.push(0),
        |key| key.public_key[20] ^= 1,
        |key| key.flags = Some(Flags { backup_eligible: true, ..Flags::default() }),
    ];
    assert!(changes.into_iter().all(|change| is_bounded(verify(usual(), SIGNED_FOR, change))));
}

#[test]
fn a_new_key_of_another_program_is_taken() {
    let key = made(MADE).unwrap();
    assert_eq!(key.id.len(), 64);
    assert_eq!((key.attestation_type.as_str(), key.public_key.len()), ("none", 77));
    assert_eq!(key.authenticator.as_ref().map(|told| (told.aaguid.len(), told.sign_count)), Some((16, 4)));
    let flags = key.flags.unwrap();
    assert!(flags.user_present && !flags.user_verified && !flags.backup_eligible && !flags.backup_state);
    assert!(check_stored(&key).is_ok());
    let other = register(&party(Preference::Preferred), &challenge(SIGNED_FOR), MADE, OffsetDateTime::UNIX_EPOCH);
    assert!(is_bounded(other), "another challenge");
    let strict = register(&party(Preference::Required), &challenge(MADE_FOR), MADE, OffsetDateTime::UNIX_EPOCH);
    assert!(is_bounded(strict), "nobody was verified");
}

#[test]
fn what_is_no_answer_is_a_bounded_refusal() {
    for text in ["", "null", "[]", "{}", "x", &MADE.replace("public-key", "password"), &MADE.replace("L1yO", "L1yP")] {
        assert!(is_bounded(made(text)) && is_bounded(Signed::read(text)), "{text}");
    }
    assert!(is_bounded(made(&MADE.replacen("L1yO", "L1yP", 1))), "two ids");
    assert!(is_bounded(made(&format!("{MADE}{}", " ".repeat(MOST)))), "too long to be one");
    assert!(is_bounded(made(SIGNED)) && is_bounded(Signed::read(MADE)), "an answer to something else");
    let object =
        decode(serde_json::from_str::<Value>(MADE).unwrap()["response"]["attestationObject"].as_str().unwrap());
    let object = object.unwrap();
    assert!(made(&with_attestation(&object)).is_ok());
    for end in 0..object.len() {
        assert!(is_bounded(made(&with_attestation(&object[..end]))), "cut at {end}");
    }
    for at in 0..object.len() {
        let mut spoiled = object.clone();
        spoiled[at] ^= 0x80;
        // Nothing vouches for a key without attestation: what counts is that nothing falls over.
        let _ = made(&with_attestation(&spoiled));
    }
}

#[test]
fn bombs_of_cbor_do_not_go_off() {
    let nested = |byte: u8| vec![byte; 30_000];
    let huge: [&[u8]; 8] = [
        &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x7b, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x9a, 0xff, 0xff, 0xff, 0xff, 0x00],
        &[0xba, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
        &[0x5f, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0xc0, 0xc0, 0xc0, 0xc0],
    ];
    let deep = [0x81, 0x9f, 0xa1, 0xbf, 0xc6, 0xd8, 0x5f, 0x7f].map(nested);
    let bombs = huge.into_iter().map(<[u8]>::to_vec).chain(deep).collect::<Vec<_>>();
    for bomb in &bombs {
        assert!(is_bounded(made(&with_attestation(bomb))), "{:x?}", &bomb[..4]);
        let mut key = stored().credentials.remove(0);
        key.public_key.clone_from(bomb);
        assert!(check_stored(&key).is_err());
    }
    // The same in the place of the key, and of the extensions.
    let data = |flags: u8, tail: &[u8]| {
        let head: Vec<u8> = decode("SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2M").unwrap();
        let mut data = [head.as_slice(), &[flags, 0, 0, 0, 0], &[0; 16], &[0, 1, 7]].concat();
        data.extend_from_slice(tail);
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [b"\xa3cfmtdnonegattStmt\xa0hauthData\x59".as_slice(), &length, &data].concat()
    };
    for bomb in &bombs {
        assert!(is_bounded(made(&with_attestation(&data(0x41, bomb)))));
        assert!(is_bounded(made(&with_attestation(&data(0xc1, bomb)))));
    }
}
