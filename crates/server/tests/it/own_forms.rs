//! Our own pages as forms: sent as they are drawn they change nothing, and every trait that has a node can be given.

use crate::{
    submissions::{post, setup, stored},
    wire::PASSWORD,
};
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value, json};
use zelos_testkit::{App, Database, Mode, Persona, Setup, scenario};

fn own_pages() -> Value {
    let own = json!({ "ui_url": null });
    json!({ "selfservice": { "flows": { "settings": own, "registration": own, "login": own } } })
}

/// The fields that a browser sends of the form that holds this text: its successful controls, in their order.
fn fields_of(page: &str, holding: &str) -> Vec<(String, String)> {
    let form = page.split("<form").skip(1).find(|form| form.contains(holding)).unwrap_or_else(|| panic!("{page}"));
    let form = form.split("</form>").next().unwrap();
    let mut fields = Vec::new();
    let mut rest = form;
    // The nested field sets, and whether each is disabled.
    let mut sets = Vec::new();
    let mut chosen: Option<(String, Option<String>, Option<String>)> = None;
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').unwrap();
        rest = after;
        let name = tag.split([' ', '\n']).next().unwrap();
        let has = |name: &str| attribute(tag, name).is_some();
        let field = || attribute(tag, "name").unwrap();
        let is_enabled = !has("disabled") && !sets.contains(&true);
        match name {
            "fieldset" => sets.push(has("disabled")),
            "/fieldset" => drop(sets.pop()),
            "input" if is_enabled => match attribute(tag, "type").unwrap().as_str() {
                "checkbox" if !has("checked") => {}
                kind => {
                    let value = attribute(tag, "value").unwrap_or_default();
                    assert!(kind == "hidden" || !value.contains(['\n', '\r']), "{tag}: browsers drop ends of lines");
                    fields.push((field(), value));
                }
            },
            "select" if is_enabled => chosen = Some((field(), None, None)),
            "option" => {
                if let Some((_, first, selected)) = &mut chosen {
                    let value = attribute(tag, "value").unwrap();
                    first.get_or_insert_with(|| value.clone());
                    if has("selected") {
                        *selected = Some(value);
                    }
                }
            }
            "/select" => {
                if let Some((name, first, selected)) = chosen.take() {
                    fields.push((name, selected.or(first).unwrap_or_default()));
                }
            }
            "textarea" if is_enabled => {
                let text = rest.split_once("</textarea>").unwrap().0;
                let text = unescape(text).replace("\r\n", "\n").replace('\r', "\n");
                fields.push((field(), text.strip_prefix('\n').unwrap_or(&text).replace('\n', "\r\n")));
            }
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag.split_once([' ', '\n'])?.1;
    loop {
        rest = rest.trim_start();
        let end = rest.find([' ', '=', '\n']).unwrap_or(rest.len());
        let found = &rest[..end];
        let (value, after) = match rest[end..].strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"')?,
            None => ("", &rest[end..]),
        };
        if found == name {
            return Some(unescape(value));
        }
        if found.is_empty() {
            return None;
        }
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    let quotes = text.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">");
    quotes.replace("&amp;", "&")
}

/// The page of a new flow, and the flow.
async fn page(visitor: &mut Persona, kind: &str) -> (String, Value) {
    let begun = visitor.start(kind, "").await;
    show(visitor, kind, begun.location()).await
}

async fn show(visitor: &mut Persona, kind: &str, location: &str) -> (String, Value) {
    let path = location.strip_prefix("http://id.example.org").unwrap_or(location).to_owned();
    let shown = visitor.get(&path).await;
    assert_eq!(shown.status, 200, "{path}: {}", shown.text);
    let id = path.split("flow=").nth(1).unwrap();
    (shown.text, visitor.fetch(kind, id).await.json())
}

/// Sends the fields, with the button that saves; where the answer leads to.
async fn send(visitor: &mut Persona, flow: &Value, fields: &[(String, String)], method: &str) -> String {
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    fields.push(("method", method));
    let answer = post(visitor, flow, &fields).await;
    assert!(answer.status.is_redirection(), "{fields:?}: {} {}", answer.status, answer.text);
    answer.location().to_owned()
}

/// Makes somebody with these traits, whose browser is signed in.
async fn somebody(app: &App, traits: &Value) -> Persona {
    let password = json!({ "password": { "config": { "password": PASSWORD } } });
    let body = json!({ "schema_id": "default", "traits": traits, "credentials": password });
    let made = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(made.status, 201, "{traits}: {}", made.text);
    let mut visitor = app.visitor(Mode::Page);
    visitor.sign_in(traits["email"].as_str().unwrap(), PASSWORD).await;
    visitor
}

async fn save_unchanged(app: &App, visitor: &mut Persona, traits: &Value) {
    let (html, flow) = page(visitor, "settings").await;
    let fields = fields_of(&html, "data-group=\"profile\"");
    let location = send(visitor, &flow, &fields, "profile").await;
    let (html, _) = show(visitor, "settings", &location).await;
    assert!(html.contains("data-message=\"1050001\""), "{traits} as {fields:?}: {html}");
    assert_eq!(stored(app, traits["email"].as_str().unwrap()).await, *traits, "{fields:?}");
}

