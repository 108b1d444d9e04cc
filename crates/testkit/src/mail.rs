//! A mail server as a test scripts it: it takes what it is told to take, refuses, falls silent or hangs up at any step,
//! and remembers every mail that reached it.
//!
//! It runs on threads of its own and real sockets, so that it serves a courier in the test's process as well as one in
//! a process of its own.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// What has just happened.
#[derive(Debug)]
pub enum Moment<'a> {
    /// Somebody connected; the number counts connections from 0.
    Connected(usize),
    /// The sender was named.
    From(&'a str),
    /// A recipient was named.
    To(&'a str),
    /// A whole mail is there. It counts as received, whatever is answered.
    Received(&'a Mail),
}

/// What the server does then.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    /// It agrees.
    Accept,
    /// It says that instead: code and text.
    Say(&'static str),
    /// It says nothing any more.
    Silence,
    /// It closes the connection.
    HangUp,
}

/// A mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub text: String,
    pub encrypted: bool,
    /// Who authenticated.
    pub user: Option<String>,
    /// By which mechanism.
    pub mechanism: Option<String>,
    /// How we were greeted.
    pub hello: String,
}

impl Mail {
    /// The header of that name, its lines joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// How the server may be spoken with.
#[derive(Debug, Clone)]
pub enum Encryption {
    /// In plain text.
    None,
    /// In plain text, and encrypted after STARTTLS.
    Offered(Arc<ServerConfig>),
    /// Encrypted from the first byte.
    Wrapped(Arc<ServerConfig>),
}

/// What the server offers, and what it does wrong.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// The mechanisms that AUTH is offered with; empty: AUTH is not offered.
    pub auth: &'static str,
    /// What is sent in one segment with the reply to STARTTLS, as an attacker on the network would.
    pub injected: &'static str,
}

impl Default for Manners {
    fn default() -> Self {
        Self { auth: "PLAIN", injected: "" }
    }
}

/// The one password that the server takes.
const PASSWORD: &str = "hunter2";

type Script = dyn Fn(Moment<'_>) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    encryption: Encryption,
    manners: Manners,
    mails: Mutex<Vec<Mail>>,
    connections: AtomicUsize,
    ended: AtomicBool,
    end: (Mutex<()>, Condvar),
}

/// A running mail server; it ends with its value.
pub struct MailServer {
    pub port: u16,
    shared: Arc<Shared>,
    listener: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").field("port", &self.port).finish_non_exhaustive()
    }
}

impl MailServer {
    /// One that takes everything, in plain text.
    pub fn obliging() -> Self {
        Self::start(0, Encryption::None, |_| Reply::Accept)
    }

    /// One that takes everything, with those manners.
    pub fn with_manners(manners: Manners, encryption: Encryption) -> Self {
        Self::run(0, manners, encryption, |_| Reply::Accept)
    }

    /// One that follows a script, on that port (0: any that is free).
    pub fn start(
        port: u16,
        encryption: Encryption,
        script: impl Fn(Moment<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::run(port, Manners::default(), encryption, script)
    }

    fn run(
        port: u16,
        manners: Manners,
        encryption: Encryption,
        script: impl Fn(Moment<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port for the mail server");
        let port = listener.local_addr().expect("the port").port();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            encryption,
            manners,
            mails: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            end: (Mutex::default(), Condvar::new()),
        });
        let own = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if own.ended.load(SeqCst) {
                    return;
                }
                let shared = Arc::clone(&own);
                thread::spawn(move || {
                    // A courier that goes away in the middle is part of the story.
                    let _ = shared.serve(stream);
                });
            }
        });
        Self { port, shared, listener: Some(listener) }
    }

    /// Every mail that has arrived whole, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// The URI of a courier's configuration: in plain text.
    pub fn uri(&self) -> String {
        format!("smtp://127.0.0.1:{}/?disable_starttls=true", self.port)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        let _guard = self.shared.end.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.end.1.notify_all();
    }
}

/// What one says goodbye to.
trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// One side of a conversation.
struct Wire {
    stream: Box<dyn Duplex>,
    encrypted: bool,
    buffer: Vec<u8>,
}

impl Wire {
    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes())?;
        self.stream.flush()
    }
}

