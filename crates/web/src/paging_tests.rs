use super::*;

fn query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn rels(page: Numbered, total: usize) -> Vec<(String, i64)> {
    let mut headers = HeaderMap::new();
    page.write(&mut headers, "/x", &[], total);
    assert_eq!(headers["x-total-count"], total.to_string());
    let links = headers[header::LINK].to_str().unwrap().to_owned();
    let read = |link: &str| {
        let (address, rel) = link.split_once(">; rel=").unwrap();
        let page = query(address.split_once('?').unwrap().1).iter().find(|(k, _)| k == "page").unwrap().1.clone();
        (rel.trim_matches('"').to_owned(), page.parse().unwrap())
    };
    links.split(',').map(read).collect()
}

#[test]
fn parts_are_asked_for_in_two_ways() {
    let token = |offset: usize| URL_SAFE_NO_PAD.encode(format!(r#"{{"offset":"{offset}","v":2}}"#));
    for (text, page, size) in [
        (String::new(), 0, 250),
        ("page=2&per_page=10".into(), 2, 10),
        ("page=-1&per_page=0".into(), 0, 1),
        ("page=x&per_page=x".into(), 0, 250),
        ("per_page=5000".into(), 0, 1000),
        ("page_size=10&page=3".into(), 0, 10),
        (format!("page_size=10&page_token={}", token(25)), 2, 10),
        ("page_size=10&page_token=nonsense".into(), 0, 10),
        ("page_token=&page_size=-3".into(), 0, 1),
    ] {
        let found = Offset::read(&query(&text));
        assert_eq!((found.page, found.size), (page, size), "{text}");
    }
}

#[test]
fn links_follow_the_rules_of_the_wire() {
    let at = |page, size| Numbered { page, size, names: Names::All };
    let named = |list: &[(&str, i64)]| list.iter().map(|(rel, page)| ((*rel).to_owned(), *page)).collect::<Vec<_>>();
    assert_eq!(rels(at(0, 250), 3), named(&[("first", 0)]));
    assert_eq!(rels(at(0, 2), 0), named(&[("first", 0), ("next", 1), ("prev", -1)]));
    assert_eq!(rels(at(0, 2), 5), named(&[("next", 1), ("last", 2)]));
    assert_eq!(rels(at(1, 2), 5), named(&[("first", 0), ("next", 2), ("prev", 0), ("last", 2)]));
    assert_eq!(rels(at(2, 2), 5), named(&[("first", 0), ("prev", 1)]));
    assert_eq!(rels(at(9, 2), 4), named(&[("first", 0), ("prev", 0)]));
    assert_eq!(rels(at(usize::MAX, 1000), 4), named(&[("first", 0)]));
}

#[test]
fn a_link_carries_everything_sorted() {
    let mut headers = HeaderMap::new();
    let query = query("per_page=1&page=1&zeta=a b");
    Offset::read(&query).write(&mut headers, "/schemas", &query, 2);
    let links = headers[header::LINK].to_str().unwrap();
    let token = URL_SAFE_NO_PAD.encode(r#"{"offset":"0","v":2}"#);
    assert_eq!(
        links.split(',').next(),
        Some(format!("</schemas?page=0&page_size=1&page_token={token}&per_page=1&zeta=a+b>; rel=\"first\"").as_str())
    );
}

#[test]
fn rows_beyond_the_end_are_none() {
    let all = [1, 2, 3, 4, 5];
    let at = |page, size| Numbered { page, size, names: Names::Legacy }.slice(&all).to_vec();
    assert_eq!(at(0, 2), [1, 2]);
    assert_eq!(at(2, 2), [5]);
    assert_eq!(at(3, 2), [0; 0]);
    assert_eq!(at(usize::MAX, usize::MAX), [0; 0]);
}

#[test]
fn numbers_of_identities_end_after_a_thousand_rows() {
    assert_eq!(Legacy::read(&query("per_page=3")).unwrap(), None);
    assert_eq!(Legacy::read(&query("page=1&page_size=3")).unwrap(), None);
    let found = Legacy::read(&query("page=2&per_page=5000")).unwrap().unwrap();
    assert_eq!((found.page, found.size, found.offset()), (2, 500, 1000));
    assert!(Legacy::read(&query("page=3&per_page=500")).is_err());
}

#[test]
fn tokens_lead_on() {
    let asked = Keyset::read(&query("page_size=9999&page_token=a"), 250, 500).unwrap();
    assert_eq!(asked, Keyset { size: 500, token: Some("a".into()) });
    assert_eq!(Keyset::read(&query("page_size=-1"), 250, 500).unwrap(), Keyset { size: 250, token: None });
    assert!(Keyset::read(&query("page_size=x"), 250, 500).is_err());
    let mut headers = HeaderMap::new();
    asked.write(&mut headers, "/l", &query("page_token=a&b=c"), "first", Some("b"));
    assert_eq!(
        headers[header::LINK],
        "</l?b=c&page_size=500&page_token=first>; rel=\"first\",</l?b=c&page_size=500&page_token=b>; rel=\"next\""
    );
}
