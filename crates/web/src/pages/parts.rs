//! The elements of an HTML form, as the templates see them: one wire node becomes one [`Part`], or a hidden field.
//!
//! The translation is pure and total: a node that we do not understand draws nothing rather than failing a whole page.

use serde::Serialize;
use serde_json::Value;

/// A message of the wire, cut down to what is drawn.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) id: u64,
    /// `error`, `info` or `success`.
    pub(super) tone: &'a str,
    pub(super) text: &'a str,
}

/// An input that is sent but not seen.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Hidden {
    pub(super) name: String,
    pub(super) value: String,
    /// The function to call when the page has loaded (`onloadTrigger`).
    pub(super) load_trigger: Option<String>,
}

/// Something that is seen, in its place in a form.
#[derive(Debug, Serialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Field(Field<'a>),
    Button(Button<'a>),
    Text { id: &'a str, label: Option<&'a str>, text: &'a str, list: Vec<&'a str>, messages: Vec<Message<'a>> },
    Image { id: &'a str, label: Option<&'a str>, src: &'a str, width: u64, height: u64 },
    Link { id: &'a str, href: &'a str, text: &'a str },
    Block { id: &'a str, class: &'a str, data: Vec<(&'a str, String)> },
}

/// A field with its label and its errors.
#[derive(Debug, Serialize)]
pub(super) struct Field<'a> {
    /// The element's id: unique on the page, unlike the name.
    pub(super) id: String,
    pub(super) name: &'a str,
    /// `checkbox`, `select`, `textarea`, or the type of an HTML input.
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) checked: bool,
    pub(super) required: bool,
    pub(super) disabled: bool,
    pub(super) autofocus: bool,
    pub(super) invalid: bool,
    pub(super) autocomplete: Option<&'a str>,
    pub(super) pattern: Option<&'a str>,
    pub(super) maxlength: Option<u64>,
    /// Keyboard of a phone: `numeric` for codes.
    pub(super) inputmode: Option<&'static str>,
    pub(super) load_trigger: Option<&'a str>,
    pub(super) options: Vec<String>,
    pub(super) messages: Vec<Message<'a>>,
    /// The items of a list, and one item more; such a field has no input of its own.
    pub(super) entries: Vec<Entry<'a>>,
    /// The field begins a set of the members of one object: what that is called.
    pub(super) opens_set: Option<String>,
    /// The field ends such a set.
    pub(super) closes_set: bool,
    #[serde(skip)]
    pub(super) set: Option<Set<'a>>,
}

/// An item of a list.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    pub(super) label: String,
    /// The item is an object, and each of its members has a field.
    pub(super) is_set: bool,
    pub(super) fields: Vec<Field<'a>>,
}

/// The object whose member a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set<'a> {
    pub(super) name: &'a str,
    pub(super) title: Option<&'a str>,
}

impl Set<'_> {
    pub(super) fn label(&self) -> String {
        self.title.map_or_else(|| humanise(self.name), str::to_owned)
    }
}

/// A button, with how loudly it speaks.
#[derive(Debug, Serialize)]
pub(super) struct Button<'a> {
    pub(super) name: &'a str,
    pub(super) value: String,
    pub(super) label: String,
    /// Sends the form; otherwise it only calls `trigger`.
    pub(super) submits: bool,
    pub(super) disabled: bool,
    /// Sends the form although required fields are empty, since they belong to another way.
    pub(super) unchecked: bool,
    pub(super) weight: Weight,
    pub(super) trigger: Option<&'a str>,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip)]
    pub(super) group: &'a str,
}

impl Button<'_> {
    /// Whether the fields around it are none of its business: it only sends what is hidden.
    pub(super) fn stands_aside(&self) -> bool {
        self.submits && matches!(self.weight, Weight::Again | Weight::Quiet)
    }
}

/// How much a button asks to be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weight {
    /// The one way on.
    Primary,
    /// One of several ways on, of which the person picks one.
    Choice,
    /// Another way to the same end.
    Other,
    /// The same once more: another code.
    Again,
    /// A way back.
    Quiet,
    /// Takes something away for good.
    Danger,
}

/// The messages of a node or a container; those without a text are left out.
pub(super) fn messages(list: &Value) -> Vec<Message<'_>> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|message| {
            Some(Message {
                id: message["id"].as_u64().unwrap_or_default(),
                tone: match message["type"].as_str() {
                    Some("error") => "error",
                    Some("success") => "success",
                    _ => "info",
                },
                text: message["text"].as_str()?,
            })
        })
        .collect()
}

