//! What names mean. A snippet with an unknown one is refused when it is compiled; functions of the standard library are
//! bound where they are named, so that calling one costs no search.

use super::{
    lexer::Refusal,
    library,
    syntax::{Bind, Clause, Expr, Kind, Object, ObjectFor, Symbol},
};

/// Checks every name in `root`; answers with variables that nobody uses, and where they stand in the source.
pub(super) fn resolve(root: &mut Expr, names: &[Box<str>]) -> Result<Vec<(Symbol, u32)>, Refusal> {
    let std = names.iter().position(|name| &**name == "std").and_then(|at| Symbol::try_from(at).ok());
    let mut scope = Scope { names, std, seen: Vec::new(), unused: Vec::new(), objects: 0 };
    scope.expr(root)?;
    Ok(scope.unused)
}

/// A name that means something where one is.
struct Seen {
    name: Symbol,
    /// Where a variable stands in the source; none for a parameter, which is there whether it is used or not.
    bound: Option<u32>,
    used: bool,
}

struct Scope<'n> {
    names: &'n [Box<str>],
    std: Option<Symbol>,
    seen: Vec<Seen>,
    /// Variables that were left without having been used.
    unused: Vec<(Symbol, u32)>,
    /// Objects around.
    objects: usize,
}

type Checked = Result<(), Refusal>;

impl Scope<'_> {
    fn is_std(&self, expr: &Expr) -> bool {
        matches!(&expr.kind, Kind::Variable(name) if Some(*name) == self.std && !self.seen.iter().any(|seen| seen.name == *name))
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e mut Expr>) -> Checked {
        exprs.into_iter().try_for_each(|expr| self.expr(expr))
    }

    fn expr(&mut self, expr: &mut Expr) -> Checked {
        let line = expr.line;
        match &mut expr.kind {
            Kind::Null
            | Kind::True
            | Kind::False
            | Kind::Number(_)
            | Kind::Text(_)
            | Kind::Std(_)
            | Kind::StdObject => Ok(()),
            Kind::Myself | Kind::Outermost => self.inside(line),
            Kind::Variable(name) => {
                let name = *name;
                if let Some(seen) = self.seen.iter_mut().rfind(|seen| seen.name == name) {
                    seen.used = true;
                    return Ok(());
                }
                if Some(name) == self.std {
                    expr.kind = Kind::StdObject;
                    return Ok(());
                }
                let name = self.names.get(name as usize).map_or("", |name| name);
                Err(Refusal::new(line, format!("the variable {name} is unknown")))
            }
            Kind::Array(items) => self.all(items),
            Kind::ArrayFor(item, clauses) => {
                let before = self.seen.len();
                self.clauses(clauses)?;
                self.expr(item)?;
                self.forget(before);
                Ok(())
            }
            Kind::Object(object) => self.object(object),
            Kind::ObjectFor(object) => self.object_for(object),
            Kind::Index(object, name) => {
                if self.is_std(object)
                    && let Kind::Text(name) = &name.kind
                {
                    expr.kind = member(line, name)?;
                    return Ok(());
                }
                self.all([&mut **object, &mut **name])
            }
            Kind::Slice(parts) => self.all(&mut **parts),
            Kind::Super(name) | Kind::InSuper(name) => {
                self.inside(line)?;
                self.expr(name)
            }
            Kind::Call(call) => {
                self.expr(&mut call.function)?;
                self.all(&mut call.positional)?;
                self.all(call.named.iter_mut().map(|(_, value)| value))
            }
            Kind::Local(binds, body) => {
                let before = self.seen.len();
                self.bind(binds);
                twice(binds, line)?;
                binds.iter_mut().try_for_each(|bind| self.expr(&mut bind.value))?;
                self.expr(body)?;
                self.forget(before);
                Ok(())
            }
            Kind::If(parts) | Kind::Assert(parts) => self.all(&mut **parts),
            Kind::Binary(_, sides) => self.all(&mut **sides),
            Kind::Unary(_, inner) | Kind::Error(inner) => self.expr(inner),
            Kind::Function(function) => {
                let before = self.seen.len();
                let parameters = function.parameters.iter();
                self.seen.extend(parameters.map(|parameter| Seen { name: parameter.name, bound: None, used: false }));
                self.all(function.parameters.iter_mut().filter_map(|parameter| parameter.default.as_mut()))?;
                self.expr(&mut function.body)?;
                self.forget(before);
                Ok(())
            }
        }
    }

    /// Names of fields are seen from outside, values from inside.
    fn object(&mut self, object: &mut Object) -> Checked {
        for field in &mut object.fields {
            self.expr(&mut field.name)?;
        }
        let before = self.enter(&object.locals);
        object.locals.iter_mut().try_for_each(|bind| self.expr(&mut bind.value))?;
        self.all(object.asserts.iter_mut().flatten())?;
        self.all(object.fields.iter_mut().map(|field| &mut field.value))?;
        self.leave(before);
        Ok(())
    }

    fn object_for(&mut self, object: &mut ObjectFor) -> Checked {
        let outer = self.seen.len();
        self.clauses(&mut object.clauses)?;
        self.expr(&mut object.field.name)?;
        let before = self.enter(&object.locals);
        object.locals.iter_mut().try_for_each(|bind| self.expr(&mut bind.value))?;
        self.expr(&mut object.field.value)?;
        self.leave(before);
        self.forget(outer);
        Ok(())
    }

    fn inside(&self, line: u32) -> Checked {
        if self.objects > 0 { Ok(()) } else { Err(Refusal::new(line, "self, super and $ stand inside of objects")) }
    }

    fn bind(&mut self, binds: &[Bind]) {
        let seen = |bind: &Bind| Seen { name: bind.name, bound: Some(bind.at), used: false };
        self.seen.extend(binds.iter().map(seen));
    }

    /// Names that mean nothing any more.
    fn forget(&mut self, before: usize) {
        let gone = self.seen.drain(before..).filter(|seen| !seen.used);
        self.unused.extend(gone.filter_map(|seen| Some((seen.name, seen.bound?))));
    }

    fn enter(&mut self, locals: &[Bind]) -> usize {
        let before = self.seen.len();
        self.objects += 1;
        self.bind(locals);
        before
    }

    fn leave(&mut self, before: usize) {
        self.objects -= 1;
        self.forget(before);
    }

    fn clauses(&mut self, clauses: &mut [Clause]) -> Checked {
        for clause in clauses {
            match clause {
                Clause::For(name, array) => {
                    self.expr(array)?;
                    self.seen.push(Seen { name: *name, bound: None, used: false });
                }
                Clause::If(condition) => self.expr(condition)?,
            }
        }
        Ok(())
    }
}

fn twice(binds: &[Bind], line: u32) -> Checked {
    let repeated = binds.iter().enumerate().any(|(at, bind)| binds[..at].iter().any(|other| other.name == bind.name));
    if repeated { Err(Refusal::new(line, "a variable is bound twice")) } else { Ok(()) }
}

fn member(line: u32, name: &str) -> Result<Kind, Refusal> {
    if name == "pi" {
        return Ok(Kind::Number(std::f64::consts::PI));
    }
    library::find(name).map(Kind::Std).ok_or_else(|| Refusal::new(line, format!("std.{name} is unknown")))
}
