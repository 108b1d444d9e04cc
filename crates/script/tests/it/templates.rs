//! What Go makes of templates is recorded in `data/templates.json` (Go 1.26, sprig 3.3); ours must say the same.

use proptest::prelude::*;
use serde_json::{Value, json};
use zelos_script::template::{Escape, Limits, Set};

#[test]
fn templates_say_what_they_say_in_go() {
    let recorded: Value = serde_json::from_str(include_str!("data/templates.json")).unwrap();
    let data = &recorded["data"];
    let mut differences = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let template = case["template"].as_str().unwrap();
        let escape = if case["html"].as_bool().unwrap() { Escape::Html } else { Escape::Text };
        let said = Set::compile(escape, ("main", template), &[]).and_then(|set| set.render(data, &Limits::default()));
        match (case["want"].as_str(), said) {
            (Some(wanted), Ok(said)) if said == wanted => {}
            (None, Err(_)) => {}
            (wanted, said) => differences.push(format!("{template}\n  Go:   {wanted:?}\n  ours: {said:?}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn render(escape: Escape, template: &str) -> Result<String, String> {
    let set = Set::compile(escape, ("main.gotmpl", template), &[]).map_err(|error| error.to_string())?;
    set.render(&json!({"Name": "Ada"}), &Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn hostile_templates_end_in_an_error() {
    let doubling = |function: &str, times: usize| {
        format!("{{{{$x := \"aaaaaaaa\"}}}}{}{{{{$x}}}}", format!("{{{{$x = {function} $x $x}}}}").repeat(times))
    };
    let templates = [
        "{{range 10000000000}}{{end}}".to_owned(),
        "{{range 100000}}{{range 100000}}{{range 100000}}{{end}}{{end}}{{end}}".to_owned(),
        "{{range 1000000000}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}".to_owned(),
        r#"{{repeat 1000000000 "a"}}"#.to_owned(),
        r#"{{range 1000000}}{{$x := repeat 100000 "a"}}{{end}}"#.to_owned(),
        "{{untilStep 0 9223372036854775807 1}}".to_owned(),
        "{{range untilStep 0 100000000 1}}{{end}}".to_owned(),
        "{{seq 1000000000}}".to_owned(),
        r#"{{printf "%1000000000d" 1}}"#.to_owned() + &r#"{{$y := printf "%65000d" 1}}"#.repeat(5000),
        format!(r#"{{{{$y := printf "{}" 1}}}}"#, "%65000d".repeat(30_000)),
        format!(r#"{{{{$y := "{}" | printf}}}}"#, "%*d".repeat(30_000)),
        r#"{{indent 1000000000 "a"}}"#.to_owned(),
        r#"{{wrapWith 1 (repeat 100000 "x") (repeat 100000 "a")}}"#.to_owned(),
        r#"{{replace "" (repeat 100000 "x") (repeat 100000 "a")}}"#.to_owned(),
        r#"{{regexReplaceAll "" (repeat 100000 "x") (repeat 100000 "a")}}"#.to_owned(),
        r#"{{join (repeat 100000 "x") (until 100000)}}"#.to_owned(),
        r#"{{regexFind "(((a{100}){100}){100})" "a"}}"#.to_owned(),
        r#"{{define "a"}}{{template "a"}}{{end}}{{template "a"}}"#.to_owned(),
        r#"{{define "a"}}{{if .}}{{template "a" .}}{{template "a" .}}{{end}}{{end}}{{template "a" 1}}"#.to_owned(),
        r#"{{define "a"}}{{template "b"}}{{template "b"}}{{end}}{{define "b"}}{{template "a"}}{{template "a"}}{{end}}{{template "a"}}"#.to_owned(),
        r#"{{define "a"}}{{if gt . 0}}{{template "a" (int (sub . 1))}}{{template "a" (int (sub . 1))}}{{end}}{{end}}{{template "a" 60}}"#.to_owned(),
        doubling("print", 40),
        doubling("list", 60),
        doubling("cat", 40),
        doubling("dict", 60).replace("$x $x}}", r#""a" $x "b" $x}}"#),
        r"{{$x := list 1}}{{range 1000000}}{{$x = list $x}}{{end}}".to_owned(),
        format!(r#"{{{{$x := "\\"}}}}{{{{$x = $x {}}}}}{{{{$x}}}}"#, "| js ".repeat(60)),
        format!(r#"{{{{$x := "<"}}}}{{{{range 100000}}}}{{{{$x = $x {}}}}}{{{{end}}}}"#, "| html ".repeat(60)),
        r#"{{$x := repeat 1000000 "<"}}{{range 1000000}}{{$y := html $x}}{{end}}"#.to_owned(),
        format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}{}", "{{if 1}}".repeat(50_000), "{{end}}".repeat(50_000)),
        "x".repeat(2 << 20),
        r"{{$x := list}}{{range 1000000}}{{$x = append $x 1}}{{end}}".to_owned(),
        r"{{$x := until 50000}}{{uniq $x}}".to_owned(),
    ];
    for template in templates {
        for escape in [Escape::Text, Escape::Html] {
            let said = render(escape, &template);
            let shown: String = template.chars().take(80).collect();
            assert!(said.is_err(), "{escape:?} {shown}: {} bytes", said.unwrap().len());
        }
    }
}

#[test]
fn values_that_leave_no_trace_are_paid_for() {
    let unseen = r#"{{$x := repeat 1000000 "("}}{{range 1000000}}<!-- {{$x}} --><p style="color: {{$x}}"></p>{{end}}"#;
    assert!(render(Escape::Html, unseen).unwrap_err().ends_with("the template does too much"));
}

#[test]
fn errors_name_the_template_and_the_line() {
    let error = |escape, source: &str| {
        let partials = [("part.gotmpl", "one\n{{define \"part\"}}{{.Name}}\n{{index .Name 99}}{{end}}")];
        let set = Set::compile(escape, ("main.gotmpl", source), &partials).map_err(|error| error.to_string());
        let said =
            set.and_then(|set| set.render(&json!({"Name": "Ada"}), &Limits::default()).map_err(|e| e.to_string()));
        said.unwrap_err()
    };
    for escape in [Escape::Text, Escape::Html] {
        assert!(error(escape, "a\n\n{{if}}").starts_with("template main.gotmpl, line 3: "));
        assert!(error(escape, "a\n{{shout .Name}}").starts_with("template main.gotmpl, line 2: function \"shout\""));
        assert!(error(escape, "a\n{{randInt 1 2}}").contains("not available here"));
        assert!(error(escape, "a\n\n{{index .Name 99}}").starts_with("template main.gotmpl, line 3: "));
        assert!(error(escape, "a\n{{template \"part\" .}}").starts_with("template part.gotmpl, line 3: "));
    }
    let branches = error(Escape::Html, "<p>\n{{if .Name}}<a href=\"{{end}}x");
    assert!(
        branches.starts_with("template main.gotmpl, line 2: {{if}} branches end in different contexts"),
        "{branches}"
    );
}

#[test]
fn partials_are_included_by_their_file_names() {
    let partials = [("email.body.de.gotmpl", "Hallo {{.Name}}"), ("email.body.en.gotmpl", "Hello {{.Name}}")];
    let main = (
        "email.body.gotmpl",
        r#"{{if eq .lang "de"}}{{template "email.body.de.gotmpl" .}}{{else}}{{template "email.body.en.gotmpl" .}}{{end}}"#,
    );
    let set = Set::compile(Escape::Html, main, &partials).unwrap();
    let said = |lang: &str| set.render(&json!({"Name": "<Ada>", "lang": lang}), &Limits::default()).unwrap();
    assert_eq!(said("de"), "Hallo &lt;Ada&gt;");
    assert_eq!(said("en"), "Hello &lt;Ada&gt;");
}

#[test]
fn one_set_serves_many_threads() {
    let set = Set::compile(Escape::Html, ("main", "<p>{{.Name | upper}}</p>"), &[]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let set = &set;
            scope.spawn(move || {
                for round in 0..100 {
                    let said = set.render(&json!({"Name": format!("a{thread}-{round}")}), &Limits::default()).unwrap();
                    assert_eq!(said, format!("<p>A{thread}-{round}</p>"));
                }
            });
        }
    });
}

proptest! {
    #[test]
    fn a_value_never_opens_a_tag(value in any::<String>()) {
        let set = Set::compile(Escape::Html, ("main", "<p title='{{.V}}' class={{.V}} href=\"{{.V}}\">{{.V}}</p><textarea>{{.V}}</textarea>"), &[]).unwrap();
        let said = set.render(&json!({ "V": value }), &Limits::default()).unwrap();
        prop_assert_eq!(said.matches('<').count(), 4);
        prop_assert_eq!(said.matches('>').count(), 4);
    }

    #[test]
    fn any_source_is_compiled_or_refused(source in "[{}a-z<>\"' =.|()$:/*-]{0,60}") {
        for escape in [Escape::Text, Escape::Html] {
            if let Ok(set) = Set::compile(escape, ("main", &source), &[]) {
                let _ = set.render(&json!({"a": "x"}), &Limits::default());
            }
        }
    }
}

#[test]
fn what_is_included_and_missing_is_found_when_it_is_compiled() {
    let partials = [("part", "\n{{if .Name}}{{template \"gone\"}}{{end}}"), ("stale", "{{template \"lost\"}}")];
    for escape in [Escape::Text, Escape::Html] {
        let error = Set::compile(escape, ("main", "{{template \"part\" .}}"), &partials).unwrap_err();
        assert!(error.reason.contains("gone") && error.line == Some(2), "{error}");
        // What nothing leads to is no matter.
        assert!(Set::compile(escape, ("main", "{{define \"x\"}}{{template \"y\"}}{{end}}"), &partials).is_ok());
    }
}

#[test]
fn an_end_too_many_does_not_cut_a_template_short() {
    for source in ["a{{end}}b", "{{if .Name}}a{{end}}{{end}}", "a{{else}}b", "{{define \"x\"}}{{end}}{{end}}"] {
        for escape in [Escape::Text, Escape::Html] {
            let error = render(escape, source).unwrap_err();
            assert_eq!(error, "template main.gotmpl: there is an {{end}} or {{else}} too many", "{source}");
        }
    }
    assert_eq!(render(Escape::Text, "{{if .Name}}a{{else}}b{{end}} {{/* c */ -}}").unwrap(), "a ");
}
