//! The life of one user: start, iterate and wait until told to stop, end.
//!
//! Each iteration runs the script in a fiber on a borrowed stack. When the script waits, this task performs what it
//! waits for and resumes it with the answer.

use std::pin::pin;
use std::rc::Rc;

use katydid_scenario_lang::{CallEnd, FunctionId, Scenario, ScriptError, UserState};
use tokio::time::{Instant, sleep, sleep_until};

use super::class::Class;
use super::context::UserContext;
use super::default_tags::DefaultTags;
use super::fiber::{Answer, Call, Fiber, Step};
use super::pacing::{Pacing, Start};
use super::stop::StopLevel;
use crate::http::HttpClient;

/// Why a user's life is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserEnd {
    /// It was told to stop.
    Stopped,
    /// Its script said `stop_user()`.
    Retired,
    /// Its `on_start` failed; it has done no iteration.
    StartFailed,
    /// Its script said `stop_test(reason)`.
    StopTest(String),
    /// Its task panicked: a defect of ours.
    Panicked,
}

/// What becomes of a user after a script function.
enum Next {
    GoOn,
    /// The function threw; the user goes on, the rest of a sequence does not.
    Failed,
    End(UserEnd),
}

/// How a script function came to its end.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ran.
    Ended(CallEnd),
    /// A native function panicked.
    Panicked,
    /// It did not even begin: the user was told to end while all stacks were in use.
    NoStack,
}

/// A user and what it owns.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) user: Rc<UserContext>,
    pub(super) client: HttpClient,
    /// `None` only while a fiber has it.
    state: Option<UserState>,
    pacing: Pacing,
    /// The tags of what it is doing.
    pub(super) tags: Rc<DefaultTags>,
}

/// Runs a user from its start to its end.
pub(crate) async fn run_user(user: Rc<UserContext>) -> UserEnd {
    let mut session = Session::new(user);
    let end = session.live().await;
    session.close();
    end
}

impl Session {
    /// A user that has done nothing yet.
    pub(crate) fn new(user: Rc<UserContext>) -> Self {
        let client = HttpClient::new(
            &user.shared.http,
            user.class.base.clone(),
            Rc::clone(&user.class.http),
        );
        let pacing = Pacing::new(user.class.wait);
        let tags = Rc::clone(&user.class.tags);
        Self {
            user,
            client,
            state: Some(UserState::default()),
            pacing,
            tags,
        }
    }

    /// Closes its connections.
    pub(crate) fn close(&mut self) {
        self.client.close();
    }

    async fn live(&mut self) -> UserEnd {
        let class = Rc::clone(&self.user.class);
        // Whoever is started for an arrival begins with it.
        if let Some(first) = self.user.seat.as_ref().and_then(|seat| seat.first()) {
            self.user.begin_arrival(first);
        }
        let begun = match class.on_start {
            Some(on_start) => self.call(on_start, "on_start").await,
            None => Next::GoOn,
        };
        let end = match begun {
            Next::GoOn => {
                class.restarts.succeeded();
                match &self.user.seat {
                    None => self.iterate(&class).await,
                    Some(_) => self.serve(&class).await,
                }
            }
            Next::Failed => return UserEnd::StartFailed,
            // Whoever ends itself has begun, and clears up behind itself.
            Next::End(end) => end,
        };
        if let Some(on_stop) = class.on_stop {
            if self.user.stop.level() < StopLevel::Kill {
                // Whatever it says, the user has ended.
                self.call(on_stop, "on_stop").await;
            } else {
                self.user
                    .shared
                    .recorder
                    .lose(|losses| losses.skipped_on_stops += 1);
            }
        }
        end
    }

    async fn iterate(&mut self, class: &Class) -> UserEnd {
        let user = Rc::clone(&self.user);
        let mut start = Start {
            at: Instant::now(),
            planned: false,
        };
        self.pacing.begin(start.at);
        let mut was_idle = true;
        while user.stop.level() == StopLevel::Run {
            if start.planned {
                user.note_lateness(start.lateness(Instant::now(), was_idle));
            }
            if let Next::End(end) = self.run_iteration(class).await {
                return end;
            }
            let now = Instant::now();
            start = self.pacing.next(now, &mut user.shared.random.borrow_mut());
            was_idle = start.at > now;
            if was_idle {
                user.stop
                    .unless(StopLevel::Finish, pin!(sleep_until(start.at)))
                    .await;
            } else {
                // A script that never waits for anything must not keep the thread to itself.
                tokio::task::coop::consume_budget().await;
            }
        }
        UserEnd::Stopped
    }

    /// Runs an iteration for each arrival.
    async fn serve(&mut self, class: &Class) -> UserEnd {
        let user = Rc::clone(&self.user);
        let Some(seat) = &user.seat else {
            return UserEnd::Stopped;
        };
        while user.stop.level() == StopLevel::Run {
            if let Next::End(end) = self.run_iteration(class).await {
                return end;
            }
            let Some(arrived) = seat.next(&user).await else {
                break;
            };
            if user.stop.level() > StopLevel::Run {
                let recorder = &user.shared.recorder;
                recorder.arrival(Instant::now(), |counts| counts.dropped += 1);
                break;
            }
            user.begin_arrival(arrived);
        }
        UserEnd::Stopped
    }