/// The input of the node if it is one that is sent unseen.
pub(super) fn hidden(node: &Value) -> Option<Hidden> {
    let attributes = &node["attributes"];
    (node["type"] == "input" && attributes["type"] == "hidden").then(|| Hidden {
        name: attributes["name"].as_str().unwrap_or_default().to_owned(),
        value: plain(&attributes["value"]),
        load_trigger: attributes["onloadTrigger"].as_str().map(str::to_owned),
    })
}

/// What is seen of a node; nothing for hidden inputs, scripts and what we do not know. `id` becomes the field's id.
pub(super) fn part(node: &Value, id: String) -> Option<Part<'_>> {
    let attributes = &node["attributes"];
    let own_id = attributes["id"].as_str().unwrap_or_default();
    let label = node["meta"]["label"]["text"].as_str();
    match node["type"].as_str()? {
        "input" => match attributes["type"].as_str()? {
            "hidden" => None,
            "submit" | "button" => Some(Part::Button(button(node))),
            _ => Some(Part::Field(field(node, id))),
        },
        "text" => Some(Part::Text {
            id: own_id,
            label,
            text: attributes["text"]["text"].as_str().unwrap_or_default(),
            list: secrets(&attributes["text"]["context"]["secrets"]),
            messages: messages(&node["messages"]),
        }),
        "img" => Some(Part::Image {
            id: own_id,
            label,
            src: attributes["src"].as_str()?,
            width: attributes["width"].as_u64().unwrap_or_default(),
            height: attributes["height"].as_u64().unwrap_or_default(),
        }),
        "a" => Some(Part::Link {
            id: own_id,
            href: attributes["href"].as_str().filter(|href| leads_somewhere(href))?,
            text: attributes["title"]["text"].as_str().or(label).unwrap_or_default(),
        }),
        "div" => Some(Part::Block {
            id: own_id,
            class: attributes["class"].as_str().unwrap_or_default(),
            data: data_attributes(&attributes["data"]),
        }),
        _ => None,
    }
}

fn field(node: &Value, id: String) -> Field<'_> {
    let attributes = &node["attributes"];
    let name = attributes["name"].as_str().unwrap_or_default();
    let options: Vec<String> =
        attributes["options"].as_array().into_iter().flatten().map(|option| plain(&option["value"])).collect();
    let kind = match attributes["type"].as_str().unwrap_or_default() {
        _ if !options.is_empty() => "select",
        "password" => "password",
        "number" => "number",
        "checkbox" => "checkbox",
        "email" => "email",
        "tel" => "tel",
        "date" => "date",
        "url" => "url",
        // A browser's date-and-time field sends no zone, which the format `date-time` demands.
        _ => "text",
    };
    let messages = messages(&node["messages"]);
    let label = node["meta"]["label"]["text"].as_str().or_else(|| attributes["label"]["text"].as_str());
    let label = label.map_or_else(|| humanise(name), str::to_owned);
    let autocomplete = attributes["autocomplete"].as_str();
    // A password is never sent back, whatever a flow may hold.
    let value = if kind == "password" { String::new() } else { plain(&attributes["value"]) };
    // Other inputs drop the ends of lines.
    let has_lines = matches!(kind, "text" | "email" | "tel" | "url") && value.contains(['\n', '\r']);
    let kind = if has_lines { "textarea" } else { kind };
    let entries = entries(node, &id, &label);
    let is_wrong = |field: &Field<'_>| field.invalid;
    let has_wrong_entry = entries.iter().flat_map(|entry| &entry.fields).any(is_wrong);
    let set = &node["set"];
    Field {
        entries,
        opens_set: None,
        closes_set: false,
        set: set["name"].as_str().map(|name| Set { name, title: set["title"].as_str() }),
        id,
        name,
        kind,
        label,
        value,
        checked: kind == "checkbox" && matches!(plain(&attributes["value"]).as_str(), "true" | "on" | "1"),
        // "Required" says of a checkbox only that it must be sent, and ours always is.
        required: kind != "checkbox" && attributes["required"] == true,
        disabled: attributes["disabled"] == true,
        autofocus: false,
        invalid: has_wrong_entry || messages.iter().any(|message| message.tone == "error"),
        autocomplete,
        pattern: attributes["pattern"].as_str(),
        maxlength: attributes["maxlength"].as_u64().filter(|limit| *limit > 0),
        inputmode: (autocomplete == Some("one-time-code") || name == "totp_code").then_some("numeric"),
        load_trigger: attributes["onloadTrigger"].as_str(),
        options,
        messages,
    }
}

