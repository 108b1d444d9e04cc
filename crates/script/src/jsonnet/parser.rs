//! Words become expressions. What their names mean is found out afterwards, in [`scope`](super::scope).

use super::{
    lexer::{Lexer, Refusal, Token, Word},
    syntax::{
        Bind, Call, Clause, Expr, Field, Kind, Lambda, Object, ObjectFor, Operator, Parameter, Sign, Symbol, Visibility,
    },
};
use std::collections::HashMap;

/// How deeply expressions may nest in the source.
const DEPTH: usize = 200;
/// How high the tree may grow: chains of operators nest as well.
const HEIGHT: usize = 600;

pub(super) const KEYWORDS: [&str; 18] = [
    "assert",
    "else",
    "error",
    "false",
    "for",
    "function",
    "if",
    "import",
    "importbin",
    "importstr",
    "in",
    "local",
    "null",
    "self",
    "super",
    "tailstrict",
    "then",
    "true",
];

type Read<T> = Result<T, Refusal>;

/// Reads a whole snippet; also the names that stand in it.
pub(super) fn parse(source: &str) -> Read<(Expr, Vec<Box<str>>)> {
    let mut parser =
        Parser { words: Lexer::words(source)?, at: 0, ended: false, depth: 0, height: 0, symbols: HashMap::new() };
    let root = parser.whole().map_err(|refusal| {
        let word = &parser.words[parser.at];
        Refusal { at: (word.line == refusal.line).then(|| word.at()), ..refusal }
    })?;
    let mut names = vec![Box::from(""); parser.symbols.len()];
    for (name, symbol) in parser.symbols {
        names[symbol as usize] = name.into_boxed_str();
    }
    Ok((root, names))
}

struct Parser {
    words: Vec<Word>,
    at: usize,
    /// The end has been read.
    ended: bool,
    depth: usize,
    /// At least the height of what has been read of the expression at hand.
    height: usize,
    symbols: HashMap<String, Symbol>,
}

impl Parser {
    fn whole(&mut self) -> Read<Expr> {
        let root = self.expr()?;
        if *self.peek() == Token::End { Ok(root) } else { Err(self.unexpected()) }
    }

    fn peek(&self) -> &Token {
        &self.words[self.at].token
    }

    fn line(&self) -> u32 {
        self.words[self.at].line
    }

    fn next(&mut self) -> Token {
        let token = self.words[self.at].token.clone();
        self.ended = token == Token::End;
        self.at = (self.at + 1).min(self.words.len() - 1);
        token
    }

    fn unexpected(&self) -> Refusal {
        let found = match self.peek() {
            Token::Name(name) => format!("{name:?}"),
            Token::Number(number) => format!("{number}"),
            Token::Text(_) => "a string".to_owned(),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "the end".to_owned(),
        };
        Refusal::new(self.line(), format!("{found} was not expected here"))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == word)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_word(&mut self, word: &str) -> Read<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Read<String> {
        match self.peek() {
            Token::Name(name) if !KEYWORDS.contains(&name.as_str()) => {
                let name = name.clone();
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn symbol(&mut self) -> Read<Symbol> {
        let next = u32::try_from(self.symbols.len()).unwrap_or(u32::MAX);
        let name = self.name()?;
        Ok(*self.symbols.entry(name).or_insert(next))
    }

    fn expr(&mut self) -> Read<Expr> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Refusal::new(self.line(), "expressions are nested too deeply"));
        }
        let around = std::mem::take(&mut self.height);
        let expr = self.binary(0)?;
        self.grow()?;
        self.height = self.height.max(around);
        self.depth -= 1;
        Ok(expr)
    }

    fn grow(&mut self) -> Read<()> {
        self.height += 1;
        if self.height <= HEIGHT { Ok(()) } else { Err(Refusal::new(self.line(), "an expression is too long")) }
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: usize) -> Read<Expr> {
        let mut left = self.unary()?;
        loop {
            let line = self.line();
            let found = OPERATORS.iter().find(|(sign, ..)| self.is_sign(sign) || (*sign == "in" && self.is_word(sign)));
            let Some((_, operator, level)) = found.filter(|(_, _, level)| *level >= least) else { return Ok(left) };
            self.grow()?;
            self.next();
            if *operator == Operator::In && self.is_word("super") && !self.super_is_looked_into() {
                self.next();
                left = Expr { line, kind: Kind::InSuper(Box::new(left)) };
                continue;
            }
            let right = self.binary(level + 1)?;
            left = Expr { line, kind: Kind::Binary(*operator, Box::new([left, right])) };
        }
    }

