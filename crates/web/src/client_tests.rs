use super::*;
use http::HeaderValue;

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = all
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

#[test]
fn what_accept_means_is_as_recorded() {
    for accept in [
        "application/json",
        "application/json, text/plain, */*",
        "text/html;q=0.5,application/json",
        "application/*",
        "application/json;charset=utf-8",
        "text/plain;q=1, application/json;q=0.1",
    ] {
        assert!(Client::of(&headers(&[("accept", accept)])).accepts_json, "{accept}");
    }
    for accept in [
        "*/*",
        "image/png",
        "text/html,application/json",
        "application/json,text/html",
        "application/json;q=0.5,*/*",
        "application/json;q=0",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/*,application/json",
        "application/json;q=x",
        "",
        ",,",
        "é",
    ] {
        let html = accept != "text/*,application/json";
        assert_eq!(Client::of(&headers(&[("accept", accept)])).accepts_json, !html, "{accept}");
    }
    assert!(!Client::of(&HeaderMap::new()).is_json);
}

#[test]
fn the_content_type_counts_only_where_it_is_exact() {
    let client = Client::of(&headers(&[("content-type", "application/json"), ("accept", "*/*")]));
    assert_eq!(client, Client { accepts_json: false, is_json: true });
    let client = Client::of(&headers(&[("content-type", "application/json; charset=utf-8")]));
    assert_eq!(client, Client { accepts_json: false, is_json: false });
}

mod negotiation {
    use super::*;
    use proptest::prelude::*;

    fn accept() -> impl Strategy<Value = String> {
        let kind = prop::sample::select(vec!["text/html", "application/json", "*/*", "text/*", "application/*", "a/b"]);
        let quality = prop::sample::select(vec!["", ";q=0", ";q=0.3", ";q=0.8", "; q=1.000", ";v=1;q=0.5"]);
        let member = (kind, quality).prop_map(|(kind, quality)| format!("{kind}{quality}"));
        prop::collection::vec(member, 0..5).prop_map(|members| members.join(", "))
    }

    proptest! {
        #[test]
        fn upstreams_two_lists_of_offers_choose_alike(accept in accept()) {
            let mut specs = Vec::new();
            read_accept(&accept, &mut specs);
            let long = negotiate(&specs, &[HTML, "text/*", "*/*", JSON], HTML);
            let short = negotiate(&specs, &[HTML, JSON], HTML);
            prop_assert_eq!(long == JSON, short == JSON);
        }

        #[test]
        fn nothing_makes_the_reader_stumble(accept in "\\PC*") {
            let mut specs = Vec::new();
            read_accept(&accept, &mut specs);
            prop_assert!(specs.iter().all(|spec| spec.quality <= 2 * WHOLE));
        }

        #[test]
        fn whoever_accepts_json_asks_in_json(accept in accept(), json in any::<bool>()) {
            let content = if json { "application/json" } else { "text/plain" };
            let client = Client::of(&headers(&[("accept", &accept), ("content-type", content)]));
            prop_assert_eq!(client.is_json, client.accepts_json || json);
        }
    }
}