fn entries<'a>(node: &'a Value, id: &str, label: &str) -> Vec<Entry<'a>> {
    let entries = node["entries"].as_array().into_iter().flatten().enumerate();
    let entry = |(index, inputs): (usize, &'a Value)| {
        let inputs = inputs.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_set = inputs.iter().any(|input| input["attributes"]["name"] != node["attributes"]["name"]);
        let label = format!("{label} {}", index + 1);
        let fields = inputs.iter().enumerate().map(|(inner, input)| {
            let field = field(input, format!("{id}-{index}-{inner}"));
            if is_set { field } else { Field { label: label.clone(), ..field } }
        });
        Entry { is_set, fields: fields.collect(), label: label.clone() }
    };
    entries.map(entry).collect()
}

fn button(node: &Value) -> Button<'_> {
    let attributes = &node["attributes"];
    let name = attributes["name"].as_str().unwrap_or_default();
    let value = plain(&attributes["value"]);
    let submits = attributes["type"] == "submit";
    let label = node["meta"]["label"]["text"].as_str().map(str::to_owned);
    Button {
        name,
        label: label.unwrap_or_else(|| humanise(if submits && !value.is_empty() { &value } else { name })),
        value,
        submits,
        disabled: attributes["disabled"] == true,
        unchecked: false,
        weight: weight(name),
        trigger: attributes["onclickTrigger"].as_str(),
        messages: messages(&node["messages"]),
        group: node["group"].as_str().unwrap_or_default(),
    }
}

fn weight(name: &str) -> Weight {
    match name {
        "method" | "lookup_secret_confirm" => Weight::Primary,
        "recovery_select_address" | "address" => Weight::Choice,
        // Sent codes name the address that another one goes to.
        "resend" | "email" | "sms" | "recovery_confirm_address" => Weight::Again,
        "screen" => Weight::Quiet,
        "unlink" | "totp_unlink" | "lookup_secret_disable" | "webauthn_remove" | "passkey_remove" => Weight::Danger,
        _ => Weight::Other,
    }
}

/// A JSON value as the text of an attribute: strings as they are, nothing for null.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A label for a field that has none: `traits.name.first_name` becomes `Name first name`.
pub(super) fn humanise(name: &str) -> String {
    let words = name.strip_prefix("traits.").unwrap_or(name).replace(['.', '_', '-'], " ");
    let mut characters = words.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn secrets(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|secret| secret["text"].as_str()).collect()
}

/// Addresses come from configuration and are checked there; what could run as a script is refused here once more.
fn leads_somewhere(href: &str) -> bool {
    let start: String = href.chars().filter(|c| !c.is_ascii_control() && *c != ' ').take(11).collect();
    let start = start.to_ascii_lowercase();
    !["javascript:", "data:", "vbscript:"].iter().any(|scheme| start.starts_with(scheme))
}

/// The `data-*` attributes of a block; names that are no plain words are left out, as escaping cannot make them safe.
fn data_attributes(data: &Value) -> Vec<(&str, String)> {
    let is_word =
        |key: &str| key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    data.as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !key.is_empty() && is_word(key))
        .map(|(key, value)| (key.as_str(), plain(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_password_is_never_drawn_back() {
        let node = json!({"type": "input", "group": "password", "messages": [], "meta": {},
            "attributes": {"name": "password", "type": "password", "value": "hunter2", "disabled": false}});
        let Some(Part::Field(field)) = part(&node, "f1".into()) else { panic!("no field") };
        assert_eq!(field.value, "");
    }

    #[test]
    fn a_field_without_a_label_is_named_after_its_path() {
        assert_eq!(humanise("traits.name.first_name"), "Name first name");
        assert_eq!(humanise("traits.ünlü"), "Ünlü");
    }

    #[test]
    fn an_anchor_that_would_run_a_script_is_left_out() {
        for href in ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x"] {
            let node = json!({"type": "a", "attributes": {"href": href, "title": {"text": "x"}, "id": "x"}});
            assert!(part(&node, String::new()).is_none(), "{href}");
        }
        let node = json!({"type": "a", "attributes": {"href": "app.example:/back", "title": {"text": "x"}, "id": "x"}});
        assert!(part(&node, String::new()).is_some());
    }

    #[test]
    fn a_data_attribute_with_an_unsafe_name_is_left_out() {
        assert_eq!(data_attributes(&json!({"sitekey": "k", "x onload=1": "y"})), [("sitekey", "k".to_owned())]);
    }

    #[test]
    fn an_enumerated_field_is_a_select_and_numbers_keep_their_text() {
        let node = json!({"type": "input", "group": "default", "messages": [], "meta": {},
            "attributes": {"name": "traits.size", "type": "number", "value": 2, "options": [{"value": 1}, {"value": 2}]}});
        let Some(Part::Field(field)) = part(&node, "f1".into()) else { panic!("no field") };
        assert_eq!((field.kind, field.value.as_str(), field.options.len()), ("select", "2", 2));
    }
}
