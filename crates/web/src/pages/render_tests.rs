//! Tests of the drawn pages: escaping, structure a screen reader needs, links, and operators' own templates.

use super::*;
use std::fs;

fn sample() -> Value {
    serde_json::from_str(include_str!("sample.json")).unwrap()
}

const ALL_OFFERS: Offers =
    Offers { registration: true, recovery: true, verification: true, settings: true, mailbox: true };

fn draw(kind: Kind, flow: &Value) -> String {
    let pages = Pages::new(None).unwrap();
    pages.flow(&FlowPage { kind, flow, base: "https://id.example/auth", offers: ALL_OFFERS, logout_url: None }).unwrap()
}

#[test]
fn what_strangers_write_is_text_and_never_markup() {
    let evil = "&#x2f;\"'><script>alert(1)</script><b onload=x>";
    let mut sample = sample();
    let flow = &mut sample["flow"];
    flow["ui"]["action"] = json!(evil);
    flow["ui"]["messages"][0]["text"] = json!(evil);
    let nodes = flow["ui"]["nodes"].as_array_mut().unwrap();
    for node in nodes.iter_mut() {
        for key in ["name", "value", "id", "src", "integrity", "class", "pattern", "autocomplete", "onclickTrigger"] {
            if node["attributes"].get(key).is_some() || node["type"] == "input" {
                node["attributes"][key] = json!(evil);
            }
        }
        node["messages"] = json!([{"id": 1, "type": "error", "text": evil}]);
        node["meta"] = json!({"label": {"text": evil}});
    }
    nodes[3]["attributes"]["options"] = json!([{"value": evil}]);
    for kind in Kind::ALL {
        let page = draw(kind, &sample["flow"]);
        assert!(page.contains("&amp;#x2f;&quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<b "), "{page}");
    }

    sample["session"]["identity"]["traits"] = json!({"email": evil, "<b x>": evil});
    sample["error"]["error"]["reason"] = json!(evil);
    let pages = Pages::new(None).unwrap();
    let session = Some(&sample["session"]);
    let start = pages.start(&StartPage { session, logout_url: Some(evil), base: "/", offers: ALL_OFFERS }).unwrap();
    let error = pages.error(&ErrorPage { error: &sample["error"], base: "/" }).unwrap();
    for page in [start, error] {
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>") && !page.contains("<b "), "{page}");
    }
}

#[test]
fn no_page_needs_inline_code_or_style() {
    let sample = sample();
    for kind in Kind::ALL {
        let page = draw(kind, &sample["flow"]);
        for forbidden in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_its_errors_are_tied_to_it() {
    let page = draw(Kind::Login, &sample()["flow"]);
    assert_eq!(page.matches("<h1").count(), 1);
    assert!(page.contains("<html lang=\"en\">") && page.contains("aria-live=\"assertive\""));
    assert!(page.contains("<label for=\"field-1\">ID"));
    assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"field-1-notes\""));
    assert!(page.contains("<ul class=\"notes\" id=\"field-1-notes\">"));
    assert!(page.contains("<title>Error: Sign in · Zelos</title>"));
}

#[test]
fn a_checkbox_is_sent_also_when_it_is_not_ticked() {
    let page = draw(Kind::Registration, &sample()["flow"]);
    let off = page.find("<input type=\"hidden\" name=\"traits.newsletter\" value=\"false\">").unwrap();
    let on = page
        .find("<input type=\"checkbox\" value=\"true\" id=\"field-2\" name=\"traits.newsletter\" checked>")
        .unwrap();
    assert!(off < on, "the last value counts");
}

#[test]
fn links_start_with_the_base_and_carry_the_way_back() {
    let page = draw(Kind::Login, &sample()["flow"]);
    let link = "https://id.example/auth/self-service/registration/browser?return_to=https%3A%2F%2Fapp.example%2F";
    assert!(page.contains(link), "{page}");
    assert!(page.contains("href=\"https://id.example/auth/ui/assets/app.css?v="));
    assert!(draw(Kind::Registration, &sample()["flow"]).contains("/auth/self-service/login/browser?return_to="));
}

#[test]
fn a_closed_way_is_not_linked() {
    let sample = sample();
    let offers = Offers { registration: false, recovery: false, verification: false, settings: false, mailbox: false };
    let pages = Pages::new(None).unwrap();
    let page = FlowPage { kind: Kind::Login, flow: &sample["flow"], base: "/", offers, logout_url: None };
    let page = pages.flow(&page).unwrap();
    for closed in ["self-service/registration", "self-service/recovery", "ui/mailbox"] {
        assert!(!page.contains(closed), "{closed}");
    }
    assert!(draw(Kind::Login, &sample["flow"]).contains("href=\"https://id.example/auth/ui/mailbox\""));
}

