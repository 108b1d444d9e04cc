//! Fields of objects: layers laid over one another, `self` late, `super` below.

use super::{
    machine::{Machine, Run, fail},
    operators::add,
    syntax::{Expr, Kind, Visibility},
    value::{Binding, Body, Env, Field, Layer, Lazy, Member, Object, Source, Thunk, Value},
};
use std::collections::BTreeMap;

impl<'a> Machine<'a> {
    /// The fields of an object, by name.
    pub(super) fn fields(&mut self, object: &'a Object<'a>) -> Run<&'a [Field<'a>]> {
        object.fields.get().map_or_else(|| self.laid_over(object), Ok)
    }

    /// The fields of an object whose assertions hold: they are checked before a value is first taken out of it.
    pub(super) fn sound(&mut self, object: &'a Object<'a>) -> Run<&'a [Field<'a>]> {
        let fields = self.fields(object)?;
        if !object.asserted.replace(true) {
            self.assertions(object)?;
        }
        Ok(fields)
    }

    fn laid_over(&mut self, object: &'a Object<'a>) -> Run<&'a [Field<'a>]> {
        self.spend(object.layer.count)?;
        let mut found: BTreeMap<&'a str, (Visibility, Thunk<'a>)> = BTreeMap::new();
        let mut next = Some(object.layer);
        while let Some(layer) = next {
            self.spend(1)?;
            let env = self.inside(object, layer)?;
            for member in layer.members {
                self.spend(member.name.len() / 16)?;
                if let Some((visibility, _)) = found.get_mut(member.name) {
                    if *visibility == Visibility::Inherited {
                        *visibility = member.visibility;
                    }
                } else {
                    let value = self.member(object, layer, env, member)?;
                    found.insert(member.name, (member.visibility, value));
                }
            }
            next = layer.below;
        }
        let field = |(name, (visibility, value))| Field { name, visible: visibility != Visibility::Hidden, value };
        let fields: Vec<_> = found.into_iter().map(field).collect();
        let fields = self.slice(&fields)?;
        object.fields.set(Some(fields));
        Ok(fields)
    }

    /// What the members of a layer see: `self`, and the locals of the literal.
    fn inside(&mut self, object: &'a Object<'a>, layer: &'a Layer<'a>) -> Run<Env<'a>> {
        match layer.source {
            Source::Literal(literal, around) => {
                let env = seen_from(*around, object, layer);
                if literal.locals.is_empty() { Ok(env) } else { self.bind(&literal.locals, env) }
            }
            Source::Each(_) | Source::Made => Ok(Env::default()),
        }
    }

    fn member(
        &mut self,
        object: &'a Object<'a>,
        layer: &'a Layer<'a>,
        env: Env<'a>,
        member: &Member<'a>,
    ) -> Run<Thunk<'a>> {
        let (field, env) = match member.body {
            Body::Made(value) => return Ok(value),
            Body::Field(field) => (field, env),
            Body::Each(field, around) => {
                let env = seen_from(*around, object, layer);
                match layer.source {
                    Source::Each(literal) if !literal.locals.is_empty() => (field, self.bind(&literal.locals, env)?),
                    _ => (field, env),
                }
            }
        };
        if field.plus {
            self.lazy(Lazy::Plus(&field.value, env, member.name))
        } else {
            self.lazy(Lazy::Expr(&field.value, env))
        }
    }

    fn assertions(&mut self, object: &'a Object<'a>) -> Run<()> {
        let mut next = Some(object.layer);
        while let Some(layer) = next {
            self.spend(1)?;
            if let Source::Literal(literal, _) = layer.source
                && !literal.asserts.is_empty()
            {
                let env = self.inside(object, layer)?;
                for [condition, message] in &literal.asserts {
                    self.check(condition, message, env)?;
                }
            }
            next = layer.below;
        }
        Ok(())
    }

    /// The field below a layer, in the eyes of the whole object.
    pub(super) fn super_field(&mut self, env: Env<'a>, name: &str) -> Run<Option<Value<'a>>> {
        let Some((object, layer)) = env.object else { return fail("super stands outside of an object") };
        let mut next = layer.below;
        while let Some(layer) = next {
            self.spend(1 + layer.members.len() / 8 + name.len() / 16)?;
            if let Some(member) = layer.members.iter().find(|member| member.name == name) {
                let env = self.inside(object, layer)?;
                let value = self.member(object, layer, env, member)?;
                return self.force(value).map(Some);
            }
            next = layer.below;
        }
        Ok(None)
    }

    pub(super) fn super_has(&mut self, env: Env<'a>, name: &str) -> Run<bool> {
        let Some((_, layer)) = env.object else { return fail("super stands outside of an object") };
        let mut next = layer.below;
        while let Some(layer) = next {
            self.spend(1 + layer.members.len() / 8 + name.len() / 16)?;
            if layer.members.iter().any(|member| member.name == name) {
                return Ok(true);
            }
            next = layer.below;
        }
        Ok(false)
    }

    /// `name +: expr`.
    pub(super) fn plus(&mut self, expr: &'a Expr, env: Env<'a>, name: &str) -> Run<Value<'a>> {
        let below = self.super_field(env, name)?;
        let value = self.eval(expr, env)?;
        match below {
            Some(below) => add(self, below, value),
            None => Ok(value),
        }
    }

    /// `below + above`, for objects.
    pub(super) fn over(&mut self, below: &'a Object<'a>, above: &'a Object<'a>) -> Run<Value<'a>> {
        let mut layers = Vec::new();
        let mut next = Some(above.layer);
        while let Some(layer) = next {
            self.spend(1)?;
            layers.push(layer);
            next = layer.below;
        }
        let mut under = below.layer;
        for layer in layers.into_iter().rev() {
            let count = under.count + layer.members.len();
            let Layer { members, source, .. } = *layer;
            under = self.put(Layer { members, source, below: Some(under), count })?;
        }
        self.whole(under).map(Value::Object)
    }

    /// Names of fields are computed when the literal is: a name that is null leaves the field out.
    pub(super) fn literal(&mut self, literal: &'a super::syntax::Object, env: Env<'a>) -> Run<Value<'a>> {
        let mut members: Vec<Member<'a>> = Vec::with_capacity(literal.fields.len());
        for field in &literal.fields {
            let Some(name) = self.field_name(&field.name, env)? else { continue };
            members.push(Member { name, visibility: field.visibility, body: Body::Field(field) });
        }
        once(&members)?;
        let env = self.put(env)?;
        self.layered(&members, Source::Literal(literal, env))
    }

    fn field_name(&mut self, name: &'a Expr, env: Env<'a>) -> Run<Option<&'a str>> {
        if let Kind::Text(name) = &name.kind {
            return Ok(Some(name));
        }
        match self.eval(name, env)? {
            Value::Text(name) => Ok(Some(name)),
            Value::Null => Ok(None),
            other => fail(format!("the name of a field must be a string, but is {}", other.kind())),
        }
    }

    pub(super) fn comprehension(&mut self, literal: &'a super::syntax::ObjectFor, env: Env<'a>) -> Run<Value<'a>> {
        let mut envs = Vec::new();
        self.each(&literal.clauses, env, &mut envs)?;
        let mut members = Vec::with_capacity(envs.len());
        for env in envs {
            let Some(name) = self.field_name(&literal.field.name, env)? else { continue };
            let body = Body::Each(&literal.field, self.put(env)?);
            members.push(Member { name, visibility: literal.field.visibility, body });
        }
        once(&members)?;
        self.layered(&members, Source::Each(literal))
    }

    /// What is seen from inside the `for` and `if` of a comprehension, each time round.
    pub(super) fn each(
        &mut self,
        clauses: &'a [super::syntax::Clause],
        env: Env<'a>,
        found: &mut Vec<Env<'a>>,
    ) -> Run<()> {
        use super::syntax::Clause;
        match clauses.split_first() {
            None => {
                self.spend(4)?;
                found.push(env);
            }
            Some((Clause::If(condition), rest)) => {
                if self.condition(condition, env)? {
                    self.each(rest, env, found)?;
                }
            }
            Some((Clause::For(name, array), rest)) => {
                let Value::Array(items) = self.eval(array, env)? else { return fail("for wants an array") };
                for item in items {
                    let binding = self.put(Binding { name: *name, value: item, next: env.binding })?;
                    self.each(rest, Env { binding: Some(binding), ..env }, found)?;
                }
            }
        }
        Ok(())
    }
}

fn seen_from<'a>(around: Env<'a>, object: &'a Object<'a>, layer: &'a Layer<'a>) -> Env<'a> {
    Env { object: Some((object, layer)), outermost: around.outermost.or(Some(object)), ..around }
}

fn once(members: &[Member<'_>]) -> Run<()> {
    let mut names: Vec<_> = members.iter().map(|member| member.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => fail(format!("the field {:?} is given twice", pair[0])),
        None => Ok(()),
    }
}
