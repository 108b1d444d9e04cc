//! The threads that hash passwords.
//!
//! A login costs a fifth of a second of a core, a session check a ten-thousandth of that: where both share threads, a few
//! dozen logins stop everything else. So passwords have threads of their own, of low priority, one for each core, and a
//! queue before them. The queue is bounded by how long one would wait in it, not by its length: beyond the bound people
//! are sent away with a time to come back, instead of waiting for an answer that their browser gives up on.
//!
//! - Who went away while waiting costs nothing: their work is skipped.
//! - bcrypt work of one cost is done in step, several passwords at once, as soon as there is more work than threads
//!   (`zelos_bcrypt`): that triples what a core can do just when it matters.
//! - An unknown identifier costs what a wrong password costs, in the same queue.

use super::hash::{HashError, Hasher, Memory, Outcome, Work, run};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use zelos_core::{measure::Measures, rng::Rng};

/// What one hash is believed to cost before the first has been made.
const FIRST_GUESS: Duration = Duration::from_millis(200);

/// How far hashing steps back behind requests; the nice value of Linux.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Why the pool gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The stored text or the password cannot be worked with.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// One would wait too long; in so many whole seconds there should be room again.
    #[error("too many passwords are waiting")]
    Busy { retry_after: Duration },
    /// The pool has been shut down.
    #[error("passwords are no longer hashed: shutting down")]
    Closed,
}

/// The pool. Its futures may be dropped at any time.
pub struct HashPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl HashPool {
    /// Starts `threads` threads (0: one for each core); nobody is to wait longer than `max_wait`. Fails if the system has
    /// no thread left. What happens in the queue is counted in `measures`.
    pub fn start(threads: usize, max_wait: Duration, measures: Arc<Measures>) -> std::io::Result<Self> {
        let threads = match threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            set => set,
        };
        let pool = Self { shared: Arc::new(Shared::new(threads, max_wait, measures)), threads: Mutex::default() };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.serve())?;
            pool.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(pool)
    }

    /// The text to store for a new password.
    pub async fn hash(&self, hasher: Hasher, password: &str, rng: &dyn Rng) -> Result<String, PoolError> {
        match self.submit(Work::hash(hasher, password, rng)?).await? {
            Outcome::Encoded(text) => Ok(text),
            Outcome::Verified(_) => Err(PoolError::Closed),
        }
    }

    /// Whether `password` is the one that `encoded` was made of. A wrong one costs no less than a hash of `at_least`.
    pub async fn verify(&self, password: &str, encoded: &str, at_least: Option<Hasher>) -> Result<bool, PoolError> {
        let work = Work::verify(password, encoded)?;
        let outcome = self.submit(if let Some(hasher) = at_least { work.at_least(hasher) } else { work }).await?;
        Ok(outcome == Outcome::Verified(true))
    }

    /// Costs what a failed [`HashPool::verify`] costs: for identifiers that do not exist.
    pub async fn verify_nobody(&self, hasher: Hasher, password: &str) -> Result<(), PoolError> {
        self.submit(Work::verify_nobody(hasher, password)?).await.map(drop)
    }

    /// Refuses what waits and whatever comes, and returns when the work under way (a fraction of a second) is done.
    pub fn close(&self) {
        self.shared.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }

    async fn submit(&self, work: Work) -> Result<Outcome, PoolError> {
        let (reply, answer) = oneshot::channel();
        self.shared.push(Job::new(work, reply))?;
        Ok(answer.await.map_err(|_| PoolError::Closed)??)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for HashPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HashPool").field("threads", &self.shared.threads).finish_non_exhaustive()
    }
}

/// Work, and who waits for it.
struct Job {
    work: Work,
    reply: oneshot::Sender<Result<Outcome, HashError>>,
    since: Instant,
}

impl Job {
    #[expect(clippy::disallowed_methods, reason = "a stopwatch: what it reads is shown to operators only")]
    fn new(work: Work, reply: oneshot::Sender<Result<Outcome, HashError>>) -> Self {
        Self { work, reply, since: Instant::now() }
    }
}

struct Queue {
    waiting: VecDeque<Job>,
    /// How many jobs are being worked on.
    running: usize,
    /// How many threads have nothing to do.
    idle: usize,
    /// What a job costs of a thread's time, averaged over about the last eight.
    cost: Duration,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    threads: usize,
    max_wait: Duration,
    measures: Arc<Measures>,
}