#[test]
fn a_code_that_was_sent_has_a_big_field_and_two_ways_out() {
    let mut sample = sample();
    let flow = &mut sample["flow"];
    flow["state"] = json!("sent_email");
    let input = |name: &str, kind: &str, value: &str| {
        json!({"type": "input", "group": "code", "messages": [], "meta": {"label": {"text": format!("Label of {name}")}},
            "attributes": {"name": name, "type": kind, "value": value, "disabled": false}})
    };
    let mut code = input("code", "text", "");
    code["attributes"]["autocomplete"] = json!("one-time-code");
    flow["ui"]["nodes"] = json!([
        {"type": "input", "group": "default", "messages": [], "meta": {},
            "attributes": {"name": "csrf_token", "type": "hidden", "value": "token"}},
        code,
        input("method", "hidden", "code"),
        input("method", "submit", "code"),
        input("email", "submit", "ada@example.com"),
        input("screen", "submit", "previous"),
    ]);
    let page = draw(Kind::Recovery, flow);
    assert!(page.contains("<title>Error: Check your messages · Zelos</title>"), "{page}");
    assert!(page.contains("autocomplete=\"one-time-code\" class=\"otp\" inputmode=\"numeric\""), "{page}");
    let asides: Vec<&str> = page.split("<form class=\"aside\"").skip(1).collect();
    assert!(asides[0].contains("class=\"again\" name=\"email\" value=\"ada@example.com\""), "{page}");
    assert!(asides[1].contains("class=\"quiet\" name=\"screen\" value=\"previous\""), "{page}");
    assert_eq!(asides.len(), 2);
    assert!(page.contains("<p class=\"intro\">at <strong>ada@example.com</strong></p>"), "{page}");
    assert!(page.contains("in the <a href=\"https://id.example/auth/ui/mailbox\" target=\"_blank\">"));
    assert!(page.contains("unwanted mails"));
    flow["ui"]["nodes"][4]["attributes"]["value"] = json!("+4915112345678");
    assert!(!draw(Kind::Recovery, flow).contains("unwanted mails"), "a short message is not a mail");
}

#[test]
fn who_somebody_said_they_are_goes_along_with_every_way_to_prove_it() {
    let input = |group: &str, name: &str, kind: &str, value: &str| {
        json!({
            "type": "input", "group": group, "messages": [], "meta": { "label": { "id": 1, "type": "info", "text": name } },
            "attributes": { "node_type": "input", "name": name, "type": kind, "value": value, "disabled": false },
        })
    };
    let nodes = [
        input("identifier_first", "identifier", "hidden", "ada@example.org"),
        input("default", "csrf_token", "hidden", "token"),
        input("password", "password", "password", ""),
        input("password", "method", "submit", "password"),
        input("code", "method", "submit", "code"),
    ];
    let flow = json!({ "id": "x", "ui": { "action": "/x", "method": "POST", "nodes": nodes, "messages": [] } });
    let page = draw(Kind::Login, &flow);
    let forms: Vec<&str> = page.split("<form").skip(1).filter(|form| form.contains("name=\"method\"")).collect();
    assert_eq!(forms.len(), 2, "{page}");
    assert!(forms.iter().all(|form| form.contains("value=\"ada@example.org\"")), "{page}");
}

#[test]
fn where_a_link_was_sent_the_way_on_is_in_the_mail() {
    let mut sample = sample();
    let flow = &mut sample["flow"];
    flow["state"] = json!("sent_email");
    let input = |name: &str, kind: &str, value: &str| {
        json!({"type": "input", "group": "link", "messages": [], "meta": {"label": {"text": "Continue"}},
            "attributes": {"name": name, "type": kind, "value": value, "disabled": false}})
    };
    flow["ui"]["nodes"] = json!([input("email", "email", "ada@example.com"), input("method", "submit", "link")]);
    let page = draw(Kind::Recovery, flow);
    assert!(page.contains("class=\"again\" name=\"method\" value=\"link\">Send another link</button>"), "{page}");
    assert!(!page.contains("class=\"primary\"") && page.contains("unwanted mails"), "{page}");
    flow["state"] = json!("choose_method");
    assert!(draw(Kind::Recovery, flow).contains("class=\"primary\" name=\"method\" value=\"link\">Continue</button>"));
}

#[test]
fn an_address_that_is_not_verified_leads_to_its_verification() {
    let sample = sample();
    let settings = draw(Kind::Settings, &sample["flow"]);
    let pages = Pages::new(None).unwrap();
    let session = Some(&sample["session"]);
    let start = pages.start(&StartPage { session, logout_url: None, base: "/", offers: ALL_OFFERS }).unwrap();
    for page in [&settings, &start] {
        assert!(page.contains("<strong>new@example.com</strong> is not verified yet."), "{page}");
        assert!(!page.contains("<strong>ada@example.com</strong> is not"), "{page}");
    }
    assert!(start.contains("href=\"/self-service/verification/browser\""));
    let offers = Offers { verification: false, ..ALL_OFFERS };
    let start = pages.start(&StartPage { session, logout_url: None, base: "/", offers }).unwrap();
    assert!(!start.contains("not verified"));
}

#[test]
fn a_second_step_offers_to_sign_out_instead_of_signing_up() {
    let mut sample = sample();
    sample["flow"]["requested_aal"] = json!("aal2");
    let pages = Pages::new(None).unwrap();
    let logout_url = Some("https://id.example/self-service/logout?token=t");
    let page = FlowPage { kind: Kind::Login, flow: &sample["flow"], base: "/", offers: ALL_OFFERS, logout_url };
    let page = pages.flow(&page).unwrap();
    assert!(page.contains("One more step") && page.contains("logout?token=t") && !page.contains("New here?"));
}