    fn super_is_looked_into(&self) -> bool {
        matches!(self.words.get(self.at + 1), Some(Word { token: Token::Sign("." | "["), .. }))
    }

    fn unary(&mut self) -> Read<Expr> {
        let line = self.line();
        let mut signs = Vec::new();
        loop {
            let sign = match self.peek() {
                Token::Sign("-") => Sign::Minus,
                Token::Sign("+") => Sign::Plus,
                Token::Sign("!") => Sign::Not,
                Token::Sign("~") => Sign::Invert,
                _ => break,
            };
            self.grow()?;
            signs.push(sign);
            self.next();
        }
        let inner = self.postfix()?;
        let around = |inner, sign| Expr { line, kind: Kind::Unary(sign, Box::new(inner)) };
        Ok(signs.into_iter().rev().fold(inner, around))
    }

    fn postfix(&mut self) -> Read<Expr> {
        let mut expr = self.primary()?;
        loop {
            let line = self.line();
            let kind = if self.take(".") {
                let name = self.name()?;
                Kind::Index(Box::new(expr), Box::new(text(line, &name)))
            } else if self.take("[") {
                self.brackets(expr)?
            } else if self.take("(") {
                self.call(expr)?
            } else if self.is_sign("{") {
                let object = self.primary()?;
                Kind::Binary(Operator::Add, Box::new([expr, object]))
            } else {
                return Ok(expr);
            };
            self.grow()?;
            expr = Expr { line, kind };
        }
    }

    /// `a[b]` or `a[from:to:step]`, behind the bracket.
    fn brackets(&mut self, array: Expr) -> Read<Kind> {
        let mut parts: [Option<Expr>; 3] = [None, None, None];
        let mut part = 0;
        while !self.take("]") {
            // Two colons without anything between them are read as one word.
            let colons = if self.take("::") { 2 } else { usize::from(self.take(":")) };
            if colons > 0 {
                part += colons;
                if part > 2 {
                    return Err(self.unexpected());
                }
            } else if parts[part].is_none() {
                parts[part] = Some(self.expr()?);
            } else {
                return Err(self.unexpected());
            }
        }
        let line = array.line;
        let [from, to, step] = parts;
        match (part, from) {
            (0, Some(index)) => Ok(Kind::Index(Box::new(array), Box::new(index))),
            (0, None) => Err(self.unexpected()),
            (_, from) => {
                let or_null = |part: Option<Expr>| part.unwrap_or(Expr { line, kind: Kind::Null });
                Ok(Kind::Slice(Box::new([array, or_null(from), or_null(to), or_null(step)])))
            }
        }
    }

    fn call(&mut self, function: Expr) -> Read<Kind> {
        let mut call = Call { function, positional: Vec::new(), named: Vec::new(), strict: false };
        while !self.take(")") {
            let named = matches!(self.peek(), Token::Name(_))
                && matches!(self.words.get(self.at + 1), Some(Word { token: Token::Sign("="), .. }));
            if named {
                let symbol = self.symbol()?;
                self.expect("=")?;
                if call.named.iter().any(|(other, _)| *other == symbol) {
                    return Err(Refusal::new(self.line(), "an argument is given twice"));
                }
                call.named.push((symbol, self.expr()?));
            } else if call.named.is_empty() {
                call.positional.push(self.expr()?);
            } else {
                return Err(Refusal::new(self.line(), "an argument without a name stands behind one with a name"));
            }
            if !self.take(",") && !self.is_sign(")") {
                return Err(self.unexpected());
            }
        }
        call.strict = self.take_word("tailstrict");
        Ok(Kind::Call(Box::new(call)))
    }