#[tokio::test]
async fn a_list_has_an_input_for_each_item_and_one_more() {
    let tags = json!({ "type": "array", "title": "Tags", "items": { "type": "string" } });
    let homes = json!({ "type": "array", "items": { "type": "object", "properties": {
        "town": { "type": "string", "title": "Town", "minLength": 2 }, "main": { "type": "boolean" } } } });
    let setup = setup(json!({ "properties": { "tags": tags, "homes": homes } })).and(&own_pages());
    scenario(setup, async |app| {
        let mut traits = json!({ "email": "a@example.org", "tags": ["p", "q"], "homes": [{ "town": "Ulm", "main": true, "key": 1 }] });
        let mut visitor = somebody(app, &traits).await;
        save_unchanged(app, &mut visitor, &traits).await;
        let (html, flow) = page(&mut visitor, "settings").await;
        assert!(html.contains("<legend>Tags <small>optional</small></legend>") && html.contains("aria-label=\"Tags 3\""));
        let mut fields = fields_of(&html, "data-group=\"profile\"");
        let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).filter(|name| name.starts_with("traits.")).collect();
        let homes = ["traits.homes.0.town", "traits.homes.0.main", "traits.homes.1.town", "traits.homes.1.main"];
        assert_eq!(names, [&["traits.email"][..], &["traits.tags"; 3], &homes].concat());
        let mut fill = |name: &str, nth: usize, value: &str| {
            fields.iter_mut().filter(|(known, _)| known == name).nth(nth).unwrap().1 = value.to_owned();
        };
        fill("traits.tags", 0, "");
        fill("traits.tags", 2, "r");
        fill("traits.homes.1.town", 0, "X");
        let location = send(&mut visitor, &flow, &fields, "profile").await;
        // What is wrong with an item stands at its input, and nowhere else.
        let (html, flow) = show(&mut visitor, "settings", &location).await;
        assert!(!html.contains("name=\"traits.homes.1\""), "{html}");
        let town = html.split("name=\"traits.homes.1.town\"").nth(1).unwrap();
        assert!(town.split("name=\"").next().unwrap().contains("data-message=\"4000003\""), "{html}");
        let mut fields = fields_of(&html, "data-group=\"profile\"");
        fields.iter_mut().find(|(name, _)| name == "traits.homes.1.town").unwrap().1 = "Bonn".to_owned();
        send(&mut visitor, &flow, &fields, "profile").await;
        traits["tags"] = json!(["q", "r"]);
        traits["homes"] = json!([{ "town": "Ulm", "main": true, "key": 1 }, { "town": "Bonn" }]);
        assert_eq!(stored(app, "a@example.org").await, traits);
    })
    .await;
}

#[tokio::test]
async fn many_long_lists_are_saved_unchanged() {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let names = ["l1", "l2", "l3", "l4", "l5"];
    let lists: Value = names.iter().map(|name| ((*name).to_owned(), list.clone())).collect();
    scenario(setup(json!({ "properties": lists })).and(&own_pages()), async |app| {
        let items: Vec<String> = (0..450).map(|index| index.to_string()).collect();
        let mut traits: Value = names.iter().map(|name| ((*name).to_owned(), json!(items))).collect();
        traits["email"] = json!("a@example.org");
        let mut visitor = somebody(app, &traits).await;
        save_unchanged(app, &mut visitor, &traits).await;
    })
    .await;
}

#[tokio::test]
async fn members_of_an_object_are_a_field_set() {
    let text = |title: &str| json!({ "type": "string", "title": title });
    let name = json!({ "type": "object", "title": "Full name", "properties": { "first": text("First"), "last": text("Last") } });
    let setup = setup(json!({ "properties": { "name": name, "nick": text("Nick") } })).and(&own_pages());
    scenario(setup, async |app| {
        let mut visitor = somebody(app, &json!({ "email": "a@example.org", "name": { "first": "A" } })).await;
        let (html, _) = page(&mut visitor, "settings").await;
        let set = html.split("<legend>Full name</legend>").nth(1).unwrap().split("</fieldset>").next().unwrap();
        assert!(set.contains("traits.name.first") && set.contains("traits.name.last"), "{html}");
        assert!(!set.contains("traits.nick"), "{html}");
    })
    .await;
}

#[tokio::test]
async fn our_registration_page_gives_lists_and_dotted_traits() {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let setup =
        setup(json!({ "properties": { "tags": list, "a.b": { "type": "string" }, "news": { "type": "boolean" } } }));
    for style in ["unified", "profile_first"] {
        let style = json!({ "selfservice": { "flows": { "registration": { "style": style } } } });
        scenario(setup.clone().and(&own_pages()).and(&style), async |app| {
            let mut visitor = app.visitor(Mode::Page);
            let (html, flow) = page(&mut visitor, "registration").await;
            let mut fields = fields_of(&html, "traits.email");
            for (name, value) in [("traits.email", "a@example.org"), ("traits.tags", "p"), (r"traits.a\.b", "v")] {
                fields.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
            }
            if html.contains("type=\"password\"") {
                fields.iter_mut().find(|(known, _)| known == "password").unwrap().1 = PASSWORD.to_owned();
                send(&mut visitor, &flow, &fields, "password").await;
            } else {
                let location = send(&mut visitor, &flow, &fields, "profile").await;
                let (html, flow) = show(&mut visitor, "registration", &location).await;
                let mut fields = fields_of(&html, "type=\"password\"");
                fields.iter_mut().find(|(known, _)| known == "password").unwrap().1 = PASSWORD.to_owned();
                send(&mut visitor, &flow, &fields, "password").await;
            }
            let expected = json!({ "email": "a@example.org", "tags": ["p"], "a.b": "v", "news": false });
            assert_eq!(stored(app, "a@example.org").await, expected);
        })
        .await;
    }
}

