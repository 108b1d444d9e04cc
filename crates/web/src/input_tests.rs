use super::*;
use http::HeaderValue;
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

async fn submit(content_type: &str, body: impl Into<Body>) -> Result<Fields> {
    submit_to(Kind::Registration, content_type, body).await
}

async fn submit_to(kind: Kind, content_type: &str, body: impl Into<Body>) -> Result<Fields> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    submission(kind, &headers, body.into()).await.map(Fields::from)
}

fn fields(values: &[(&[&str], &str)]) -> Fields {
    let mut fields = Fields::default();
    for (path, value) in values {
        fields.insert(path.iter().map(|part| (*part).to_owned()), json!(value));
    }
    fields
}

#[tokio::test]
async fn names_with_dots_say_where_a_field_belongs() {
    let expected = fields(&[
        (&["traits", "email"], "a@b.c"),
        (&["traits", "name", "first"], "é&="),
        (&["traits", "a.b"], "v"),
        (&["password"], "p w"),
    ]);
    let dotted = json!({ "traits.email": "a@b.c", "traits.name.first": "é&=", "traits.a\\.b": "v", "password": "p w" });
    let form = "traits.email=a%40b.c&traits.name.first=%C3%A9%26%3D&traits.a%5C.b=v&password=p+w";
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"traits.email\"\r\n\r\na@b.c\r\n--x\r\n\
        Content-Disposition: form-data; name=\"traits.name.first\"\r\n\r\né&=\r\n--x\r\n\
        Content-Disposition: form-data; name=\"traits.a\\.b\"\r\n\r\nv\r\n--x\r\n\
        Content-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nfile\r\n--x\r\n\
        Content-Disposition: form-data; name=\"password\"\r\n\r\np w\r\n--x--\r\n";
    assert_eq!(submit("application/json", dotted.to_string()).await.unwrap(), expected);
    assert_eq!(submit("application/json; charset=utf-8", dotted.to_string()).await.unwrap(), expected);
    assert_eq!(submit(FORM, form).await.unwrap(), expected);
    assert_eq!(submit("multipart/form-data; boundary=x", multipart).await.unwrap(), expected);
}

#[tokio::test]
async fn json_values_keep_their_shape() {
    let traits = json!({ "a.b": { "": null, "c": [1, "", {}] }, "email": "" });
    let mut expected = Fields::default();
    expected.insert(["traits".to_owned()], traits.clone());
    assert_eq!(submit("application/json", json!({ "traits": traits }).to_string()).await.unwrap(), expected);
}

#[tokio::test]
async fn a_repeated_field_has_all_its_values() {
    let expected = fields(&[(&["a"], "1"), (&["a"], ""), (&["a"], "2"), (&["a", "0"], "3")]);
    assert_eq!(submit(FORM, "a=1&a=&a.0=3&a=2").await.unwrap(), expected);
    let last = submit("application/json", r#"{"a":1,"a":2}"#).await.unwrap();
    assert_eq!(last.member("a").and_then(Fields::first), Some(&json!(2)));
}

#[tokio::test]
async fn flows_without_traits_take_short_bodies_only() {
    let body = |length: usize| format!("a={}", "x".repeat(length - 2));
    for (kind, most) in [
        (Kind::Login, MAX_SHORT_BODY),
        (Kind::Recovery, MAX_SHORT_BODY),
        (Kind::Verification, MAX_SHORT_BODY),
        (Kind::Registration, MAX_BODY),
        (Kind::Settings, MAX_BODY),
    ] {
        assert!(submit_to(kind, FORM, body(most)).await.is_ok(), "{kind:?}");
        assert!(matches!(submit_to(kind, FORM, body(most + 1)).await, Err(Problem::TooLarge)), "{kind:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_to_show() {
    let deep_lists = "[".repeat(500_000);
    let deep_objects = "{\"a\":".repeat(500_000);
    let deeper_than_kept = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let many_dots = format!("{}a=1", "a.".repeat(500_000));
    let many_fields = "a=1&".repeat(MAX_FIELDS + 1);
    let many_members: Map<String, Value> = (0..=MAX_FIELDS).map(|index| (index.to_string(), json!(1))).collect();
    let many_members = Value::Object(many_members).to_string();
    for (content_type, body) in [
        ("application/json", ""),
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/json", "{\"a\":\"\\u0000\"}"),
        ("application/json", "{\"a\":[{\"\\u0000\":1}]}"),
        ("application/json", deeper_than_kept.as_str()),
        ("application/json", deep_lists.as_str()),
        ("application/json", deep_objects.as_str()),
        ("application/json", "{\"a\":\"\u{1}\"}"),
        (FORM, "a=%00"),
        (FORM, many_dots.as_str()),
        (FORM, many_fields.as_str()),
        ("application/json", many_members.as_str()),
        ("text/plain", "{}"),
        ("", "{}"),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=x", "--y"),
    ] {
        let result = submit(content_type, body.to_owned()).await;
        let start: String = body.chars().take(20).collect();
        assert!(matches!(result, Err(Problem::Bad { .. })), "{content_type} {start}: {result:?}");
    }
    let invalid = submit("application/json", Body::from(&b"{\"a\":\"\xff\"}"[..])).await;
    assert!(matches!(invalid, Err(Problem::Bad { .. })));
}

#[tokio::test]
async fn a_body_is_read_to_its_bound_and_no_further() {
    let exact = read(Body::from(vec![b'x'; MAX_BODY])).await.unwrap();
    assert_eq!(exact.len(), MAX_BODY);
    let over = read(Body::from(vec![b'x'; MAX_BODY + 1])).await;
    assert!(matches!(over, Err(Problem::TooLarge)));
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let endless = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
    let endless = read(Body::from_stream(endless)).await;
    assert!(matches!(endless, Err(Problem::TooLarge)), "an endless body ends");
    let parts = futures_util::stream::iter(["ab", "cd", "e"].map(|part| Ok::<_, std::io::Error>(Bytes::from(part))));
    assert_eq!(read(Body::from_stream(parts)).await.unwrap(), "abcde");
    let broken = futures_util::stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
    assert!(matches!(read(Body::from_stream(broken)).await, Err(Problem::Bad { .. })));
}
