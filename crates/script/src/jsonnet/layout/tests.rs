//! What comes out, that it stays so, and that it means the same.

use super::layout;
use crate::jsonnet::Snippet;
use proptest::prelude::*;
use serde_json::json;

fn formatted(source: &str) -> String {
    let once = layout(source).unwrap_or_else(|problem| panic!("{source}: {problem:?}"));
    assert_eq!(layout(&once).as_ref(), Ok(&once), "a second time");
    once
}

#[test]
fn as_the_usual_formatter_does() {
    let source = r#"// top comment
local a=1;local f(x,y=2)=x+y;
/* block */ function(ctx) {b:a, "c":'it"s', 'd e': [1,2
,3,], e: if a==1 then "x" else 'y', # trailing
  f: { g:: 1, }, h+: {}, [a+'']: f[1:2], 
  
  
  z: |||
       text

         more
     |||,
 assert a==1 : 'msg',
 local q=1,
 lam: function(x) x,
 comp: [x for x in [1,2] if x>1],
 call: std.length( [1] ), named: f(1,y = 2),
 neg: -1, not: !true, minus: a - -1,
 sup: (1+2)*3,"if": 1, "q": "say \"hi\" \\", "e'": "it's"
 }
"#;
    let expected = r#"// top comment
local a = 1; local f(x, y=2) = x + y;
/* block */ function(ctx) {
  b: a,
  c: 'it"s',
  'd e': [
    1,
    2,
    3,
  ],
  e: if a == 1 then 'x' else 'y',  // trailing
  f: { g:: 1 },
  h+: {},
  [a + '']: f[1:2],


  z: |||
    text

      more
  |||,
  assert a == 1 : 'msg',
  local q = 1,
  lam: function(x) x,
  comp: [x for x in [1, 2] if x > 1],
  call: std.length([1]),
  named: f(1, y=2),
  neg: -1,
  not: !true,
  minus: a - -1,
  sup: (1 + 2) * 3,
  'if': 1,
  q: 'say "hi" \\',
  "e'": "it's",
}
"#;
    // A comma that began a line stands behind its element.
    assert_eq!(formatted(&source.replace("2\n,3", "2,\n3")), expected);
}

#[test]
fn what_goes_on_is_stepped_in_until_it_is_over() {
    let source = "\
local a =
1;
local b = if a == 1 then
{ x: 1 }
else if a == 2 then
2
else
3;
function(ctx)
std.foldl(function(x, y)
x + y, [
1 // one
, // two
// three
], {
a:
if 'a' in ctx
then 1
else
local z = 1;
z +
2
+ 3,

// last
})
";
    let expected = "\
local a =
  1;
local b = if a == 1 then
  { x: 1 }
else if a == 2 then
  2
else
  3;
function(ctx)
std.foldl(function(x, y)
  x + y, [
    1,  // one
    // two
    // three
  ], {
    a:
      if 'a' in ctx
      then 1
      else
        local z = 1;
        z +
          2
          + 3,

    // last
  })
";
    assert_eq!(formatted(&source.replace("1 // one\n, // two", "1, // one\n // two")), expected);
}

#[test]
fn small_things() {
    for (source, expected) in [
        ("", None),
        ("{", None),
        ("{}", Some("{}\n")),
        ("{\n}", Some("{}\n")),
        ("[\n]", Some("[]\n")),
        ("{a:1}", Some("{ a: 1 }\n")),
        ("{\n// c\n}", Some("{\n  // c\n}\n")),
        ("[1,\n2]", Some("[\n  1,\n  2,\n]\n")),
        ("# c\n\n\n\n\n1 # d\n", Some("// c\n\n\n1  // d\n")),
        ("#!/usr/bin/x\n1", Some("#!/usr/bin/x\n1\n")),
        ("[x\nfor x in [1]]", Some("[x\n  for x in [1]]\n")),
        ("[\nx for x in [1] if x > 0]", Some("[\n  x for x in [1] if x > 0\n]\n")),
        ("{[k]:1 for k in ['a']}", Some("{ [k]: 1 for k in ['a'] }\n")),
        ("{a:1}{b:2}", Some("{ a: 1 } { b: 2 }\n")),
        ("[1,2][0 : 1 :]", Some("[1, 2][0:1:]\n")),
        ("{ a: super.b, c(x):: x, \"d\"(y): y }", Some("{ a: super.b, c(x):: x, d(y): y }\n")),
        ("local a = 1, b = 2; assert a < b : 'x'; a", Some("local a = 1, b = 2; assert a < b : 'x'; a\n")),
        ("@'a''b'", Some("@'a''b'\n")),
        ("f(1)(2)[3].g tailstrict", None),
        ("local f(a)=a; f(1) tailstrict", Some("local f(a) = a; f(1) tailstrict\n")),
        ("if true then 1", Some("if true then 1\n")),
        ("{ a: 1 /* x */, b: 2 }", Some("{ a: 1 /* x */, b: 2 }\n")),
    ] {
        match expected {
            Some(expected) => assert_eq!(formatted(source), expected, "{source}"),
            None => assert!(layout(source).is_err(), "{source}"),
        }
    }
}

/// Snippets, written in many ways.
fn sources() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec![" ", "\n", "  ", "\n\n\n", " // c\n", " /* d */ ", "\n# e\n"]);
    let leaf =
        prop::sample::select(vec!["1", "\"a\"", "'b\"c'", "null", "-2", "!true", "'it\\'s'"]).prop_map(str::to_owned);
    let expr = leaf.prop_recursive(4, 24, 3, |inner| {
        let (one, two) = (inner.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join("~,~"))),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| {
                let fields = items.iter().enumerate().map(|(at, item)| format!("\"f{at}\":~{item}"));
                format!("{{~{}~}}", fields.collect::<Vec<_>>().join(",~"))
            }),
            (one.clone(), two.clone()).prop_map(|(one, two)| format!("if~{one} == {two}~then~{one}~else~{two}")),
            (one.clone(), two.clone()).prop_map(|(one, two)| format!("(local x =~{one};~[x,~{two},~])")),
            (one, two).prop_map(|(one, two)| format!("({one}~==~{two})")),
        ]
    });
    (expr, prop::collection::vec(blank, 40)).prop_map(|(source, blanks)| {
        let mut blanks = blanks.into_iter().cycle();
        source.split('~').fold(String::new(), |text, part| {
            let blank = if text.is_empty() { "" } else { blanks.next().unwrap_or(" ") };
            format!("{text}{blank}{part}")
        })
    })
}

proptest! {
    #[test]
    fn it_means_the_same_and_stays_as_it_is(source in sources()) {
        let text = layout(&source).unwrap_or_else(|problem| panic!("{source}: {problem:?}"));
        prop_assert_eq!(layout(&text), Ok(text.clone()), "of {}", source);
        let run = |source: &str| Snippet::compile("t", source).and_then(|snippet| snippet.call(&json!({}))).ok();
        prop_assert_eq!(run(&source), run(&text));
        let comments = |text: &str| text.matches("c\n").count() + text.matches("/* d */").count();
        prop_assert_eq!(comments(&source), comments(&text));
    }
}
