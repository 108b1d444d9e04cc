//! The pipeline: create, fetch and submit, the same for every kind of flow and every method.
//!
//! ```text
//! create:  enabled → flow → session → return_to → hooks(Before) → draw → insert
//! fetch:   load → owner → expiry
//! submit:  load → session → expiry → select → payload → CSRF → privileged → method → finish
//! ```
//!
//! The order of checks in `submit` is visible in the bodies of errors and is the wire's.

use crate::{
    ask::{self, Question},
    audit,
    begin::{self, Query},
    budgets::{self, Bill, Guess, Noticed},
    compiled::Compiled,
    draw,
    errors::{form_texts, unreadable},
    finish, gate,
    hooks::{self, Hooks},
    input::Input,
    pause,
    plug::{Cx, Method, Outcome, Request, Sender, Step, Why},
    proofs, sessions, traits,
};
use std::{
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use zelos_core::{
    clock::Clock,
    fail_point,
    flow::{Channel, Detail, Flow, Kind, Memory, State},
    id::FlowId,
    measure::Measures,
    outbound::Outbound,
    problem::{Problem, Result},
    rng::Rng,
    session::{Aal, Person},
    text::{FieldText, Text, catalog},
};
use zelos_store::{Batch, Store, flows};

pub use crate::parts::{Parts, Refusal};

/// No submission of a recovery or verification is answered sooner: several times what one takes. Whoever has an address
/// is sent a mail, and that takes longer to write down than nothing; the time of an answer must not tell.
pub const ANSWERED_AFTER: Duration = Duration::from_millis(25);

/// Whatever flows need, wired once at start-up.
pub struct Engine {
    snapshot: RwLock<Arc<Compiled>>,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub outbound: Arc<dyn Outbound>,
    /// In the order in which they are asked and in which their nodes stand.
    pub methods: Vec<Box<dyn Method>>,
    pub hooks: Hooks,
    pub measures: Arc<Measures>,
    noticed: Noticed,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self {
            snapshot: RwLock::new(Arc::new(parts.snapshot)),
            store: parts.store,
            clock: parts.clock,
            rng: parts.rng,
            outbound: parts.outbound,
            methods: parts.methods,
            hooks: parts.hooks,
            measures: parts.measures,
            noticed: Noticed::default(),
        }
    }

    /// The configuration of this moment.
    pub fn snapshot(&self) -> Arc<Compiled> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests from now on see another configuration; those under way keep theirs.
    pub fn replace_snapshot(&self, snapshot: Compiled) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// What rules get to see while they answer `request`; nobody is signed in yet.
    pub fn cx<'a>(&'a self, snapshot: &'a Arc<Compiled>, request: &'a Request) -> Cx<'a> {
        Cx {
            snapshot,
            store: &self.store,
            methods: &self.methods,
            clock: &*self.clock,
            rng: &*self.rng,
            outbound: &*self.outbound,
            session: None,
            request,
        }
    }

    /// Begins a flow.
    #[tracing::instrument(target = "otel", name = "flow.create", skip_all, fields(kind = kind.as_str()))]
    pub async fn create(
        &self,
        kind: Kind,
        channel: Channel,
        request: &Request,
        query: &[(String, String)],
    ) -> Result<Outcome> {
        let snapshot = self.snapshot();
        let mut cx = self.cx(&snapshot, request);
        gate::enabled(&cx, kind)?;
        let current = sessions::find(&cx).await?;
        cx.session = current.as_ref();
        let mut flow = begin::asked(&cx, kind, channel, &Query(query))?;
        gate::session_at_create(&cx, &mut flow)?;
        greet(&cx, &mut flow);
        hooks::before(&cx, &flow)?;
        let question = ask::question(&cx, &flow).await?;
        draw::draw(&cx, &self.methods, &mut flow, &question).await?;
        let mut batch = self.go_ahead(&cx, &mut flow, &question, &mut Bill::default()).await?;
        flows::insert(&mut batch, &flow);
        self.store.commit(batch).await?;
        self.measures.flows.count([kind.as_str(), "", Why::Created.name()]);
        Ok(rendered(&cx, flow, Why::Created))
    }

    /// Shows a flow as it stands, with the person whose settings it changes.
    pub async fn fetch(&self, kind: Kind, id: &str, request: &Request) -> Result<(Flow, Option<Person>)> {
        let snapshot = self.snapshot();
        let enabled = gate::enabled(&self.cx(&snapshot, request), kind);
        let found = match FlowId::from_str(id) {
            Ok(id) => self.load(kind, id).await,
            Err(_) => Err(no_flow()),
        };
        if !found.as_ref().is_ok_and(is_by_admin) {
            enabled?;
        }
        let flow = found?;
        let recognised = request.recognised(&flow, "");
        let mut cx = self.cx(&snapshot, recognised.as_ref().unwrap_or(request));
        let current = if kind == Kind::Settings { sessions::find(&cx).await? } else { None };
        cx.session = current.as_ref();
        gate::owner(&cx, &flow)?;
        gate::expiry(&cx, &flow)?;
        Ok((flow, current.map(|current| current.person)))
    }

    /// Whether these members are those of a link to a flow that can still be used, which a method follows.
    pub async fn is_link(&self, kind: Kind, id: &str, request: &Request, input: &Input) -> bool {
        let snapshot = self.snapshot();
        let cx = self.cx(&snapshot, request);
        let Ok(id) = FlowId::from_str(id) else { return false };
        let Ok(flow) = self.load(kind, id).await else { return false };
        gate::expiry(&cx, &flow).is_ok() && self.methods.iter().any(|method| method.follows(&cx, &flow, input))
    }

    /// Takes what somebody sent to a flow. An input that could not be read is judged only after the gates.
    pub async fn submit(
        &self,
        kind: Kind,
        id: Option<&str>,
        request: &Request,
        input: Result<Input>,
    ) -> Result<Outcome, Refusal> {
        // Safety of order: before the clock of the answer starts, and whether or not there is anyone to write to.
        self.snapshot().letters.prepare(&*self.outbound).await;
        let begun = Instant::now();
        let outcome = self.submit_at_once(kind, id, request, input).await;
        if matches!(kind, Kind::Recovery | Kind::Verification) {
            sleep_until(begun + ANSWERED_AFTER).await;
        }
        outcome
    }

    async fn submit_at_once(
        &self,
        kind: Kind,
        id: Option<&str>,
        request: &Request,
        input: Result<Input>,
    ) -> Result<Outcome, Refusal> {
        let unknown = |problem| Refusal { problem, channel: None };
        let id = id.ok_or_else(|| unknown(Problem::bad("The query parameter flow is missing."))).and_then(|id| {
            FlowId::from_str(id).map_err(|_| unknown(Problem::bad("The query parameter flow is not the id of a flow.")))
        })?;
        let mut is_second_try = false;
        loop {
            let mut flow = self.load(kind, id).await.map_err(unknown)?;
            let channel = request.channel(&flow);
            let input = input.as_ref().map(Input::clone).map_err(unreadable);
            let token = input.as_ref().ok().and_then(|input| input.text("csrf_token")).unwrap_or_default();
            let recognised = request.recognised(&flow, token);
            match self.submit_to(&mut flow, recognised.as_ref().unwrap_or(request), input).await {
                // Two submissions at once: the loser sees what the winner left, once.
                Err(Problem::Raced) if !is_second_try => is_second_try = true,
                outcome => return outcome.map_err(|problem| Refusal { problem, channel: Some(channel) }),
            }
        }
    }

    #[tracing::instrument(target = "otel", name = "flow.submit", skip_all, fields(kind = flow.kind().as_str(), method, outcome))]
    async fn submit_to(&self, flow: &mut Flow, request: &Request, input: Result<Input>) -> Result<Outcome> {
        let snapshot = self.snapshot();
        let mut cx = self.cx(&snapshot, request);
        if !is_by_admin(flow) {
            gate::enabled(&cx, flow.kind())?;
        }
        let current = sessions::find(&cx).await?;
        cx.session = current.as_ref();
        match gate::session_at_submit(&cx, flow) {
            // Quirk: a login submitted by somebody signed in carries the refusal in its form for clients that read
            // JSON, not as an error of its own (Kratos selfservice/flow/login/handler.go).
            Err(problem @ Problem::AlreadySignedIn { .. }) if flow.kind() == Kind::Login => {
                return self.refuse_signed_in(&cx, flow, problem).await;
            }
            other => other?,
        }
        match gate::expiry(&cx, flow) {
            Err(Problem::Expired(expired)) => Err(self.replace_expired(&cx, flow, *expired).await?),
            other => {
                other?;
                let typed = input.as_ref().map_or_else(|_| Input::default(), Input::clone);
                let mut bill = Bill::default();
                let answer = match self.answer(&cx, flow, input, &typed, &mut bill).await {
                    Err(Problem::Exhausted) => self.exhausted(&cx, flow, &bill, &typed).await,
                    answer => answer,
                };
                let outcome = answer.as_ref().map_or_else(Problem::name, Outcome::name);
                self.measures.flows.count([flow.kind().as_str(), bill.method, outcome]);
                tracing::Span::current().record("method", bill.method).record("outcome", outcome);
                answer
            }
        }
    }

    /// What is wrong with a submission becomes part of the form, written together with what it costs.
    async fn answer(
        &self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        input: Result<Input>,
        typed: &Input,
        bill: &mut Bill,
    ) -> Result<Outcome> {
        match self.judge(cx, flow, input, bill).await {
            Err(Problem::StartAgain { text, is_shown }) => {
                Err(self.start_again(cx, flow, *text, is_shown, bill.batch.clone()).await?)
            }
            Err(Problem::Exhausted) => Err(Problem::Exhausted),
            Err(problem) => self.invalid(cx, flow, problem, typed, bill.batch.clone()).await,
            done => done,
        }
    }

    /// Select, payload, CSRF, privilege, method, finish.
    async fn judge(&self, cx: &Cx<'_>, flow: &mut Flow, input: Result<Input>, bill: &mut Bill) -> Result<Outcome> {
        let resumed = if cx.request.is_link { pause::take(cx, flow) } else { None };
        let is_resumed = resumed.is_some();
        let input = resumed.map_or(input, Ok);
        // What is wrong here is told before the token is looked at: not to another browser than the flow's, for the form
        // may hold what its owner typed. Only a link that a method follows may be opened anywhere.
        let claimed = self.claimed(cx, flow, input, is_resumed);
        let (method, input, judged) = claimed.map_err(|problem| gate::stranger(cx, flow).unwrap_or(problem))?;
        if !cx.request.is_link && method.needs_csrf(flow, &judged) {
            gate::csrf(cx, flow, &input).map_err(|problem| over_by_csrf(flow, problem))?;
        }
        bill.method = method.id();
        flow.transient_payload = judged.transient_payload()?;
        if let Detail::Settings { identity } = flow.detail {
            let of = zelos_store::identities::find_with_credentials(&self.store, identity).await?;
            if of.is_some_and(|of| method.is_privileged(cx, &of, &judged)) {
                self.privileged(cx, flow, &input).await?;
            }
        }
        let step = method.submit(cx, flow, &judged).await?;
        if let Step::Change { from, .. } = &step
            && method.is_privileged(cx, from, &judged)
        {
            // Asked again: the person may have changed since they were looked at above.
            self.privileged(cx, flow, &input).await?;
        }
        match step {
            Step::Show { texts, also } => {
                flow.active = shown_as_active(flow, method.id());
                let shown = self.advance(cx, flow, texts, also, bill).await;
                if matches!(shown, Err(Problem::Exhausted)) {
                    bill.take(proofs::cost(cx, flow)?);
                }
                shown
            }
            Step::Wrong { guess, says } => {
                bill.take(budgets::wrong(cx, &guess)?);
                let texts = says?;
                if gate::is_strange(cx, flow) {
                    let texts = texts.into_iter().map(FieldText::form).collect();
                    self.refuse(cx, flow, texts, &Input::default(), bill.batch.clone()).await?;
                    return Ok(rendered(cx, flow.clone(), Why::Advanced));
                }
                flow.active = shown_as_active(flow, method.id());
                let also = bill.batch.clone();
                self.advance(cx, flow, texts, also, bill).await
            }
            Step::Leave { to, texts } => {
                flow.active = shown_as_active(flow, method.id());
                match self.advance(cx, flow, texts, Batch::new(), bill).await? {
                    Outcome::Render { why: Why::Advanced, .. } => {
                        Ok(Outcome::Elsewhere { to, issued: None, csrf: None })
                    }
                    refused => Ok(refused),
                }
            }
            step => {
                if let Some(guess) = guess_behind(cx, flow, method, &step)? {
                    bill.take(budgets::right(cx, &guess)?);
                }
                flow.active = Some(method.id().to_owned());
                finish::finish(self, cx, flow, step, bill.batch.clone()).await
            }
        }
    }

    /// It was tried too often. Nothing of the submission counts, right or wrong: the form stays as it was.
    async fn exhausted(&self, cx: &Cx<'_>, flow: &mut Flow, bill: &Bill, typed: &Input) -> Result<Outcome> {
        let wait = budgets::wait(cx, bill, &self.noticed).await?;
        self.measures.exhausted.count([wait.budget]);
        *flow = self.load(flow.kind(), flow.id).await?;
        let mut also = Batch::new();
        if wait.is_news {
            audit::refused(cx, &mut also, flow, bill, wait.budget);
        }
        self.refuse(cx, flow, vec![FieldText::form(wait.text)], typed, also).await?;
        Ok(rendered(cx, flow.clone(), Why::Exhausted { retry_after: wait.retry_after }))
    }

    /// Whether the proof is fresh enough; if not, what was sent is put away for when it is.
    async fn privileged(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<()> {
        let verdict = gate::privileged(cx, flow);
        if verdict.is_err() && flow.channel == Channel::Browser {
            pause::keep(cx, flow, input);
            self.save(cx, flow, Batch::new()).await?;
        }
        verdict
    }

    /// The method that a submission is for, and the submission: as it came, and as the method's schema leaves it.
    fn claimed(
        &self,
        cx: &Cx<'_>,
        flow: &Flow,
        input: Result<Input>,
        is_resumed: bool,
    ) -> Result<(&dyn Method, Input, Input)> {
        let input = input?;
        let is_link = cx.request.is_link && !is_resumed;
        if is_link && !self.methods.iter().any(|method| method.follows(cx, flow, &input)) {
            return Err(Problem::bad("Send the form with POST."));
        }
        let method = self.select(cx, flow, &input, is_link)?;
        let payload = method.payload(flow.kind());
        let judged = input.judged(payload).map_err(|mut texts| {
            if payload.takes_traits() {
                texts.extend(wrong_traits(cx, flow, &input));
            }
            Problem::Form(texts)
        })?;
        Ok((method, input, judged))
    }

    fn select(&self, cx: &Cx<'_>, flow: &Flow, input: &Input, is_link: bool) -> Result<&dyn Method> {
        let kind = flow.kind();
        let mut methods = self.methods.iter();
        let method = methods
            .find(|method| if is_link { method.follows(cx, flow, input) } else { method.claims(cx, flow, input) });
        match method {
            Some(method) if method.is_enabled(cx.snapshot, kind) => Ok(&**method),
            Some(method) => Err(Problem::NotFound(format!("The method {} is not offered here.", method.id()))),
            None => Err(Problem::form(match kind {
                Kind::Login => catalog::no_login_method(),
                Kind::Registration => catalog::no_registration_method(),
                Kind::Settings => catalog::no_settings_method(),
                Kind::Recovery => catalog::no_recovery_method(),
                Kind::Verification => catalog::no_verification_method(),
            })),
        }
    }

    /// The next screen of the same flow. What an automatic submission costs is added to `bill`.
    async fn advance(
        &self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        texts: Vec<Text>,
        mut also: Batch,
        bill: &mut Bill,
    ) -> Result<Outcome> {
        flow.ui.messages = texts;
        let question = ask::question(cx, flow).await?;
        draw::draw(cx, &self.methods, flow, &question).await?;
        if let Question::Known { identifier, .. } = &question
            && !draw::offers_a_method(flow)
        {
            let identifier = identifier.clone();
            flow.memory.remove(ask::IDENTIFIER);
            let typed = Input::new([("identifier".to_owned(), identifier.into())].into_iter().collect());
            let unknown = Problem::field("identifier", catalog::account_not_found());
            return self.invalid(cx, flow, unknown, &typed, also).await;
        }
        also.append(self.go_ahead(cx, flow, &question, bill).await?);
        self.save(cx, flow, also).await?;
        Ok(rendered(cx, flow.clone(), Why::Advanced))
    }

    /// Lets the method that the form offers alone do what it does without being asked; what is to be written with it.
    async fn go_ahead(&self, cx: &Cx<'_>, flow: &mut Flow, question: &Question, bill: &mut Bill) -> Result<Batch> {
        let Some(method) = draw::only_method(&self.methods, flow) else { return Ok(Batch::new()) };
        let (texts, also) = match method.unasked(cx, flow, &question.ask()).await? {
            None => return Ok(Batch::new()),
            Some(Step::Show { texts, also }) => (texts, also),
            Some(Step::Wrong { guess, says: Err(problem) }) => {
                bill.take(budgets::wrong(cx, &guess)?);
                return Err(problem);
            }
            Some(step) => return Err(Problem::bug(format!("a step {} was made by nobody's wish", step.name()))),
        };
        flow.active = Some(method.id().to_owned());
        flow.ui.messages = texts;
        let question = ask::question(cx, flow).await?;
        draw::draw(cx, &self.methods, flow, &question).await?;
        Ok(also)
    }

    /// Draws the form again with what was wrong; a problem that no form can show is passed on.
    async fn invalid(
        &self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        problem: Problem,
        typed: &Input,
        also: Batch,
    ) -> Result<Outcome> {
        let texts = form_texts(problem)?;
        self.refuse(cx, flow, texts, typed, also).await?;
        Ok(rendered(cx, flow.clone(), Why::Invalid))
    }

    /// Draws the form again with what was wrong, and saves it. For another browser than the flow's own only the answer
    /// is drawn, and the stored form stays: it holds the anti-CSRF token of the flow's own browser.
    async fn refuse(
        &self,
        cx: &Cx<'_>,
        flow: &mut Flow,
        texts: Vec<FieldText>,
        typed: &Input,
        also: Batch,
    ) -> Result<()> {
        if gate::is_strange(cx, flow) {
            self.save(cx, flow, also).await?;
            return self.draw_again(cx, flow, texts, typed).await;
        }
        self.draw_again(cx, flow, texts, typed).await?;
        self.save(cx, flow, also).await
    }

    async fn draw_again(&self, cx: &Cx<'_>, flow: &mut Flow, texts: Vec<FieldText>, typed: &Input) -> Result<()> {
        flow.ui.messages.clear();
        let question = ask::question(cx, flow).await?;
        draw::draw(cx, &self.methods, flow, &question).await?;
        draw::overlay(cx, flow, typed)?;
        draw::attach(flow, texts);
        Ok(())
    }

    async fn refuse_signed_in(&self, cx: &Cx<'_>, flow: &mut Flow, problem: Problem) -> Result<Outcome> {
        let is_own = gate::stranger(cx, flow).is_none();
        if !is_own {
            // A form as it was at first: neither what its owner typed nor their token.
            flow.memory = Memory::default();
            let question = ask::question(cx, flow).await?;
            draw::draw(cx, &self.methods, flow, &question).await?;
        }
        let reason = "Somebody is signed in already.".to_owned();
        flow.ui.messages.clear();
        draw::attach(flow, vec![FieldText::form(catalog::invalid(reason))]);
        if is_own {
            self.save(cx, flow, Batch::new()).await?;
        }
        let Problem::AlreadySignedIn { to } = problem else { return Err(problem) };
        Ok(Outcome::AlreadySignedIn { flow: Box::new(flow.clone()), to })
    }

    /// Writes the flow as it stands, and what belongs to it. Whoever goes on with it holds what is stored.
    async fn save(&self, cx: &Cx<'_>, flow: &mut Flow, mut also: Batch) -> Result<()> {
        flow.updated_at = cx.clock.now();
        flows::update(&mut also, flow);
        fail_point::reached("before a flow is saved");
        self.store.commit(also).await?;
        fail_point::reached("after a flow is saved");
        flow.version += 1;
        Ok(())
    }

    /// The sender of what proves an address in verifications.
    pub(crate) fn verifier(&self, cx: &Cx<'_>) -> Result<&dyn Sender> {
        self.sender(cx.snapshot.selfservice.flows.verification.r#use.as_str(), cx, Kind::Verification)
    }

    /// The sender of that method, if it is switched on.
    pub(crate) fn sender(&self, method: &str, cx: &Cx<'_>, kind: Kind) -> Result<&dyn Sender> {
        let found = self.methods.iter().find(|found| found.id() == method && found.is_enabled(cx.snapshot, kind));
        found.and_then(|method| method.sender()).ok_or_else(|| {
            Problem::Misconfigured(format!("The method {method} is used here, but it is not switched on."))
        })
    }

    async fn load(&self, kind: Kind, id: FlowId) -> Result<Flow> {
        flows::find(&self.store, kind, id).await?.ok_or_else(no_flow)
    }
}

/// What is wrong with the traits beside what else is wrong with a registration: all is told at once. While a code is on
/// its way, traits need not be sent.
fn wrong_traits(cx: &Cx<'_>, flow: &Flow, input: &Input) -> Vec<FieldText> {
    if flow.kind() != Kind::Registration || flow.state == State::SentEmail {
        return Vec::new();
    }
    let judged = draw::schema_of(cx, flow).and_then(|schema| traits::judge(schema, flow, input));
    match judged {
        Err(Problem::Form(texts)) => texts,
        _ => Vec::new(),
    }
}

/// What a right submission might have guessed.
fn guess_behind(cx: &Cx<'_>, flow: &Flow, method: &dyn Method, step: &Step) -> Result<Option<Guess>> {
    if method.sender().is_some_and(|sender| sender.guesses(cx.snapshot).is_some()) {
        return proofs::guess(flow).map(Some);
    }
    Ok(match step {
        Step::Prove { to, by, .. } => Guess::behind(by.method, to.id),
        _ => None,
    })
}

/// The form as it stands, with the person whose settings it changes.
fn rendered(cx: &Cx<'_>, flow: Flow, why: Why) -> Outcome {
    let person = cx.session.filter(|_| flow.kind() == Kind::Settings).map(|current| Box::new(current.person.clone()));
    Outcome::Render { flow: Box::new(flow), person, why }
}

/// The words above a fresh form.
fn greet(cx: &Cx<'_>, flow: &mut Flow) {
    match flow.detail {
        Detail::Login { refresh: true, .. } => flow.ui.messages = vec![catalog::confirm_identity()],
        Detail::Login { requested_aal: Aal::Aal2, .. } if cx.session.is_some() => {
            flow.ui.messages.push(catalog::second_factor_required());
        }
        _ => {}
    }
}

/// Quirk: between the steps of a registration no method counts as active, in a login it is `identifier_first`
/// (Kratos selfservice/strategy/{profile,idfirst}). Whatever has sent something is.
fn shown_as_active(flow: &Flow, method: &str) -> Option<String> {
    (flow.kind() != Kind::Registration || flow.state == State::SentEmail).then(|| method.to_owned())
}

/// Quirk: a recovery that a native app began, and a browser goes on with, is over (Kratos
/// selfservice/strategy/code/strategy_recovery.go).
fn over_by_csrf(flow: &Flow, problem: Problem) -> Problem {
    match problem {
        Problem::Bad { reason, .. } if flow.kind() == Kind::Recovery => Problem::start_again(catalog::invalid(reason)),
        other => other,
    }
}

/// Whether an administrator began the flow: whoever was given it may use it, in any browser, and even if nobody can
/// begin one by themselves.
fn is_by_admin(flow: &Flow) -> bool {
    matches!(flow.detail, Detail::Recovery { by_admin: true, .. })
}

fn no_flow() -> Problem {
    Problem::NotFound("There is no such flow.".to_owned())
}