const NAMES: [&str; 8] = ["nick", "a.b", "c\\", "x y", "ü<b>", "https://e.org/r", "0", "Traits"];

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(NAMES.to_vec(), 0..4)
}

/// Schemas of traits.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        json!({ "type": "string" }),
        json!({ "type": "string", "disableFormField": true }),
        json!({ "type": "string", "enum": ["s", "m", "<&>"] }),
        json!({ "type": "number" }),
        json!({ "type": "integer" }),
        json!({ "type": "boolean" }),
        json!({ "type": "object" }),
        json!({ "type": "array" }),
        json!({ "type": "array", "items": [{ "type": "string" }, { "type": "boolean" }] }),
        json!({ "default": 1 }),
        json!({}),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let object =
            (names(), prop::collection::vec((inner.clone(), any::<bool>()), 3)).prop_map(|(names, members)| {
                let members = || names.iter().zip(&members);
                let properties: Value =
                    members().map(|(name, (schema, _))| ((*name).to_owned(), schema.clone())).collect();
                let required: Vec<&str> =
                    members().filter(|(_, (_, required))| *required).map(|(name, _)| *name).collect();
                json!({ "type": "object", "properties": properties, "required": required })
            });
        prop_oneof![object, inner.prop_map(|items| json!({ "type": "array", "items": items }))]
    })
}

fn texts() -> impl Strategy<Value = Value> {
    let texts =
        ["", "a", " b ", "two\nlines", "\r\n\n", "x\ry", "<b>\"'&amp;", "null", "[\"x\"]", "{}", "1", "true", "é"];
    prop::sample::select(texts.to_vec()).prop_map(Value::from)
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![texts(), Just(json!(null)), Just(json!([1, [], {}])), Just(json!({ "a.b": [""] })), Just(json!(2.5))]
}

/// Values that a schema accepts.
fn values_of(schema: &Value) -> BoxedStrategy<Value> {
    let whole = || prop::sample::select(vec![json!(0), json!(-7), json!(u64::MAX), json!(i64::MIN)]);
    match schema["type"].as_str().unwrap_or_default() {
        "string" if schema["enum"].is_array() => {
            prop::sample::select(schema["enum"].as_array().unwrap().clone()).boxed()
        }
        "string" => texts().boxed(),
        "integer" => whole().boxed(),
        "number" => prop_oneof![whole(), Just(json!(-0.5)), Just(json!(1e300)), Just(json!(5.0))].boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "array" => match &schema["items"] {
            Value::Object(_) => prop::collection::vec(values_of(&schema["items"]), 0..4).prop_map(Value::from).boxed(),
            Value::Array(_) => (texts(), any::<bool>()).prop_map(|(text, yes)| json!([text, yes])).boxed(),
            _ => prop::collection::vec(anything(), 0..3).prop_map(Value::from).boxed(),
        },
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let members: Vec<_> = properties
                .map(|(name, schema)| {
                    let value = values_of(schema);
                    let is_required = required.iter().any(|known| known == name);
                    let value =
                        if is_required { value.prop_map(Some).boxed() } else { prop::option::of(value).boxed() };
                    (Just(name.clone()), value)
                })
                .collect();
            // What the schema does not declare may be there, too.
            (members, prop::option::of(anything()))
                .prop_map(|(members, more)| {
                    let declared = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
                    declared.chain(more.map(|more| ("un.declared".to_owned(), more))).collect()
                })
                .boxed()
        }
        _ => anything().boxed(),
    }
}

#[test]
fn a_save_without_a_change_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::sqlite().unwrap();
        let app = App::start(&database, &Setup::default()).await.unwrap();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for number in 0..60 {
            let schema = (names(), prop::collection::vec(schemas(), 3)).new_tree(&mut runner).unwrap().current();
            let properties: Value =
                schema.0.iter().zip(schema.1).map(|(name, schema)| ((*name).to_owned(), schema)).collect();
            let whole = json!({ "type": "object", "properties": properties });
            app.reload(&database, &setup(json!({ "properties": properties })).and(&own_pages())).await.unwrap();
            let mut traits = values_of(&whole).new_tree(&mut runner).unwrap().current();
            traits["email"] = json!(format!("p{number}@example.org"));
            let mut visitor = somebody(&app, &traits).await;
            save_unchanged(&app, &mut visitor, &traits).await;
        }
    });
}
