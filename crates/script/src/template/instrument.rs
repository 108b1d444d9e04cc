//! Puts meters into a parsed template, and finds what Go finds while it parses: functions that do not exist.
//!
//! In front of each action comes `{{$· := ·step SOURCE LINE}}`, which writes nothing; behind each command of a pipeline
//! and around each argument comes `·meter`, which hands its argument on. The escaping of HTML is decided afterwards, on
//! the tree with its meters: a declaration does not change the context, and `html` and `urlquery`, which must come last
//! in their pipeline, stay last.

use super::{
    functions,
    meter::{FORMAT, METER, STEP},
};
use gotmpl::parse::{ActionNode, BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos};
use std::collections::BTreeSet;

/// The variable to which steps are assigned.
const NOWHERE: &str = "$\u{b7}";

/// The functions that the engine brings along.
const BUILT_IN: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// The functions that templates call: only these go with them.
pub(super) type Used = BTreeSet<String>;

/// Puts meters into a list of nodes.
pub(super) fn list(source: usize, list: &mut ListNode, used: &mut Used) -> Result<(), Problem> {
    let nodes = std::mem::take(&mut list.nodes);
    for mut node in nodes {
        match &mut node {
            Node::Text(_) | Node::Define(_) | Node::Break(_) | Node::Continue(_) => {}
            Node::List(inner) => self::list(source, inner, used)?,
            Node::Action(action) => {
                list.nodes.push(step(source, action.pos));
                if let Some(assignment) = mutation(&action.pipe) {
                    list.nodes.push(Node::Action(metered(assignment, used)?));
                    reduce(&mut action.pipe);
                }
                pipe(&mut action.pipe, used)?;
            }
            Node::If(branch) | Node::With(branch) => {
                list.nodes.push(step(source, branch.pos));
                bodies(source, branch, used)?;
            }
            Node::Range(branch) => {
                list.nodes.push(step(source, branch.pos));
                bodies(source, branch, used)?;
                branch.body.nodes.insert(0, step(source, branch.pos));
            }
            Node::Template(call) => {
                list.nodes.push(step(source, call.pos));
                if let Some(dot) = &mut call.pipe {
                    pipe(dot, used)?;
                }
            }
        }
        list.nodes.push(node);
    }
    Ok(())
}

fn bodies(source: usize, branch: &mut BranchNode, used: &mut Used) -> Result<(), Problem> {
    pipe(&mut branch.pipe, used)?;
    list(source, &mut branch.body, used)?;
    branch.else_body.as_mut().map_or(Ok(()), |body| list(source, body, used))
}

fn metered(mut action: ActionNode, used: &mut Used) -> Result<ActionNode, Problem> {
    pipe(&mut action.pipe, used)?;
    Ok(action)
}

fn step(source: usize, pos: Pos) -> Node {
    let number = |value: usize| Expr::Number(pos, Number::Int(i64::try_from(value).unwrap_or_default()));
    let command = CommandNode { pos, args: vec![named(STEP, pos), number(source), number(pos.line)] };
    let pipe = PipeNode { pos, decl: vec![NOWHERE.into()], commands: vec![command], is_assign: false };
    Node::Action(ActionNode { pos, pipe })
}

fn named(name: &str, pos: Pos) -> Expr {
    Expr::Identifier(pos, name.into())
}

fn meter(name: &str, pos: Pos) -> CommandNode {
    CommandNode { pos, args: vec![named(name, pos)] }
}

fn pipe(pipe: &mut PipeNode, used: &mut Used) -> Result<(), Problem> {
    let commands = std::mem::take(&mut pipe.commands);
    let last = commands.len().saturating_sub(1);
    for (index, mut command) in commands.into_iter().enumerate() {
        let pos = command.pos;
        let function = called(&command).map(str::to_owned);
        if index > 0 && function.as_deref() == Some("printf") && command.args.len() == 1 {
            pipe.commands.push(meter(FORMAT, pos));
        }
        let is_nil = matches!(command.args.first(), Some(Expr::Nil(_)));
        arguments(&mut command, function.as_deref(), used)?;
        pipe.commands.push(command);
        let escapes = index == last && matches!(function.as_deref(), Some("html" | "urlquery"));
        if !escapes && !is_nil {
            pipe.commands.push(meter(METER, pos));
        }
    }
    Ok(())
}

/// The function that a command calls.
fn called(command: &CommandNode) -> Option<&str> {
    match command.args.first() {
        Some(Expr::Identifier(_, name)) => Some(name.as_str()),
        Some(Expr::Chain(_, inner, _)) => match inner.as_ref() {
            Expr::Identifier(_, name) => Some(name.as_str()),
            _ => None,
        },
        _ => None,
    }
}

fn arguments(command: &mut CommandNode, function: Option<&str>, used: &mut Used) -> Result<(), Problem> {
    let is_format = function == Some("printf");
    for (index, argument) in command.args.iter_mut().enumerate() {
        if index > 0 {
            around(argument, if is_format && index == 1 { FORMAT } else { METER }, used)?;
        } else {
            inside(argument, used)?;
        }
    }
    Ok(())
}

/// Meters an argument, unless it is a literal that costs nothing.
fn around(argument: &mut Expr, name: &str, used: &mut Used) -> Result<(), Problem> {
    inside(argument, used)?;
    let literal = matches!(argument, Expr::Number(..) | Expr::Bool(..) | Expr::Nil(_));
    if !literal {
        let pos = argument.pos();
        let value = std::mem::replace(argument, Expr::Nil(pos));
        let command = CommandNode { pos, args: vec![named(name, pos), value] };
        *argument = Expr::Pipe(pos, PipeNode { pos, decl: Vec::new(), commands: vec![command], is_assign: false });
    }
    Ok(())
}

/// Meters what an expression is made of.
fn inside(expression: &mut Expr, used: &mut Used) -> Result<(), Problem> {
    match expression {
        Expr::Pipe(_, inner) => pipe(inner, used),
        Expr::Chain(_, inner, _) => inside(inner, used),
        Expr::Identifier(pos, name) => {
            if functions::all().contains_key(name.as_str()) {
                used.insert(name.to_string());
            } else if !BUILT_IN.contains(&name.as_str()) {
                return Err(Problem { line: pos.line, reason: functions::missing(name.as_str()) });
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `set` and `unset` change their dictionary in Go. Values do not change here, so the changed one is assigned to the
/// variable that held it: `{{$_ := set $d "k" "v"}}` becomes `{{$d = set $d "k" "v"}}{{$_ := $d}}`.
fn mutation(pipe: &PipeNode) -> Option<ActionNode> {
    let command = pipe.commands.first().filter(|command| matches!(called(command), Some("set" | "unset")))?;
    let Some(Expr::Variable(pos, name, fields)) = command.args.get(1) else { return None };
    let changed = PipeNode { pos: *pos, decl: vec![name.clone()], commands: vec![command.clone()], is_assign: true };
    fields.is_empty().then_some(ActionNode { pos: *pos, pipe: changed })
}

/// The pipeline of which [`mutation`] has taken the first command: that is now the variable.
fn reduce(pipe: &mut PipeNode) {
    if let Some(command) = pipe.commands.first_mut() {
        command.args.drain(..1);
        command.args.truncate(1);
    }
}