#[test]
fn the_start_page_knows_both_kinds_of_visitors() {
    let sample = sample();
    let pages = Pages::new(None).unwrap();
    let guest = StartPage { session: None, logout_url: None, base: "", offers: ALL_OFFERS };
    let guest = pages.start(&guest).unwrap();
    assert!(guest.contains("href=\"/self-service/login/browser\"") && guest.contains("Create account"));
    let session = Some(&sample["session"]);
    let member = StartPage { session, logout_url: Some("/self-service/logout?token=t"), base: "/", offers: ALL_OFFERS };
    let member = pages.start(&member).unwrap();
    assert!(member.contains("ada@example.com") && member.contains("Sign out") && !member.contains("Create account"));
}

#[test]
fn the_policy_lets_in_nothing_but_our_own_and_the_given_form_targets() {
    assert!(csp(&[]).contains("script-src 'self';") && csp(&[]).contains("form-action 'self';"));
    let policy = csp(&["https://app.example".into(), "https://x.example; script-src *".into()]);
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
}

#[test]
fn assets_are_served_by_name_only() {
    let pages = Pages::new(None).unwrap();
    let (kind, css) = pages.asset("app.css").unwrap();
    assert_eq!(kind, "text/css; charset=utf-8");
    assert!(css.len() < 8 * 1024, "the style sheet is {} bytes", css.len());
    assert!(pages.asset("../mod.rs").is_none() && pages.asset("").is_none());
}

#[test]
fn an_operator_replaces_single_files_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("error.jinja"), "<h1>Oh: {{ error.reason }}</h1>{{ flow.return_to }}").unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    fs::write(folder.path().join("assets/logo.svg"), "<svg/>").unwrap();
    let pages = Pages::new(Some(folder.path())).unwrap();
    let error = json!({"error": {"reason": "<none>"}});
    assert_eq!(pages.error(&ErrorPage { error: &error, base: "/" }).unwrap(), "<h1>Oh: &lt;none&gt;</h1>");
    assert_eq!(&pages.asset("logo.svg").unwrap().1[..], b"<svg/>");
    assert!(pages.asset("app.css").is_some());
    assert_ne!(pages.site.version, Pages::new(None).unwrap().site.version);
}

#[test]
fn a_template_that_cannot_work_is_an_error_at_start() {
    let broken = [
        ("start.jinja", "ok\n{% if %}", "line 2"),
        ("flow.jinja", "{{ kind|shout }}", "unknown filter"),
        ("flow.jinja", "{% extends 'frame.jinja' %}", "frame.jinja"),
    ];
    for (name, source, expected) in broken {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), source).unwrap();
        let error = format!("{:#}", Pages::new(Some(folder.path())).unwrap_err());
        assert!(error.contains(name) && error.contains(expected), "{error}");
        assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");
    }
    let missing = format!("{:#}", Pages::new(Some(Path::new("/nonexistent/pages"))).unwrap_err());
    assert!(missing.contains("/nonexistent/pages"), "{missing}");
}

#[test]
fn where_a_sign_in_code_was_sent_another_way_begins_anew() {
    let mut sample = sample();
    let flow = &mut sample["flow"];
    flow["state"] = json!("sent_email");
    flow["requested_aal"] = json!("aal2");
    let again =
        "/auth/self-service/login/browser?return_to=https%3A%2F%2Fapp.example%2F&amp;aal=aal2&amp;refresh=false";
    let page = draw(Kind::Login, flow);
    assert!(page.contains("Check your messages") && page.contains(again), "{page}");
    flow.as_object_mut().unwrap().remove("requested_aal");
    let page = draw(Kind::Registration, flow);
    assert!(page.contains("Choose another way") && page.contains("/auth/self-service/registration/browser?"), "{page}");
}

#[test]
fn a_new_passkey_gets_a_name_and_enter_there_removes_none() {
    let node = |name: &str, kind: &str| {
        let attributes = json!({"name": name, "type": kind, "value": "", "disabled": false});
        json!({"type": "input", "group": "passkey", "messages": [], "meta": {}, "attributes": attributes})
    };
    let flow = |nodes: Value| json!({"ui": {"action": "/", "method": "POST", "nodes": nodes}});
    let field = "name=\"passkey_register_displayname\"";
    let nodes =
        [("passkey_remove", "submit"), ("passkey_register_trigger", "button"), ("passkey_settings_register", "hidden")];
    let page = draw(Kind::Settings, &flow(nodes.map(|(name, kind)| node(name, kind)).into()));
    let places = ["name=\"passkey_remove\"", field, "name=\"passkey_register_trigger\""].map(|what| page.find(what));
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} {page}");
    assert!(page.contains(field) && page.contains("<button type=\"submit\" disabled hidden>"), "{page}");
    assert!(!draw(Kind::Settings, &flow(json!([node("passkey_remove", "submit")]))).contains(field));
}