impl Shared {
    fn new(threads: usize, max_wait: Duration, measures: Arc<Measures>) -> Self {
        let queue = Queue { waiting: VecDeque::new(), running: 0, idle: 0, cost: FIRST_GUESS, closed: false };
        Self { queue: Mutex::new(queue), wake: Condvar::new(), threads, max_wait, measures }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), PoolError> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(PoolError::Closed);
        }
        if queue.wait(self.threads) > self.max_wait {
            queue.waiting.retain(|job| !job.reply.is_closed());
        }
        let wait = queue.wait(self.threads);
        if let Some(excess) = wait.checked_sub(self.max_wait).filter(|excess| !excess.is_zero()) {
            self.measures.hashes_refused.increase();
            let seconds = excess.as_secs() + u64::from(excess.subsec_nanos() > 0);
            return Err(PoolError::Busy { retry_after: Duration::from_secs(seconds) });
        }
        queue.waiting.push_back(job);
        self.measures.hashes_waiting.set(queue.waiting.len());
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// The life of a thread.
    fn serve(&self) {
        step_back();
        let mut memory = Memory::default();
        while let Some(jobs) = self.take(&mut memory) {
            self.work(jobs, &mut memory);
        }
    }

    /// Waits for work; none when the pool is closed. Wipes the memory before it sleeps: not after each password, since
    /// the next one overwrites it anyway.
    fn take(&self, memory: &mut Memory) -> Option<Vec<Job>> {
        let mut wiped = false;
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            let jobs = queue.next();
            self.measures.hashes_waiting.set(queue.waiting.len());
            if !jobs.is_empty() {
                for job in &jobs {
                    self.measures.hashes_waited.time(job.since.elapsed());
                }
                return Some(jobs);
            }
            if wiped {
                queue.idle += 1;
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            } else {
                drop(queue);
                memory.wipe();
                wiped = true;
                queue = self.lock();
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a stopwatch: what it reads decides about the queue only")]
    fn work(&self, jobs: Vec<Job>, memory: &mut Memory) {
        let started = Instant::now();
        let work: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        // A panic costs these jobs their answer, but not the pool a thread.
        let outcomes = catch_unwind(AssertUnwindSafe(|| run(&work, memory))).unwrap_or_default();
        self.lock().done(jobs.len(), started.elapsed());
        self.measures.hash_work.add(jobs.iter().zip(&outcomes).map(|(job, outcome)| job.work.cost(outcome)).sum());
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            // Who went away meanwhile does not want to know.
            let _ = job.reply.send(outcome);
        }
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.waiting.clear();
        self.measures.hashes_waiting.set(0);
        drop(queue);
        self.wake.notify_all();
    }
}

impl Queue {
    /// How long somebody who came now would wait for a thread.
    fn wait(&self, threads: usize) -> Duration {
        let ahead = u32::try_from(self.waiting.len() + self.running).unwrap_or(u32::MAX);
        self.cost.saturating_mul(ahead) / u32::try_from(threads).unwrap_or(u32::MAX).max(1)
    }

    /// The next job that somebody still waits for, with others that can be done in step with it: as many as are this
    /// thread's share, so that no thread is left without work.
    fn next(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let Some(first) = std::iter::from_fn(|| self.waiting.pop_front()).find(|job| !job.reply.is_closed()) else {
            return jobs;
        };
        let share = (self.waiting.len() + 1).div_ceil(self.idle + 1).min(zelos_bcrypt::MOST_AT_ONCE);
        let pace = first.work.pace();
        jobs.push(first);
        let mut at = 0;
        while pace.is_some() && jobs.len() < share && at < self.waiting.len() {
            if self.waiting[at].work.pace() == pace {
                jobs.extend(self.waiting.remove(at).filter(|job| !job.reply.is_closed()));
            } else {
                at += 1;
            }
        }
        self.running += jobs.len();
        jobs
    }

    fn done(&mut self, jobs: usize, took: Duration) {
        self.running = self.running.saturating_sub(jobs);
        let each = took / u32::try_from(jobs).unwrap_or(u32::MAX).max(1);
        self.cost = (self.cost * 7 + each) / 8;
    }
}

