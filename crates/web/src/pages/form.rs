//! Which nodes of a flow go together in one HTML form, and in which order.
//!
//! Nodes come in groups, one per method, and the group `default` belongs to all. Where `default` shows a field
//! (an identifier, traits) the person must fill it in only once, so everything is one form. Otherwise each group is
//! a form of its own with the hidden default inputs repeated, so that an empty field of one method cannot hold up
//! another. Settings are always separate: each section saves itself.
//!
//! The Enter key presses a form's first submit button, wherever that is. In a shared form we move the method buttons
//! behind the fields and before the others; a form whose only submit buttons are not a way on (say, removing a key)
//! gets a disabled first button as a guard. What has nothing to do with the fields – another code, a step back – stands
//! in a form of its own with the hidden inputs alone, so that a half-typed code is not judged on the way.

use super::parts::{self, Button, Field, Hidden, Message, Part, Weight};
use serde::Serialize;
use serde_json::Value;
use zelos_core::flow::Kind;

/// A whole flow, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Screen<'a> {
    pub(super) action: &'a str,
    pub(super) method: &'a str,
    pub(super) messages: Vec<Message<'a>>,
    pub(super) forms: Vec<Form<'a>>,
    /// What stands aside: forms of buttons, after all others.
    pub(super) asides: Vec<Form<'a>>,
    /// The attributes of the script nodes, each script once.
    pub(super) scripts: Vec<&'a Value>,
    /// Something on the page is wrong: the title says so first, for screen readers.
    pub(super) has_errors: bool,
}

/// One HTML form.
#[derive(Debug, Serialize)]
pub(super) struct Form<'a> {
    /// The node group, or `default` where one form holds several.
    pub(super) group: &'a str,
    pub(super) hidden: Vec<Hidden>,
    pub(super) parts: Vec<Part<'a>>,
    /// The Enter key must do nothing here.
    pub(super) guard: bool,
    /// A passkey can be added here, under a name that only our pages ask for.
    pub(super) can_add: bool,
}

/// Arranges the nodes of a flow (the wire's JSON).
pub(super) fn arrange(kind: Kind, flow: &Value) -> Screen<'_> {
    let ui = &flow["ui"];
    let nodes = ui["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut forms =
        if kind != Kind::Settings && nodes.iter().any(is_shared_field) { vec![shared(nodes)] } else { separate(nodes) };
    let asides = set_aside(&mut forms);
    for form in &mut forms {
        group_sets(form);
        form.can_add = form.hidden.iter().any(|input| input.name == "passkey_settings_register");
        guard(form);
    }
    if kind != Kind::Settings || forms.iter().any(|form| fields(form).any(|field| field.invalid)) {
        place_cursor(&mut forms);
    }
    let messages = parts::messages(&ui["messages"]);
    let has_errors = messages.iter().any(|message| message.tone == "error")
        || forms.iter().any(|form| fields(form).any(|field| field.invalid));
    Screen {
        action: ui["action"].as_str().unwrap_or_default(),
        method: if ui["method"] == "GET" { "get" } else { "post" },
        messages,
        forms,
        asides,
        scripts: scripts(nodes),
        has_errors,
    }
}

fn group(node: &Value) -> &str {
    node["group"].as_str().unwrap_or("default")
}

fn is_shared_field(node: &Value) -> bool {
    group(node) == "default" && matches!(parts::part(node, String::new()), Some(Part::Field(_)))
}

fn field_id(index: usize) -> String {
    format!("field-{index}")
}

/// Everything in one form: fields first, then the buttons by their weight.
fn shared(nodes: &[Value]) -> Form<'_> {
    let hidden = nodes.iter().filter_map(parts::hidden).collect();
    let mut shown = Vec::new();
    let mut buttons = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        match parts::part(node, field_id(index)) {
            Some(Part::Button(button)) => buttons.push(button),
            Some(other) => shown.push((group(node), other)),
            None => {}
        }
    }
    let needs = |wanted: &dyn Fn(&str) -> bool| {
        shown.iter().any(|(group, part)| wanted(group) && matches!(part, Part::Field(field) if field.required))
    };
    let has_field = |button: &Button<'_>| shown.iter().any(|(group, _)| *group == button.group);
    for button in &mut buttons {
        let own = button.group;
        button.unchecked = button.name != "method" || needs(&|group| group != "default" && group != own);
    }
    buttons.sort_by_key(|button| (button.weight, !has_field(button)));
    for later in buttons.iter_mut().filter(|button| button.weight == Weight::Primary).skip(1) {
        later.weight = Weight::Other;
    }
    let parts = shown.into_iter().map(|(_, part)| part).chain(buttons.into_iter().map(Part::Button)).collect();
    Form { group: "default", hidden, parts, guard: false, can_add: false }
}

