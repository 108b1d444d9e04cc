//! What a page has to know of traits beyond their nodes: which inputs show the items of a list, and which traits are the
//! members of one object. It is added to the page's copy of the flow; the API's nodes stay as they are.

use serde_json::{Value, json};
use zelos_core::schema::{IdentitySchema, split};

/// Inputs of the items of all lists of a page, well below the fields that a submission may have. A list that goes beyond
/// is one input for a JSON text.
const MOST: usize = 1_000;

/// Adds `entries` to the nodes of lists: for each item, and one item more, the nodes of its inputs. Adds `set` to the
/// nodes of members: the name and the title of the object.
pub(crate) fn describe(flow: &mut Value, schema: &IdentitySchema) {
    let Some(nodes) = flow["ui"]["nodes"].as_array_mut() else { return };
    let mut left = MOST;
    let mut index = 0;
    while index < nodes.len() {
        let attributes = &nodes[index]["attributes"];
        let name = attributes["name"].as_str().unwrap_or_default().to_owned();
        if attributes["type"] != "hidden"
            && let Some(entries) = schema.entries(&name, attributes.get("value"))
            && let Some(rest) = left.checked_sub(entries.iter().map(Vec::len).sum())
        {
            left = rest;
            let mut entries: Vec<Vec<Value>> =
                entries.iter().map(|inputs| inputs.iter().map(|input| json!(input)).collect()).collect();
            place_messages(nodes, &name, &mut entries);
            index = nodes.iter().position(|node| node["attributes"]["name"] == *name).unwrap_or(index);
            nodes[index]["entries"] = entries.into();
        }
        if let Some((set, title)) = schema.set_of(&name) {
            nodes[index]["set"] = json!({ "name": set, "title": title });
        }
        index += 1;
    }
}

/// Moves the messages of items to their inputs, or to the list; the nodes that only carry them go.
fn place_messages(nodes: &mut Vec<Value>, list: &str, entries: &mut [Vec<Value>]) {
    let is_within = |node: &mut Value| {
        let name = node["attributes"]["name"].as_str().unwrap_or_default();
        name.strip_prefix(list).is_some_and(|rest| rest.starts_with('.'))
    };
    let carriers: Vec<Value> = nodes.extract_if(.., is_within).collect();
    for mut carrier in carriers {
        let name = carrier["attributes"]["name"].take();
        let messages = carrier["messages"].take();
        let item = split(name.as_str().unwrap_or_default().strip_prefix(list).unwrap_or_default(), usize::MAX);
        let item = item.and_then(|parts| parts.get(1)?.parse::<usize>().ok()).and_then(|index| entries.get_mut(index));
        let of_list = nodes.iter_mut().find(|node| node["attributes"]["name"] == list);
        let input = item.and_then(|inputs| {
            let exact = inputs.iter().position(|input| input["attributes"]["name"] == name);
            inputs.get_mut(exact.unwrap_or(0))
        });
        if let (Some(node), Value::Array(messages)) = (input.or(of_list), messages)
            && let Some(known) = node["messages"].as_array_mut()
        {
            known.extend(messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> IdentitySchema {
        let traits = json!({ "type": "object", "properties": {
            "tags": { "type": "array", "title": "Tags", "items": { "type": "string" } },
            "name": { "type": "object", "title": "Full name", "properties": { "first": { "type": "string" } } },
            "homes": { "type": "array", "items": { "type": "object", "required": ["town"], "properties": {
                "town": { "type": "string", "title": "Town" }, "main": { "type": "boolean" } } } },
            "pair": { "type": "array", "items": [{ "type": "string" }] },
        } });
        IdentitySchema::compile("s", json!({ "properties": { "traits": traits } }).to_string().as_bytes()).unwrap()
    }

    fn node(name: &str, value: &Value) -> Value {
        json!({ "type": "input", "messages": [], "meta": {},
            "attributes": { "name": name, "type": "text", "value": value } })
    }

    fn names(node: &Value) -> Vec<Vec<(String, Value)>> {
        let input = |input: &Value| {
            let attributes = &input["attributes"];
            (attributes["name"].as_str().unwrap().to_owned(), attributes["value"].clone())
        };
        let entries = node["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry.as_array().unwrap().iter().map(input).collect()).collect()
    }

    #[test]
    fn lists_have_an_input_per_item_and_one_more() {
        let homes = json!([{ "town": "Ulm", "main": true }]);
        let mut flow = json!({ "ui": { "nodes": [
            node("traits.tags", &json!(["p", "q"])), node("traits.homes", &homes), node("traits.name.first", &json!("A")),
            node("traits.pair", &json!(["x"])), node("password", &Value::Null),
        ] } });
        describe(&mut flow, &schema());
        let nodes = &flow["ui"]["nodes"];
        let tag = |value: Value| vec![("traits.tags".to_owned(), value)];
        assert_eq!(names(&nodes[0]), [tag(json!("p")), tag(json!("q")), tag(Value::Null)]);
        let home = |index: usize, town: Value, main: Value| {
            vec![(format!("traits.homes.{index}.town"), town), (format!("traits.homes.{index}.main"), main)]
        };
        let expected = [home(0, json!("Ulm"), json!(true)), home(1, Value::Null, Value::Null)];
        assert_eq!(names(&nodes[1]), expected);
        assert_eq!(nodes[1]["entries"][1][0]["attributes"].get("required"), None);
        assert_eq!(nodes[2]["set"], json!({ "name": "traits.name", "title": "Full name" }));
        assert!(nodes[3].get("entries").is_none() && nodes[4].get("set").is_none());
    }

    #[test]
    fn messages_of_items_stand_at_their_inputs() {
        let mut nodes = vec![
            node("traits.tags", &json!(["p", "q"])),
            node("traits.tags.1", &Value::Null),
            node("traits.homes.0.town", &Value::Null),
            node("traits.homes", &json!([{}])),
            node("traits.homes.7", &Value::Null),
        ];
        for (index, id) in [(1, 1), (2, 2), (4, 3)] {
            nodes[index]["messages"] = json!([{ "id": id }]);
        }
        let mut flow = json!({ "ui": { "nodes": nodes } });
        describe(&mut flow, &schema());
        let nodes = flow["ui"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[0]["entries"][1][0]["messages"], json!([{ "id": 1 }]));
        assert_eq!(nodes[1]["entries"][0][0]["messages"], json!([{ "id": 2 }]));
        assert_eq!(nodes[1]["messages"], json!([{ "id": 3 }]));
    }
}