impl Shared {
    fn serve(&self, tcp: TcpStream) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        let number = self.connections.fetch_add(1, SeqCst);
        let closing = tcp.try_clone()?;
        let result = self.converse(tcp, number);
        let _ = closing.shutdown(Shutdown::Both);
        result
    }

    fn converse(&self, tcp: TcpStream, number: usize) -> io::Result<()> {
        let copy = tcp.try_clone()?;
        let mut wire = Wire { stream: Box::new(tcp), encrypted: false, buffer: Vec::new() };
        if let Encryption::Wrapped(config) = &self.encryption {
            wire = encrypted(config, copy.try_clone()?)?;
        }
        self.answer(&mut wire, Moment::Connected(number), "220 mail.example.org")?;
        let (mut login, mut hello, mut from, mut to) = (None, String::new(), String::new(), Vec::new());
        loop {
            let line = wire.line()?;
            let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    line.get(5..).unwrap_or_default().clone_into(&mut hello);
                    let offers = matches!(self.encryption, Encryption::Offered(_)) && !wire.encrypted;
                    let starttls = if offers { "250-STARTTLS\r\n" } else { "" };
                    let auth = self.manners.auth;
                    let auth = if auth.is_empty() { String::new() } else { format!("250-AUTH {auth}\r\n") };
                    wire.say(&format!("250-hello\r\n{starttls}{auth}250 8BITMIME"))?;
                }
                "STAR" => {
                    let Encryption::Offered(config) = &self.encryption else { return Ok(()) };
                    wire.say(&format!("220 go on{}", self.manners.injected))?;
                    wire = encrypted(config, copy.try_clone()?)?;
                }
                "AUTH" => {
                    login = authenticated(&mut wire, &line)?;
                    wire.say(if login.is_some() { "235 welcome" } else { "535 who are you?" })?;
                }
                "MAIL" => {
                    from = between(&line);
                    to.clear();
                    self.answer(&mut wire, Moment::From(&from), "250 ok")?;
                }
                "RCPT" => {
                    let recipient = between(&line);
                    if self.answer(&mut wire, Moment::To(&recipient), "250 ok")? {
                        to.push(recipient);
                    }
                }
                "DATA" => {
                    wire.say("354 go on")?;
                    let text = contents(&mut wire)?;
                    let (user, mechanism) = login.clone().unzip();
                    let (from, to, hello) = (from.clone(), to.clone(), hello.clone());
                    let mail = Mail { from, to, text, encrypted: wire.encrypted, user, mechanism, hello };
                    self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
                    self.answer(&mut wire, Moment::Received(&mail), "250 taken")?;
                }
                "QUIT" => return wire.say("221 bye"),
                _ => wire.say("250 ok")?,
            }
        }
    }

    /// Does what the script wants; whether that is to agree.
    fn answer(&self, wire: &mut Wire, moment: Moment<'_>, yes: &str) -> io::Result<bool> {
        match (self.script)(moment) {
            Reply::Accept => wire.say(yes).map(|()| true),
            Reply::Say(text) => wire.say(text).map(|()| false),
            Reply::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
            Reply::Silence => {
                let mut guard = self.end.0.lock().unwrap_or_else(PoisonError::into_inner);
                while !self.ended.load(SeqCst) {
                    guard = self.end.1.wait(guard).unwrap_or_else(PoisonError::into_inner);
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}

fn encrypted(config: &Arc<ServerConfig>, tcp: TcpStream) -> io::Result<Wire> {
    let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, tcp);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(Wire { stream: Box::new(stream), encrypted: true, buffer: Vec::new() })
}

/// User and mechanism, if the password is the right one.
fn authenticated(wire: &mut Wire, line: &str) -> io::Result<Option<(String, String)>> {
    let mut ask = |prompt: &str| {
        wire.say(&format!("334 {}", STANDARD.encode(prompt)))?;
        wire.line().map(|line| decoded(&line))
    };
    let mut words = line.split(' ').skip(1);
    let mechanism = words.next().unwrap_or_default();
    let (user, right) = match (mechanism, words.next()) {
        ("PLAIN", Some(token)) => {
            let token = decoded(token);
            let mut parts = token.split('\0').skip(1);
            (parts.next().unwrap_or_default().to_owned(), parts.next() == Some(PASSWORD))
        }
        ("LOGIN", None) => {
            let user = ask("Username:")?;
            (user, ask("Password:")? == PASSWORD)
        }
        ("CRAM-MD5", None) => {
            let challenge = "<1896.697170952@mail.example.org>";
            let answer = ask(challenge)?;
            let (user, digest) = answer.split_once(' ').unwrap_or_default();
            let mac = Hmac::<Md5>::new_from_slice(PASSWORD.as_bytes()).expect("any length is right");
            let expected = HEXLOWER.encode(&mac.chain_update(challenge).finalize().into_bytes());
            (user.to_owned(), digest == expected)
        }
        _ => return Ok(None),
    };
    Ok(right.then(|| (user, mechanism.to_owned())))
}

fn decoded(token: &str) -> String {
    STANDARD.decode(token).ok().and_then(|text| String::from_utf8(text).ok()).unwrap_or_default()
}

fn between(line: &str) -> String {
    let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    address.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

fn contents(wire: &mut Wire) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let line = wire.line()?;
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push_str("\r\n");
    }
}