/// Whether every form sends it: what is hidden in the group `default`, and who somebody said they are on the screen before.
fn is_for_all(node: &Value) -> bool {
    matches!(group(node), "default" | "identifier_first") && parts::hidden(node).is_some()
}

/// A form per group, in the order in which the groups first appear.
fn separate(nodes: &[Value]) -> Vec<Form<'_>> {
    let mut groups: Vec<&str> = Vec::new();
    for node in nodes {
        if !is_for_all(node) && !groups.contains(&group(node)) {
            groups.push(group(node));
        }
    }
    groups
        .into_iter()
        .map(|wanted| {
            let of_form = |node: &&Value| group(node) == wanted || group(node) == "default" || is_for_all(node);
            let hidden = nodes.iter().filter(of_form).filter_map(parts::hidden).collect();
            let of_group = nodes.iter().enumerate().filter(|(_, node)| group(node) == wanted);
            let parts: Vec<Part<'_>> =
                of_group.filter_map(|(index, node)| parts::part(node, field_id(index))).map(unchecked).collect();
            Form { group: wanted, hidden, parts, guard: false, can_add: false }
        })
        .filter(|form: &Form<'_>| !form.parts.is_empty() || form.hidden.iter().any(|input| input.name != "csrf_token"))
        .collect()
}

/// Moves the buttons that stand aside into forms of their own; a form that is empty then is dropped.
fn set_aside<'a>(forms: &mut Vec<Form<'a>>) -> Vec<Form<'a>> {
    let mut asides = Vec::new();
    for form in &mut *forms {
        let stands_aside = |part: &mut Part<'a>| matches!(part, Part::Button(button) if button.stands_aside());
        for part in form.parts.extract_if(.., stands_aside) {
            // What a script fills in belongs to the fields.
            let sent = form.hidden.iter().filter(|input| input.load_trigger.is_none()).cloned().collect();
            asides.push(Form { group: form.group, hidden: sent, parts: vec![part], guard: false, can_add: false });
        }
    }
    forms.retain(|form| !form.parts.is_empty() || asides.iter().all(|aside| aside.group != form.group));
    asides.sort_by_key(|form| match form.parts.first() {
        Some(Part::Button(button)) => button.weight,
        _ => Weight::Quiet,
    });
    asides
}

/// In a form of one method only the way on needs the fields; "send again" or "remove" do not.
fn unchecked(mut part: Part<'_>) -> Part<'_> {
    if let Part::Button(button) = &mut part {
        button.unchecked = button.name != "method";
    }
    part
}

fn guard(form: &mut Form<'_>) {
    let first_submit = form.parts.iter().find_map(|part| match part {
        Part::Button(button) if button.submits => Some(button.weight),
        _ => None,
    });
    form.guard =
        (form.can_add || fields(form).next().is_some()) && matches!(first_submit, Some(Weight::Danger | Weight::Other));
}

fn fields<'a, 'f>(form: &'f Form<'a>) -> impl Iterator<Item = &'f Field<'a>> {
    form.parts.iter().filter_map(|part| match part {
        Part::Field(field) => Some(field),
        _ => None,
    })
}

/// Fields of one object that follow each other are a set.
fn group_sets(form: &mut Form<'_>) {
    let set = |part: &Part<'_>| match part {
        Part::Field(field) => field.set.map(|set| (set.name.to_owned(), set.label())),
        _ => None,
    };
    let sets: Vec<_> = form.parts.iter().map(set).collect();
    let is_same = |one: Option<usize>, other: usize| {
        let one = one.and_then(|one| sets.get(one)?.as_ref());
        one.is_some_and(|one| sets.get(other).and_then(Option::as_ref) == Some(one))
    };
    for (index, part) in form.parts.iter_mut().enumerate() {
        let (Part::Field(field), Some((_, label))) = (part, &sets[index]) else { continue };
        let (goes_on, has_begun) = (is_same(Some(index + 1), index), is_same(index.checked_sub(1), index));
        field.opens_set = (goes_on && !has_begun).then(|| label.clone());
        field.closes_set = has_begun && !goes_on;
    }
}