/// Lets requests go first. A system that does not allow it is slower under load, not wrong.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::debug!(%error, "the threads that hash passwords have the priority of all others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };
    use zelos_core::rng::SeededRng;

    const BCRYPT: Hasher = Hasher::Bcrypt { cost: 4 };

    const ARGON2: Hasher =
        Hasher::Argon2 { memory_kib: 64, iterations: 1, parallelism: 1, salt_length: 16, key_length: 32 };

    /// A pool whose threads are the test itself, so that nothing happens by chance.
    fn by_hand(threads: usize, max_wait: Duration) -> HashPool {
        let measures = Arc::new(Measures::default());
        HashPool { shared: Arc::new(Shared::new(threads, max_wait, measures)), threads: Mutex::default() }
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn paces(pool: &HashPool) -> Vec<Option<u32>> {
        pool.shared.lock().next().iter().map(|job| job.work.pace().map(|pace| pace.cost)).collect()
    }

    #[test]
    fn beyond_the_wait_people_are_sent_away() {
        let pool = by_hand(2, Duration::from_secs(1));
        let mut waiting: Vec<_> = (0..11).map(|_| Box::pin(pool.verify_nobody(BCRYPT, "password"))).collect();
        for future in &mut waiting {
            assert_eq!(poll(future.as_mut()), Poll::Pending);
        }
        let busy = PoolError::Busy { retry_after: Duration::from_secs(1) };
        assert_eq!(poll(pin!(pool.verify_nobody(BCRYPT, "password"))), Poll::Ready(Err(busy)));
        assert_eq!(pool.shared.measures.hashes_waiting.get(), 11);
        assert_eq!(pool.shared.measures.hashes_refused.get(), 1);
        // Who leaves makes room.
        waiting.pop();
        assert_eq!(poll(pin!(pool.verify_nobody(BCRYPT, "password"))), Poll::Pending);
    }

    #[test]
    fn who_went_away_is_skipped() {
        let pool = by_hand(1, Duration::from_secs(9));
        let mut first = Box::pin(pool.verify_nobody(BCRYPT, "password"));
        let mut second = Box::pin(pool.verify_nobody(ARGON2, "password"));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        drop(first);
        assert_eq!(paces(&pool), [None], "only the second is left");
        assert_eq!(paces(&pool), []);
    }

    #[test]
    fn threads_share_what_can_be_done_in_step() {
        let pool = by_hand(2, Duration::from_secs(9));
        let hashers = [BCRYPT, BCRYPT, ARGON2, BCRYPT, Hasher::Bcrypt { cost: 5 }, BCRYPT, BCRYPT];
        let mut waiting: Vec<_> = hashers.map(|hasher| Box::pin(pool.verify_nobody(hasher, "password"))).into();
        for future in &mut waiting {
            assert!(poll(future.as_mut()).is_pending());
        }
        assert_eq!(paces(&pool), [Some(4); 4]);
        assert_eq!(paces(&pool), [None]);
        pool.shared.lock().idle = 1;
        assert_eq!(paces(&pool), [Some(5)]);
        assert_eq!(paces(&pool), [Some(4)]);
        assert_eq!(pool.shared.lock().running, 7);
    }

    #[test]
    fn work_done_is_answered_and_measured() {
        let pool = by_hand(1, Duration::from_secs(9));
        let rng = SeededRng::new(1);
        let mut hashed = pin!(pool.hash(BCRYPT, "password", &rng));
        assert!(poll(hashed.as_mut()).is_pending());
        let jobs = pool.shared.lock().next();
        pool.shared.work(jobs, &mut Memory::default());
        assert!(matches!(poll(hashed.as_mut()), Poll::Ready(Ok(text)) if text.starts_with("$2a$04$")));
        let mut queue = pool.shared.lock();
        assert_eq!(queue.running, 0);
        queue.cost = Duration::from_millis(800);
        queue.done(0, Duration::ZERO);
        assert_eq!(queue.cost, Duration::from_millis(700));
        queue.done(4, Duration::from_millis(400));
        assert_eq!(queue.cost, Duration::from_millis(625));
    }

    #[test]
    fn what_cannot_be_verified_is_said_at_once() {
        let pool = by_hand(1, Duration::ZERO);
        let unknown = Poll::Ready(Err(PoolError::Hash(HashError::Unknown)));
        assert_eq!(poll(pin!(pool.verify("password", "password", None))), unknown);
    }

    #[test]
    fn closing_refuses_what_waits_and_what_comes() {
        let pool = by_hand(1, Duration::from_secs(9));
        let mut waiting = pin!(pool.verify_nobody(BCRYPT, "password"));
        assert!(poll(waiting.as_mut()).is_pending());
        pool.close();
        assert_eq!(poll(waiting.as_mut()), Poll::Ready(Err(PoolError::Closed)));
        assert_eq!(poll(pin!(pool.verify_nobody(BCRYPT, "password"))), Poll::Ready(Err(PoolError::Closed)));
        assert!(pool.shared.take(&mut Memory::default()).is_none());
    }

    #[tokio::test]
    async fn threads_answer_many_at_once() {
        let measures = Arc::new(Measures::default());
        let pool = Arc::new(HashPool::start(2, Duration::from_mins(10), Arc::clone(&measures)).expect("threads"));
        for hasher in [BCRYPT, ARGON2] {
            let encoded = pool.hash(hasher, "password 3", &SeededRng::new(1)).await.expect("hashed");
            let mut tasks = tokio::task::JoinSet::new();
            for number in 0..20 {
                let (pool, encoded) = (Arc::clone(&pool), encoded.clone());
                tasks.spawn(async move {
                    (number, pool.verify(&format!("password {number}"), &encoded, Some(hasher)).await)
                });
            }
            while let Some(Ok((number, right))) = tasks.join_next().await {
                assert_eq!(right, Ok(number == 3), "{number}");
            }
        }
        pool.close();
        assert_eq!(measures.hashes_waited.count(), 42);
        assert_eq!(measures.hashes_waiting.get(), 0);
        assert_eq!(pool.verify_nobody(BCRYPT, "password").await, Err(PoolError::Closed));
    }
}
