use super::*;
use http::HeaderValue;
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

async fn submit(content_type: &str, body: impl Into<Body>) -> Result<Value> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    let input = submission(&headers, body.into()).await?;
    let members = ["traits", "password", "a", "method"].iter();
    Ok(members.filter_map(|name| Some(((*name).to_owned(), input.get(name)?.clone()))).collect::<Map<_, _>>().into())
}

#[tokio::test]
async fn a_form_and_a_json_body_say_the_same() {
    let expected = json!({"traits": {"email": "a@b.c", "name": {"first": "é&="}}, "password": "p w"});
    let nested = expected.to_string();
    let dotted = json!({"traits.email": "a@b.c", "traits": {"name": {"first": "é&="}}, "password": "p w"}).to_string();
    let form = "traits.email=a%40b.c&traits.name.first=%C3%A9%26%3D&password=p+w";
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"traits.email\"\r\n\r\na@b.c\r\n--x\r\n\
        Content-Disposition: form-data; name=\"traits.name.first\"\r\n\r\né&=\r\n--x\r\n\
        Content-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nfile\r\n--x\r\n\
        Content-Disposition: form-data; name=\"password\"\r\n\r\np w\r\n--x--\r\n";
    assert_eq!(submit("application/json", nested).await.unwrap(), expected);
    assert_eq!(submit("application/json; charset=utf-8", dotted).await.unwrap(), expected);
    assert_eq!(submit(FORM, form).await.unwrap(), expected);
    assert_eq!(submit("multipart/form-data; boundary=x", multipart).await.unwrap(), expected);
}

#[tokio::test]
async fn of_several_members_with_one_name_the_last_counts() {
    assert_eq!(submit(FORM, "a=1&a=2").await.unwrap(), json!({"a": "2"}));
    assert_eq!(submit(FORM, "a.b=1&a=2&a.c=3").await.unwrap(), json!({"a": {"c": "3"}}));
    assert_eq!(submit("application/json", r#"{"a":1,"a":2}"#).await.unwrap(), json!({"a": 2}));
    let both = r#"{"a":{"b":1,"c":1},"a.b":2}"#;
    assert_eq!(submit("application/json", both).await.unwrap(), json!({"a": {"b": 2, "c": 1}}));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_to_show() {
    let deep_lists = "[".repeat(500_000);
    let deep_objects = "{\"a\":".repeat(500_000);
    let deeper_than_kept = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let many_dots = format!("{}a=1", "a.".repeat(500_000));
    let many_fields = "a=1&".repeat(MAX_FIELDS + 1);
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