    fn primary(&mut self) -> Read<Expr> {
        let line = self.line();
        let kind = match self.next() {
            Token::Number(number) => Kind::Number(number),
            Token::Text(text) => Kind::Text(text.into_boxed_str()),
            Token::Sign("(") => {
                let inner = self.expr()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => self.array()?,
            Token::Sign("{") => self.object()?,
            Token::Sign("$") => Kind::Outermost,
            Token::Name(name) => return self.word(line, &name),
            _ => return Err(self.back()),
        };
        Ok(Expr { line, kind })
    }

    fn word(&mut self, line: u32, word: &str) -> Read<Expr> {
        let kind = match word {
            "null" => Kind::Null,
            "true" => Kind::True,
            "false" => Kind::False,
            "self" => Kind::Myself,
            "super" => Kind::Super(Box::new(self.super_name(line)?)),
            "if" => self.condition(line)?,
            "local" => self.local()?,
            "function" => {
                self.expect("(")?;
                let parameters = self.parameters()?;
                Kind::Function(Box::new(Lambda { parameters, body: self.expr()? }))
            }
            "assert" => {
                let [condition, message] = self.assertion(line)?;
                self.expect(";")?;
                Kind::Assert(Box::new([condition, message, self.expr()?]))
            }
            "error" => Kind::Error(Box::new(self.expr()?)),
            "import" | "importstr" | "importbin" => {
                self.at -= 1;
                return Err(Refusal::new(line, "imports are not available"));
            }
            _ => {
                self.at -= 1;
                Kind::Variable(self.symbol()?)
            }
        };
        Ok(Expr { line, kind })
    }

    /// The word that was just read has no place here.
    fn back(&mut self) -> Refusal {
        // Nothing is behind the end, so it has not been left.
        self.at = self.at.saturating_sub(usize::from(!self.ended));
        self.unexpected()
    }

    fn super_name(&mut self, line: u32) -> Read<Expr> {
        if self.take(".") {
            let name = self.name()?;
            return Ok(text(line, &name));
        }
        self.expect("[")?;
        let name = self.expr()?;
        self.expect("]")?;
        Ok(name)
    }

    fn condition(&mut self, line: u32) -> Read<Kind> {
        let condition = self.expr()?;
        self.expect_word("then")?;
        let then = self.expr()?;
        let other = if self.take_word("else") { self.expr()? } else { Expr { line, kind: Kind::Null } };
        Ok(Kind::If(Box::new([condition, then, other])))
    }

    /// Condition and message of an assertion, behind the word.
    fn assertion(&mut self, line: u32) -> Read<[Expr; 2]> {
        let condition = self.expr()?;
        let message = if self.take(":") { self.expr()? } else { text(line, "Assertion failed") };
        Ok([condition, message])
    }

    fn local(&mut self) -> Read<Kind> {
        let mut binds = vec![self.bind()?];
        while self.take(",") {
            binds.push(self.bind()?);
        }
        self.expect(";")?;
        Ok(Kind::Local(binds, Box::new(self.expr()?)))
    }

    fn bind(&mut self) -> Read<Bind> {
        let (line, at) = (self.line(), self.words[self.at].at());
        let name = self.symbol()?;
        if self.take("(") {
            return Ok(Bind { name, at, value: self.method(line, "=")? });
        }
        self.expect("=")?;
        Ok(Bind { name, at, value: self.expr()? })
    }

    /// Parameters behind their bracket, a sign, and what the function computes.
    fn method(&mut self, line: u32, sign: &str) -> Read<Expr> {
        let parameters = self.parameters()?;
        self.expect(sign)?;
        Ok(Expr { line, kind: Kind::Function(Box::new(Lambda { parameters, body: self.expr()? })) })
    }

    fn parameters(&mut self) -> Read<Vec<Parameter>> {
        let mut parameters: Vec<Parameter> = Vec::new();
        while !self.take(")") {
            let name = self.symbol()?;
            if parameters.iter().any(|other| other.name == name) {
                return Err(Refusal::new(self.line(), "a parameter is named twice"));
            }
            let default = if self.take("=") { Some(self.expr()?) } else { None };
            parameters.push(Parameter { name, default });
            if !self.take(",") && !self.is_sign(")") {
                return Err(self.unexpected());
            }
        }
        Ok(parameters)
    }

    fn array(&mut self) -> Read<Kind> {
        let mut elements = Vec::new();
        while !self.take("]") {
            elements.push(self.expr()?);
            let comma = self.take(",");
            if self.is_word("for") && elements.len() == 1 {
                let element = elements.remove(0);
                let clauses = self.clauses()?;
                self.expect("]")?;
                return Ok(Kind::ArrayFor(Box::new(element), clauses));
            }
            if !comma && !self.is_sign("]") {
                return Err(self.unexpected());
            }
        }
        Ok(Kind::Array(elements))
    }

    fn clauses(&mut self) -> Read<Vec<Clause>> {
        let mut clauses = Vec::new();
        loop {
            if self.take_word("for") {
                let name = self.symbol()?;
                self.expect_word("in")?;
                clauses.push(Clause::For(name, self.expr()?));
            } else if self.take_word("if") {
                clauses.push(Clause::If(self.expr()?));
            } else {
                return Ok(clauses);
            }
        }
    }

    fn object(&mut self) -> Read<Kind> {
        let mut object = Object::default();
        let mut computed = false;
        while !self.take("}") {
            let line = self.line();
            if self.take_word("local") {
                object.locals.push(self.bind()?);
            } else if self.take_word("assert") {
                object.asserts.push(self.assertion(line)?);
            } else {
                computed |= self.is_sign("[");
                object.fields.push(self.field()?);
            }
            let comma = self.take(",");
            if self.is_word("for") && computed && object.fields.len() == 1 && object.asserts.is_empty() {
                return self.object_for(object);
            }
            if !comma && !self.is_sign("}") {
                return Err(self.unexpected());
            }
        }
        Ok(Kind::Object(Box::new(object)))
    }

    fn object_for(&mut self, mut object: Object) -> Read<Kind> {
        let clauses = self.clauses()?;
        self.expect("}")?;
        let field = object.fields.pop().ok_or_else(|| self.unexpected())?;
        Ok(Kind::ObjectFor(Box::new(ObjectFor { locals: object.locals, field, clauses })))
    }

    fn field(&mut self) -> Read<Field> {
        let line = self.line();
        let name = match self.peek().clone() {
            Token::Text(name) => {
                self.next();
                text(line, &name)
            }
            Token::Sign("[") => {
                self.next();
                let name = self.expr()?;
                self.expect("]")?;
                name
            }
            _ => text(line, &self.name()?),
        };
        let parameters = if self.take("(") { Some(self.parameters()?) } else { None };
        let (visibility, plus) = match self.next() {
            Token::Sign(":") => (Visibility::Inherited, false),
            Token::Sign("::") => (Visibility::Hidden, false),
            Token::Sign(":::") => (Visibility::Visible, false),
            Token::Sign("+:") if parameters.is_none() => (Visibility::Inherited, true),
            Token::Sign("+::") if parameters.is_none() => (Visibility::Hidden, true),
            Token::Sign("+:::") if parameters.is_none() => (Visibility::Visible, true),
            _ => return Err(self.back()),
        };
        let value = self.expr()?;
        let value = match parameters {
            None => value,
            Some(parameters) => Expr { line, kind: Kind::Function(Box::new(Lambda { parameters, body: value })) },
        };
        Ok(Field { name, visibility, plus, value })
    }
}

fn text(line: u32, text: &str) -> Expr {
    Expr { line, kind: Kind::Text(Box::from(text)) }
}

/// Operators, and how tightly they bind.
const OPERATORS: [(&str, Operator, usize); 19] = [
    ("||", Operator::Or, 0),
    ("&&", Operator::And, 1),
    ("|", Operator::BitOr, 2),
    ("^", Operator::BitXor, 3),
    ("&", Operator::BitAnd, 4),
    ("==", Operator::Equal, 5),
    ("!=", Operator::NotEqual, 5),
    ("<", Operator::Less, 6),
    (">", Operator::Greater, 6),
    ("<=", Operator::LessOrEqual, 6),
    (">=", Operator::GreaterOrEqual, 6),
    ("in", Operator::In, 6),
    ("<<", Operator::Left, 7),
    (">>", Operator::Right, 7),
    ("+", Operator::Add, 8),
    ("-", Operator::Subtract, 8),
    ("*", Operator::Multiply, 9),
    ("/", Operator::Divide, 9),
    ("%", Operator::Modulo, 9),
];