    /// One iteration of a task drawn by weight.
    async fn run_iteration(&mut self, class: &Class) -> Next {
        let user = Rc::clone(&self.user);
        let drawn = class.draw(&mut user.shared.random.borrow_mut());
        let Some(task) = drawn.and_then(|index| class.task(index)) else {
            return Next::End(UserEnd::Retired);
        };
        self.client.begin_iteration();
        self.tags = Rc::clone(&task.tags);
        let next = self.run_task(&task.name, &task.steps).await;
        self.tags = Rc::clone(&class.tags);
        user.shared.recorder.iteration();
        user.iteration.set(user.iteration.get() + 1);
        next
    }

    async fn run_task(&mut self, name: &str, steps: &[FunctionId]) -> Next {
        for (index, step) in steps.iter().enumerate() {
            if index > 0 {
                let pause = self.pacing.pause(&mut self.user.shared.random.borrow_mut());
                // Once begun a sequence is finished, but nobody waits for a pause when users are to stop.
                if !pause.is_zero() {
                    self.user.stop.unless(StopLevel::Finish, pin!(sleep(pause))).await;
                }
                if self.user.stop.level() == StopLevel::Kill {
                    return Next::End(UserEnd::Stopped);
                }
            }
            match self.call(*step, name).await {
                Next::GoOn => {}
                other => return other,
            }
        }
        Next::GoOn
    }

    /// Runs one script function to its end. `place` names it in exceptions.
    async fn call(&mut self, function: FunctionId, place: &str) -> Next {
        match self
            .run(move |scenario, state| scenario.call(function, state))
            .await
        {
            Outcome::Ended(end) => self.after(end, place),
            Outcome::NoStack => Next::End(UserEnd::Stopped),
            Outcome::Panicked => {
                self.user.abandon_groups();
                self.user.exception(place, &defect());
                Next::Failed
            }
        }
    }

    /// Runs something of the scenario in a fiber, and performs what it waits for.
    pub(crate) async fn run(
        &mut self,
        function: impl FnOnce(&Scenario, &mut UserState) -> CallEnd + 'static,
    ) -> Outcome {
        let shared = Rc::clone(&self.user.shared);
        let loan = match shared.stacks.try_lend() {
            Some(loan) => loan,
            None => {
                shared.recorder.lose(|losses| losses.stack_waits += 1);
                match self
                    .user
                    .stop
                    .unless(StopLevel::Kill, pin!(shared.stacks.lend()))
                    .await
                {
                    Some(loan) => loan,
                    None => return Outcome::NoStack,
                }
            }
        };
        let mut state = self.state.take().unwrap_or_default();
        let callee = Rc::clone(&shared);
        let fiber = Fiber::new(loan, Rc::clone(&self.user), move || {
            let end = function(&callee.scenario, &mut state);
            (end, state)
        });
        let Some(mut fiber) = fiber else {
            return Outcome::NoStack;
        };
        self.user.slice_began.set(Instant::now());
        let mut step = fiber.resume(Answer::Done);
        loop {
            match step {
                Step::Waits(call) => {
                    let answer = self.perform(call).await;
                    step = fiber.resume(answer);
                }
                Step::Ended(end, state) => {
                    self.user.commit();
                    self.state = Some(state);
                    return Outcome::Ended(end);
                }
                Step::Panicked => {
                    self.user.commit();
                    self.state = Some(UserState::default());
                    return Outcome::Panicked;
                }
            }
        }
    }

    fn after(&self, end: CallEnd, place: &str) -> Next {
        match end {
            CallEnd::Completed => Next::GoOn,
            CallEnd::StopUser => Next::End(UserEnd::Retired),
            CallEnd::StopTest(reason) => Next::End(UserEnd::StopTest(reason)),
            CallEnd::Interrupted => {
                self.user.abandon_groups();
                self.user
                    .shared
                    .recorder
                    .lose(|losses| losses.killed_iterations += 1);
                Next::End(UserEnd::Stopped)
            }
            CallEnd::Failed(error) => {
                self.user.abandon_groups();
                self.user.exception(place, &error);
                Next::Failed
            }
        }
    }

    async fn perform(&mut self, call: Call) -> Answer {
        let answer = match call {
            Call::Send(request) => return self.send(request).await,
            Call::Batch(requests, limits) => return Box::pin(self.send_all(requests, limits)).await,
            Call::Sleep(time) => match self.user.stop.unless(StopLevel::Kill, pin!(sleep(time))).await {
                Some(()) => Answer::Done,
                None => Answer::Stop,
            },
            Call::Row(rows, set) => match self
                .user
                .stop
                .unless(StopLevel::Kill, pin!(rows.wait(&set)))
                .await
            {
                Some(row) => Answer::Row(row),
                None => Answer::Stop,
            },
            Call::Cookies(call) => Answer::Cookies(self.client.cookies(call)),
            Call::Yield => {
                let turnstile = Rc::clone(&self.user.shared.turnstile);
                let stop = &self.user.stop;
                let turn = stop.unless(StopLevel::Kill, pin!(turnstile.turn())).await;
                turn.map_or(Answer::Stop, |_turn| Answer::Done)
            }
        };
        self.user.slice_began.set(Instant::now());
        answer
    }
}

/// What is said of a script that a native function of ours panicked in.
pub(crate) fn defect() -> ScriptError {
    ScriptError {
        message: "Katydid failed while running this script; please report it".to_owned(),
        traceback: String::new(),
    }
}
