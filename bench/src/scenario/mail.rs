//! How fast mail is delivered. It is queued first, while the mail server keeps everybody waiting at the door, so that
//! the figure is of the delivery and not of the requests that caused it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};

use super::Stage;
use crate::config::Hasher;
use crate::load::Load;
use crate::measure::Measure;
use crate::server::Launcher;
use crate::visitor::Visitor;
use crate::world::World;

const MAILS: usize = 1000;
const CONNECTIONS: usize = 8;
/// A slow one (ten a second) must come to its end as well.
const LIMIT: Duration = Duration::from_mins(4);

/// The time from when the mail server opens its door until it has all of a thousand mails.
pub(super) async fn thousand(launcher: Launcher<'_>) -> Result<Measure> {
    LocalSet::new().run_until(deliver(launcher)).await
}

async fn deliver(launcher: Launcher<'_>) -> Result<Measure> {
    let sink = Rc::new(Sink::default());
    let address = sink.listen().await?;
    let (_home, running) = launcher.start_with(Hasher::Bcrypt(4), Some(address)).await?;
    let world = World::with_people(&running, CONNECTIONS).await?;
    let mails = (MAILS * launcher.options.percent as usize / 100).max(1);
    let clients = (0..CONNECTIONS).map(async |client| {
        let mut visitor = Visitor::new(&world);
        for _ in (client..mails).step_by(CONNECTIONS) {
            let begun = visitor.begin("recovery").await?;
            visitor.ask_for_code(&begun, &world.people[client].email).await?;
        }
        Ok::<_, anyhow::Error>(())
    });
    join_all(clients).await.into_iter().collect::<Result<()>>().context("queueing mails")?;
    ensure!(sink.arrived.borrow().is_empty(), "mails arrived before the door was opened");
    let stage = Stage { launcher, running: &running, world: &world };
    let delivery = async {
        let begin = Instant::now();
        sink.open();
        let all = timeout(LIMIT, async {
            while sink.arrived.borrow().len() < mails {
                sink.more.notified().await;
            }
        });
        let in_time = all.await.is_ok();
        let mut load = Load { wall: begin.elapsed(), ..Load::default() };
        for at in sink.arrived.borrow().iter() {
            load.add(Ok(()), at.duration_since(begin));
        }
        if !in_time {
            load.add(Err(anyhow::anyhow!("not all mails were delivered in time")), Duration::ZERO);
        }
        load
    };
    let measure = stage.metered_load(delivery).await?;
    running.stop().await?;
    Ok(measure)
}

/// A mail server that takes everything once its door is open, and knows when.
#[derive(Debug, Default)]
pub(super) struct Sink {
    opened: Cell<bool>,
    door: Notify,
    arrived: RefCell<Vec<Instant>>,
    more: Notify,
}

impl Sink {
    pub(super) async fn listen(self: &Rc<Self>) -> Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let sink = Rc::clone(self);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = Rc::clone(&sink);
                // A client that goes away has said all it wanted.
                tokio::task::spawn_local(async move { sink.converse(stream).await.ok() });
            }
        });
        Ok(address)
    }

    pub(super) fn open(&self) {
        self.opened.set(true);
        self.door.notify_waiters();
    }

    async fn converse(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        if !self.opened.get() {
            self.door.notified().await;
        }
        stream.write_all(b"220 mail.bench.example\r\n").await?;
        let (mut line, mut in_mail) = (String::new(), false);
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let answer: &[u8] = match (in_mail, line.trim_end()) {
                (true, ".") => {
                    in_mail = false;
                    self.arrived.borrow_mut().push(Instant::now());
                    self.more.notify_one();
                    b"250 taken\r\n"
                }
                (true, _) => continue,
                (false, "DATA") => {
                    in_mail = true;
                    b"354 go on\r\n"
                }
                (false, "QUIT") => b"221 bye\r\n",
                (false, greeting) if greeting.starts_with("EHLO") => b"250-hello\r\n250 8BITMIME\r\n",
                (false, _) => b"250 ok\r\n",
            };
            stream.write_all(answer).await?;
        }
    }
}
