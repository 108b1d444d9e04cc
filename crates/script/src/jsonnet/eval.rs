//! Expressions become values.

use super::{
    library::{Arguments, Builtin},
    machine::{Machine, Run, Stop, fail},
    manifest, operators,
    syntax::{Bind, Call, Expr, Kind, Lambda, Operator, Sign, Symbol},
    value::{Binding, Env, Function, Lazy, Thunk, Value},
};

impl<'a> Machine<'a> {
    pub(super) fn eval(&mut self, expr: &'a Expr, env: Env<'a>) -> Run<Value<'a>> {
        self.enter()?;
        let value = self.value_of(expr, env).map_err(|mut stop| {
            // The innermost expression came first.
            if stop.line == 0 {
                stop.line = expr.line;
            }
            stop
        })?;
        self.leave();
        Ok(value)
    }

    fn value_of(&mut self, expr: &'a Expr, env: Env<'a>) -> Run<Value<'a>> {
        match &expr.kind {
            Kind::Null => Ok(Value::Null),
            Kind::True => Ok(Value::Bool(true)),
            Kind::False => Ok(Value::Bool(false)),
            Kind::Number(number) => Ok(Value::Number(*number)),
            Kind::Text(text) => Ok(Value::Text(text)),
            Kind::Myself => {
                env.object.map_or_else(|| fail("self stands outside of an object"), |(o, _)| Ok(Value::Object(o)))
            }
            Kind::Outermost => {
                env.outermost.map_or_else(|| fail("$ stands outside of an object"), |o| Ok(Value::Object(o)))
            }
            Kind::Variable(name) => self.variable(*name, env),
            Kind::Std(builtin) => Ok(Value::Function(Function::Builtin(builtin))),
            Kind::StdObject => self.library(),
            Kind::Array(items) => self.items(items, env),
            Kind::ArrayFor(item, clauses) => {
                let mut envs = Vec::new();
                self.each(clauses, env, &mut envs)?;
                let mut items = Vec::with_capacity(envs.len());
                for env in envs {
                    items.push(self.lazy(Lazy::Expr(item, env))?);
                }
                self.slice(&items).map(Value::Array)
            }
            Kind::Object(object) => self.literal(object, env),
            Kind::ObjectFor(object) => self.comprehension(object, env),
            Kind::Index(object, name) => {
                let object = self.eval(object, env)?;
                let name = self.eval(name, env)?;
                self.index(object, name)
            }
            Kind::Slice(parts) => self.sliced(parts, env),
            Kind::Super(name) => {
                let Value::Text(name) = self.eval(name, env)? else { return fail("super wants the name of a field") };
                let found = self.super_field(env, name)?;
                found.map_or_else(|| fail(format!("the field {name:?} does not exist")), Ok)
            }
            Kind::InSuper(name) => {
                let Value::Text(name) = self.eval(name, env)? else {
                    return fail("in super wants the name of a field");
                };
                self.super_has(env, name).map(Value::Bool)
            }
            Kind::Call(call) => self.call(call, env),
            Kind::Local(binds, body) => {
                let env = self.bind(binds, env)?;
                self.eval(body, env)
            }
            Kind::If(parts) => {
                let [condition, then, other] = &**parts;
                let chosen = if self.condition(condition, env)? { then } else { other };
                self.eval(chosen, env)
            }
            Kind::Binary(operator, sides) => self.binary(*operator, sides, env),
            Kind::Unary(sign, inner) => {
                let inner = self.eval(inner, env)?;
                unary(*sign, inner)
            }
            Kind::Function(lambda) => {
                let env = self.put(env)?;
                Ok(Value::Function(Function::Closure(lambda, env)))
            }
            Kind::Assert(parts) => {
                let [condition, message, rest] = &**parts;
                self.check(condition, message, env)?;
                self.eval(rest, env)
            }
            Kind::Error(message) => {
                let message = self.eval(message, env)?;
                let message = manifest::shown(self, message)?;
                Err(Box::new(Stop { raised: true, message, line: expr.line }))
            }
        }
    }

    fn variable(&mut self, name: Symbol, env: Env<'a>) -> Run<Value<'a>> {
        let mut next = env.binding;
        let mut steps = 0;
        while let Some(binding) = next {
            if binding.name == name {
                self.spend(steps / 8)?;
                return self.force(binding.value);
            }
            next = binding.next;
            steps += 1;
        }
        fail(format!("the variable {} is unknown", self.name(name)))
    }

    fn items(&mut self, exprs: &'a [Expr], env: Env<'a>) -> Run<Value<'a>> {
        let mut items = Vec::with_capacity(exprs.len());
        for expr in exprs {
            items.push(self.lazy(Lazy::Expr(expr, env))?);
        }
        self.slice(&items).map(Value::Array)
    }

    pub(super) fn index(&mut self, object: Value<'a>, name: Value<'a>) -> Run<Value<'a>> {
        match (object, name) {
            (Value::Object(object), Value::Text(name)) => match self.field(object, name)? {
                Some(field) => {
                    self.sound(object)?;
                    self.force(field.value)
                }
                None => fail(format!("the field {name:?} does not exist")),
            },
            (Value::Array(items), Value::Number(index)) => match operators::place(index, items.len()) {
                Some(at) => self.force(items[at]),
                None => fail(format!("there is no item {index} among {}", items.len())),
            },
            (Value::Text(text), Value::Number(index)) => {
                self.spend(text.len() / 16)?;
                let letter = operators::place(index, text.len()).and_then(|at| text.chars().nth(at));
                match letter {
                    Some(letter) => self.text_value(letter.encode_utf8(&mut [0; 4])),
                    None => fail(format!("there is no letter {index}")),
                }
            }
            (object, name) => fail(format!("{} cannot be looked into by {}", object.kind(), name.kind())),
        }
    }

    fn sliced(&mut self, parts: &'a [Expr; 4], env: Env<'a>) -> Run<Value<'a>> {
        let mut values = [Value::Null; 4];
        for (value, part) in values.iter_mut().zip(parts) {
            *value = self.eval(part, env)?;
        }
        let [array, from, to, step] = values;
        operators::slice(self, array, [from, to, step])
    }

    pub(super) fn condition(&mut self, expr: &'a Expr, env: Env<'a>) -> Run<bool> {
        match self.eval(expr, env)? {
            Value::Bool(truth) => Ok(truth),
            other => fail(format!("a condition must be a boolean, but is {}", other.kind())),
        }
    }

    pub(super) fn check(&mut self, condition: &'a Expr, message: &'a Expr, env: Env<'a>) -> Run<()> {
        if self.condition(condition, env)? {
            return Ok(());
        }
        let text = self.eval(message, env)?;
        let text = manifest::shown(self, text)?;
        Err(Box::new(Stop { raised: true, message: text, line: condition.line }))
    }

    /// Binds names that see each other.
    pub(super) fn bind(&mut self, binds: &'a [Bind], env: Env<'a>) -> Run<Env<'a>> {
        let mut inner = env;
        let mut thunks = Vec::with_capacity(binds.len());
        for bind in binds {
            let value = self.lazy(Lazy::Running)?;
            thunks.push(value);
            inner.binding = Some(self.put(Binding { name: bind.name, value, next: inner.binding })?);
        }
        for (bind, thunk) in binds.iter().zip(thunks) {
            thunk.set(Lazy::Expr(&bind.value, inner));
        }
        Ok(inner)
    }

    fn call(&mut self, call: &'a Call, env: Env<'a>) -> Run<Value<'a>> {
        let function = match self.eval(&call.function, env)? {
            Value::Function(function) => function,
            other => return fail(format!("{} cannot be called", other.kind())),
        };
        let mut positional = Vec::with_capacity(call.positional.len());
        for expr in &call.positional {
            positional.push(self.argument(expr, env, call.strict)?);
        }
        let mut named = Vec::with_capacity(call.named.len());
        for (name, expr) in &call.named {
            named.push((*name, self.argument(expr, env, call.strict)?));
        }
        match function {
            Function::Closure(lambda, env) => self.call_closure(lambda, *env, &positional, &named),
            Function::Builtin(builtin) => self.call_builtin(builtin, &positional, &named),
        }
    }

    /// What costs nothing is computed at once, the rest when it is needed.
    fn argument(&mut self, expr: &'a Expr, env: Env<'a>, strict: bool) -> Run<Thunk<'a>> {
        let plain = matches!(expr.kind, Kind::Null | Kind::True | Kind::False | Kind::Number(_) | Kind::Text(_));
        if plain || strict {
            let value = self.eval(expr, env)?;
            return self.done(value);
        }
        self.lazy(Lazy::Expr(expr, env))
    }

    pub(super) fn call_closure(
        &mut self,
        lambda: &'a Lambda,
        env: Env<'a>,
        positional: &[Thunk<'a>],
        named: &[(Symbol, Thunk<'a>)],
    ) -> Run<Value<'a>> {
        let parameters = &lambda.parameters;
        if positional.len() > parameters.len() {
            return fail(format!("a function of {} parameters got {} arguments", parameters.len(), positional.len()));
        }
        for (name, _) in named {
            match parameters.iter().position(|parameter| parameter.name == *name) {
                None => return fail(format!("the function has no parameter {}", self.name(*name))),
                Some(at) if at < positional.len() => {
                    return fail(format!("the argument {} is given twice", self.name(*name)));
                }
                Some(_) => {}
            }
        }
        let mut inner = env;
        let mut missing = Vec::new();
        for (at, parameter) in parameters.iter().enumerate() {
            let given = positional.get(at).copied();
            let given =
                given.or_else(|| named.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| *value));
            let value = match (given, &parameter.default) {
                (Some(value), _) => value,
                (None, Some(default)) => {
                    let value = self.lazy(Lazy::Running)?;
                    missing.push((default, value));
                    value
                }
                (None, None) => return fail(format!("the argument {} is missing", self.name(parameter.name))),
            };
            inner.binding = Some(self.put(Binding { name: parameter.name, value, next: inner.binding })?);
        }
        for (default, value) in missing {
            value.set(Lazy::Expr(default, inner));
        }
        self.eval(&lambda.body, inner)
    }

    pub(super) fn call_builtin(
        &mut self,
        builtin: &'static Builtin,
        positional: &[Thunk<'a>],
        named: &[(Symbol, Thunk<'a>)],
    ) -> Run<Value<'a>> {
        self.spend(1)?;
        let parameters = builtin.parameters;
        if positional.len() > parameters.len() {
            return fail(format!(
                "std.{} takes {} arguments, not {}",
                builtin.name,
                parameters.len(),
                positional.len()
            ));
        }
        let mut arguments: Vec<Option<Thunk<'a>>> = positional.iter().copied().map(Some).collect();
        arguments.resize(parameters.len(), None);
        for (name, value) in named {
            let name = self.name(*name);
            let at = parameters.iter().position(|parameter| parameter.trim_end_matches('?') == name);
            match at.and_then(|at| arguments.get_mut(at)) {
                Some(place @ None) => *place = Some(value),
                Some(_) => return fail(format!("the argument {name} is given twice")),
                None => return fail(format!("std.{} has no parameter {name}", builtin.name)),
            }
        }
        let missing = parameters.iter().zip(&arguments).find(|(name, given)| given.is_none() && !name.ends_with('?'));
        if let Some((name, _)) = missing {
            return fail(format!("std.{} misses its argument {name}", builtin.name));
        }
        (builtin.run)(self, Arguments::new(&arguments))
    }

    fn binary(&mut self, operator: Operator, [left, right]: &'a [Expr; 2], env: Env<'a>) -> Run<Value<'a>> {
        match operator {
            Operator::And => Ok(Value::Bool(self.condition(left, env)? && self.condition(right, env)?)),
            Operator::Or => Ok(Value::Bool(self.condition(left, env)? || self.condition(right, env)?)),
            _ => {
                let left = self.eval(left, env)?;
                let right = self.eval(right, env)?;
                operators::binary(self, operator, left, right)
            }
        }
    }
}

fn unary(sign: Sign, inner: Value<'_>) -> Run<Value<'_>> {
    match (sign, inner) {
        (Sign::Not, Value::Bool(truth)) => Ok(Value::Bool(!truth)),
        (Sign::Plus, Value::Number(number)) => Ok(Value::Number(number)),
        (Sign::Minus, Value::Number(number)) => Ok(Value::Number(-number)),
        (Sign::Invert, Value::Number(number)) => operators::bits(number).map(|bits| operators::number(!bits)),
        (_, other) => fail(format!("the operator does not apply to {}", other.kind())),
    }
}