/// The cursor starts in the first field with an error, else in the first empty one.
fn place_cursor(forms: &mut [Form<'_>]) {
    let mut all: Vec<&mut Field<'_>> = forms
        .iter_mut()
        .flat_map(|form| &mut form.parts)
        .filter_map(|part| match part {
            Part::Field(field) if !field.disabled => Some(field),
            _ => None,
        })
        .collect();
    let wrong = all.iter().position(|field| field.invalid);
    let empty = || all.iter().position(|field| field.kind != "checkbox" && field.value.is_empty());
    if let Some(index) = wrong.or_else(empty) {
        let field = &mut *all[index];
        let inner = field.entries.iter_mut().flat_map(|entry| &mut entry.fields);
        let inner = inner.reduce(|first, field| if field.invalid && !first.invalid { field } else { first });
        match inner {
            Some(inner) => inner.autofocus = true,
            None => field.autofocus = true,
        }
    }
}

fn scripts(nodes: &[Value]) -> Vec<&Value> {
    let mut found: Vec<&Value> = Vec::new();
    for node in nodes.iter().filter(|node| node["type"] == "script") {
        let script = &node["attributes"];
        if !found.iter().any(|earlier| earlier["src"] == script["src"]) {
            found.push(script);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn input(group: &str, name: &str, kind: &str, value: &str) -> Value {
        json!({"type": "input", "group": group, "messages": [], "meta": {},
            "attributes": {"name": name, "type": kind, "value": value, "required": kind != "submit", "disabled": false}})
    }

    fn flow(nodes: &[Value]) -> Value {
        json!({"ui": {"action": "https://id.example/self-service/login?flow=1", "method": "POST", "nodes": nodes}})
    }

    fn drawn(form: &Form<'_>) -> Vec<String> {
        form.parts
            .iter()
            .map(|part| match part {
                Part::Field(field) => field.name.to_owned(),
                Part::Button(button) => format!("[{}={}]", button.name, button.value),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_shared_identifier_makes_one_form_and_enter_presses_the_method() {
        let flow = flow(&[
            input("oidc", "provider", "submit", "google"),
            input("default", "csrf_token", "hidden", "t"),
            input("default", "identifier", "text", ""),
            input("code", "method", "submit", "code"),
            input("password", "password", "password", ""),
            input("password", "method", "submit", "password"),
        ]);
        let screen = arrange(Kind::Login, &flow);
        assert_eq!(screen.forms.len(), 1);
        let form = &screen.forms[0];
        assert_eq!(drawn(form), ["identifier", "password", "[method=password]", "[method=code]", "[provider=google]"]);
        let checks: Vec<(Weight, bool)> = form
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Button(button) => Some((button.weight, button.unchecked)),
                _ => None,
            })
            .collect();
        assert_eq!(checks, [(Weight::Primary, false), (Weight::Other, true), (Weight::Other, true)]);
        assert!(!form.guard);
    }

    #[test]
    fn second_factors_are_forms_of_their_own_with_the_token_in_each() {
        let flow = flow(&[
            input("default", "csrf_token", "hidden", "t"),
            input("totp", "totp_code", "text", ""),
            input("totp", "method", "submit", "totp"),
            input("lookup_secret", "lookup_secret", "text", ""),
            input("lookup_secret", "method", "submit", "lookup_secret"),
        ]);
        let screen = arrange(Kind::Login, &flow);
        assert_eq!(screen.forms.len(), 2);
        assert!(screen.forms.iter().all(|form| form.hidden.len() == 1 && form.hidden[0].name == "csrf_token"));
        assert_eq!(drawn(&screen.forms[1]), ["lookup_secret", "[method=lookup_secret]"]);
    }

    #[test]
    fn enter_in_a_name_field_does_not_remove_a_key() {
        let flow = flow(&[
            input("webauthn", "webauthn_remove", "submit", "aa"),
            input("webauthn", "webauthn_register_displayname", "text", ""),
            input("webauthn", "webauthn_register_trigger", "button", "{}"),
        ]);
        assert!(arrange(Kind::Settings, &flow).forms[0].guard);
    }

    #[test]
    fn another_code_and_a_step_back_leave_the_fields_alone() {
        let flow = flow(&[
            input("default", "csrf_token", "hidden", "t"),
            input("code", "code", "text", ""),
            input("code", "method", "submit", "code"),
            input("code", "method", "hidden", "code"),
            input("code", "screen", "submit", "previous"),
            input("code", "recovery_confirm_address", "submit", "ada@example.com"),
            input("code", "recovery_address", "hidden", "ada@example.com"),
        ]);
        let screen = arrange(Kind::Recovery, &flow);
        assert_eq!(screen.forms.iter().map(drawn).collect::<Vec<_>>(), [vec!["code", "[method=code]"]]);
        let asides: Vec<_> = screen.asides.iter().map(drawn).collect();
        assert_eq!(asides, [vec!["[recovery_confirm_address=ada@example.com]"], vec!["[screen=previous]"]]);
        for aside in &screen.asides {
            let hidden: Vec<&str> = aside.hidden.iter().map(|input| input.name.as_str()).collect();
            assert_eq!(hidden, ["csrf_token", "method", "recovery_address"]);
        }
    }

    #[test]
    fn a_step_back_is_no_form_among_the_others() {
        let flow = flow(&[
            input("default", "csrf_token", "hidden", "t"),
            input("default", "traits.email", "hidden", "ada@example.com"),
            input("password", "password", "password", ""),
            input("password", "method", "submit", "password"),
            input("profile", "screen", "submit", "previous"),
        ]);
        let screen = arrange(Kind::Registration, &flow);
        assert_eq!(screen.forms.iter().map(|form| form.group).collect::<Vec<_>>(), ["password"]);
        let hidden: Vec<&str> = screen.asides[0].hidden.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(hidden, ["csrf_token", "traits.email"]);
    }

    #[test]
    fn settings_never_share_a_form() {
        let flow = flow(&[
            input("default", "csrf_token", "hidden", "t"),
            input("default", "webauthn_remove", "text", ""),
            input("profile", "traits.email", "email", "a@example.com"),
            input("profile", "method", "submit", "profile"),
            input("password", "password", "password", ""),
            input("password", "method", "submit", "password"),
        ]);
        let screen = arrange(Kind::Settings, &flow);
        assert_eq!(screen.forms.iter().map(|form| form.group).collect::<Vec<_>>(), ["default", "profile", "password"]);
        assert!(screen.forms.iter().flat_map(fields).all(|field| !field.autofocus));
    }

    #[test]
    fn the_cursor_starts_at_the_first_error_else_at_the_first_gap() {
        let mut nodes = vec![
            input("default", "traits.email", "email", "a@example.com"),
            input("default", "traits.name", "text", ""),
            input("password", "password", "password", ""),
        ];
        let focused = |flow: &Value| {
            let screen = arrange(Kind::Registration, flow);
            let names: Vec<String> =
                screen.forms.iter().flat_map(fields).filter(|f| f.autofocus).map(|f| f.name.to_owned()).collect();
            names
        };
        assert_eq!(focused(&flow(&nodes)), ["traits.name"]);
        nodes[2]["messages"] = json!([{"id": 4_000_032, "type": "error", "text": "Too short"}]);
        assert_eq!(focused(&flow(&nodes)), ["password"]);
        assert!(arrange(Kind::Registration, &flow(&nodes)).has_errors);
    }

    #[test]
    fn anything_may_be_missing() {
        for odd in [json!(null), json!({}), json!({"ui": {"nodes": [null, 1, {"type": "hologram"}]}})] {
            assert!(arrange(Kind::Login, &odd).forms.is_empty(), "{odd}");
        }
    }
}
