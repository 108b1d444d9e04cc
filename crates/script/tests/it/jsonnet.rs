//! What another implementation (go-jsonnet 0.21, which Kratos has) makes of snippets is recorded in
//! `data/snippets.json`; ours must say the same.

use proptest::prelude::*;
use serde_json::{Value, json};
use zelos_script::jsonnet::{JsonnetError, Limits, Snippet};

fn call(source: &str, ctx: &Value) -> Result<Value, JsonnetError> {
    Snippet::compile("snippet", source)?.call(ctx)
}

/// Numbers without the difference of 1 and 1.0.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

#[test]
fn snippets_say_what_they_say_elsewhere() {
    let recorded: Value = serde_json::from_str(include_str!("data/snippets.json")).unwrap();
    let mut differences = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let source = case["source"].as_str().unwrap();
        let said = call(&format!("function(ctx) {source}"), &recorded["ctx"]);
        match (case.get("want"), said) {
            (Some(wanted), Ok(said)) if plain(&said) == plain(wanted) => {}
            (None, Err(_)) => {}
            (wanted, said) => {
                let error = case.get("error");
                differences.push(format!("{source}\n  theirs: {wanted:?} {error:?}\n  ours:   {said:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn failed(source: &str) -> String {
    match Snippet::compile("snippet", source).and_then(|snippet| snippet.call(&json!({"name": "Ada"}))) {
        Err(error) => error.to_string(),
        Ok(value) => panic!("{source} came to {} bytes", value.to_string().len()),
    }
}

#[test]
fn hostile_snippets_end_in_an_error() {
    let doubled: Vec<_> = (0..60).map(|at| format!("local s{} = s{at} + s{at};", at + 1)).collect();
    let doubled = doubled.join(" ");
    let nested = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let snippets = [
        "local f(x) = f(x + 1); f(0)".to_owned(),
        "local f(x) = f(x + 1) tailstrict; f(0)".to_owned(),
        "local f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1); f(60)".to_owned(),
        format!("local s0 = 'aaaaaaaa'; {doubled} s60"),
        format!("local s0 = [1]; {doubled} s60"),
        "std.repeat('a', 1073741824)".to_owned(),
        "std.repeat([1, 2, 3], 1073741824)".to_owned(),
        "std.length(std.range(0, 1e15))".to_owned(),
        "std.makeArray(1e9, function(i) i)".to_owned(),
        "std.foldl(function(a, x) a + a, std.range(0, 100), 'aa')".to_owned(),
        "std.foldl(function(a, x) [a, a], std.range(0, 100), 'aa')".to_owned(),
        "std.foldl(function(a, x) [a], std.range(0, 100000), [])".to_owned(),
        "std.foldl(function(a, x) { b: a }, std.range(0, 100000), {})".to_owned(),
        "std.foldl(function(a, x) a + { [x]: 1 }, std.map(std.toString, std.range(0, 100000)), {})".to_owned(),
        "std.join(std.repeat('a', 100000), std.map(function(i) 'b', std.range(0, 1000000)))".to_owned(),
        "std.strReplace(std.repeat('a', 1000000), 'a', std.repeat('b', 1000000))".to_owned(),
        "'%1000000000d' % 1".to_owned(),
        "std.format(std.repeat('%60000%', 100000), [])".to_owned(),
        "std.format(std.repeat('%-60000%', 100000), [])".to_owned(),
        "std.format(std.repeat('%60000s', 10000), std.repeat([''], 10000))".to_owned(),
        "std.format(std.repeat('%(a)60000s', 100000), { a: '' })".to_owned(),
        "std.format(std.repeat('%.60000d', 10000), std.range(1, 10000))".to_owned(),
        "std.findSubstr(std.repeat('a', 100000), std.repeat('a', 1000000))".to_owned(),
        "'%*d' % [1e12, 1]".to_owned(),
        "'%.1000000000f' % 1".to_owned(),
        "std.format(std.repeat('%60000d', 10000), std.range(1, 10000))".to_owned(),
        "[x + y + z for x in std.range(0, 10000) for y in std.range(0, 10000) for z in std.range(0, 10000)]".to_owned(),
        "{ [std.toString(x * 10000 + y)]: 1 for x in std.range(0, 10000) for y in std.range(0, 10000) }".to_owned(),
        "{ a: self.a }.a".to_owned(),
        "{ a: $ }".to_owned(),
        "local o = { a: { b: o } }; o".to_owned(),
        "local a = [a]; a == a".to_owned(),
        "std.sort(std.range(0, 1000000), function(x) -x)".to_owned(),
        "std.uniq(std.repeat([std.repeat([1], 10000)], 10000))".to_owned(),
        "std.manifestJsonEx(std.foldl(function(a, x) [a], std.range(0, 1000), []), std.repeat(' ', 100000))".to_owned(),
        "local f(x) = 'x' + f(x); { assert f(1) == 1, a: 1 }".to_owned(),
        "std.parseJson(std.repeat('[', 100000))".to_owned(),
        "std.base64(std.repeat('a', 100000000))".to_owned(),
        "std.prune(std.range(0, 10000000))".to_owned(),
        "std.deepJoin(std.foldl(function(a, x) [a, a], std.range(0, 60), ['a']))".to_owned(),
        "({ a: 'x' } + { a: super.a + super.a } + { a: super.a + super.a })"
            .to_owned()
            .replace("{ a: 'x' }", &format!("{{ a: 'x' }}{}", " + { a: super.a + super.a }".repeat(60))),
        "import 'secret.jsonnet'".to_owned(),
        "importstr '/etc/passwd'".to_owned(),
        "importbin '/etc/passwd'".to_owned(),
        "std.extVar('claims')".to_owned(),
        "std.native('f')()".to_owned(),
        "std.thisFile".to_owned(),
        nested("(", ")", 100_000),
        nested("[", "]", 100_000),
        nested("-", "", 100_000),
        nested("if true then ", "", 100_000),
        nested("{ a: ", "}", 100_000),
        nested("local a = 1; ", "", 100_000),
        nested("1 + ", "", 100_000),
        nested("", " + 1", 100_000),
        nested("", "[0]", 100_000),
        nested("function() ", "()", 100_000),
        "x".repeat(2 << 20),
    ];
    for source in snippets {
        failed(&format!("function(ctx) {source}"));
    }
}

#[test]
fn work_on_a_long_text_cannot_be_repeated_for_ever() {
    for source in [
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) n + std.length(s + s), std.range(1, 10000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.startsWith(s, s), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.equalsIgnoreCase(s, s), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.substr(s, 999999, 1), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.sha512(s), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.parseHex(s), std.range(1, 100000), 0)",
        "local s = std.repeat(' ', 1000000); std.foldl(function(n, i) std.trim(s), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.join(s, ['', '']), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); std.foldl(function(n, i) std.strReplace(s, 'b', s), std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); local o = { [s]: 1 }; std.foldl(function(n, i) o[s], std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); local o = { [s]: 1 }; std.foldl(function(n, i) s in o, std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); local o = { [s]: 1 }; std.foldl(function(n, i) (o + o)[s], std.range(1, 100000), 0)",
        "local s = std.repeat('a', 1000000); local o = { [s]: 1 }; (o { b: [super[s] for i in std.range(1, 100000)] }).b",
    ] {
        failed(&format!("function(ctx) {source}"));
    }
}

/// Each of these does next to nothing beyond the work on one long text, and is charged for that work.
#[test]
fn work_on_a_long_text_is_paid_for() {
    let spends = |expression: &str| {
        let source = format!("function(ctx) local s = ctx.s; local o = {{ [s]: 1 }}; {expression} == null");
        let snippet = Snippet::compile("snippet", &source).unwrap();
        let ctx = json!({ "s": "a".repeat(160_000) });
        let enough = |fuel| snippet.call_within(&ctx, &Limits { fuel, ..Limits::default() }).is_ok();
        assert!(enough(1_000_000), "{expression}");
        let (mut least, mut most) = (0_u64, 1_000_000_u64);
        while most - least > 100 {
            let middle = least.midpoint(most);
            if enough(middle) { most = middle } else { least = middle }
        }
        most
    };
    // What the text itself costs, and the object that has it as a name.
    let base = spends("[o]");
    for expression in [
        "std.startsWith(s, 'b')",
        "std.endsWith('b', s)",
        "std.equalsIgnoreCase(s, 'b')",
        "std.substr(s, 0, 1)",
        "std.findSubstr('b', s)",
        "std.strReplace(s, 'b', 'c')",
        "std.split(s, 'b')",
        "std.stripChars(s, 'b')",
        "std.trim(s)",
        "std.asciiUpper(s)",
        "std.length(s)",
        "std.md5(s)",
        "std.join('', [s])",
        "std.join(s, ['', ''])",
        "std.repeat('a', 160000)",
        "std.format('%64000s%64000s%64000s', ['', '', ''])",
        "std.format('%64000%%64000%%64000%', [])",
        "('%s' % s)",
        "(s + 'b')",
        "s[0]",
        "s[0:1]",
        "o[s]",
        "std.objectHas(o, s)",
    ] {
        let paid = spends(expression).saturating_sub(base);
        assert!(paid >= 9_000, "{expression} costs {paid} for 160,000 letters");
    }
}

#[test]
fn an_error_of_the_snippet_is_told_apart() {
    let error = call("function(ctx)\n  if ctx.skip then error 'cancel' else {}", &json!({"skip": true})).unwrap_err();
    assert!(matches!(&error, JsonnetError::Raised { text, place } if text == "cancel" && place.line == 2), "{error}");
    let error = call("function(ctx)\n\n  ctx.cancel", &json!({})).unwrap_err();
    assert!(matches!(&error, JsonnetError::Failed { place, .. } if place.line == 3), "{error}");
    assert_eq!(error.to_string(), "snippet, line 3: the field \"cancel\" does not exist");
}

#[test]
fn broken_snippets_are_refused_when_they_are_compiled() {
    let refused = |source: &str| Snippet::compile("hook.jsonnet", source).unwrap_err().to_string();
    assert_eq!(refused("function(ctx)\n{ a: ctxt }"), "hook.jsonnet, line 2: the variable ctxt is unknown");
    assert_eq!(refused("function(ctx) std.lenght(ctx)"), "hook.jsonnet, line 1: std.lenght is unknown");
    assert_eq!(refused("\nimport 'x'"), "hook.jsonnet, line 2: imports are not available");
    assert_eq!(refused("function(ctx) {"), "hook.jsonnet, line 1: the end was not expected here");
}

#[test]
fn limits_are_the_callers() {
    let snippet =
        Snippet::compile("snippet", "function(ctx) std.foldl(function(a, x) a + x, std.range(0, 1000), 0)").unwrap();
    assert_eq!(snippet.call(&json!({})).unwrap(), json!(500_500));
    let limits = Limits { fuel: 1000, ..Limits::default() };
    assert!(snippet.call_within(&json!({}), &limits).unwrap_err().to_string().ends_with("the snippet does too much"));
    let limits = Limits { memory: 10_000, ..Limits::default() };
    assert!(snippet.call_within(&json!({}), &limits).unwrap_err().to_string().contains("too much memory"));
}

#[test]
fn one_snippet_serves_many_threads() {
    let snippet = Snippet::compile("snippet", "function(ctx) { to: ctx.to, text: 'Hello %s' % ctx.name }").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let snippet = snippet.clone();
            scope.spawn(move || {
                for round in 0..50 {
                    let said = snippet.call(&json!({"to": thread, "name": round})).unwrap();
                    assert_eq!(said, json!({"text": format!("Hello {round}"), "to": thread}));
                }
            });
        }
    });
}

proptest! {
    #[test]
    fn any_source_is_compiled_or_refused(source in "[{}a-c\\[\\](),:;=+$'\"|@#/*. 0-9<>!~&^%-]{0,50}|(local |function|if |then |else |for |in |self|super|error |assert |a|b|=|:|;|,|\\{|\\}|\\(|\\)|1|'x'| ){0,30}") {
        let limits = Limits { fuel: 10_000, memory: 1 << 20, depth: 200 };
        if let Ok(snippet) = Snippet::compile("snippet", &source) {
            let _ = snippet.call_within(&json!({"a": 1}), &limits);
        }
    }

    #[test]
    fn json_goes_through_unharmed(text in any::<String>(), number in -1e15..1e15_f64) {
        let ctx = json!({"text": text, "number": number.trunc(), "list": [null, true, {"a": []}]});
        let said = call("function(ctx) ctx", &ctx).unwrap();
        prop_assert_eq!(plain(&said), plain(&ctx));
    }
}
