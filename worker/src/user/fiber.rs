//! Stackful coroutines: a script's iteration that can be suspended in the middle of a native call.
//!
//! In: a closure that runs a script function, and a stack. Out: [`Step`]s: the script waits for something, or has
//! ended. This is the only file of the workspace with `unsafe` code; every use of it is in [`suspend`] and its
//! neighbours below, and rests on two facts:
//!
//! 1. `CURRENT` points to an [`Active`] on the stack of the coroutine that is running on this thread right now, or is
//!    null. It is set when the coroutine starts or is resumed, and nulled before it suspends or ends.
//! 2. Everything here is bound to one thread: the pointer is thread-local, [`Fiber`] is not `Send`.

#![expect(
    unsafe_code,
    reason = "a coroutine must be found from inside native functions that get no handle to it"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use katydid_scenario_lang::host::{BatchLimits, CookieCall, CookieReply, RequestSpec, Response};
use katydid_scenario_lang::{CallEnd, UserState};

use super::context::UserContext;
use super::stacks::Loan;
use crate::rows::{RowSet, RowStore};

/// What a script waits for.
#[derive(Debug)]
pub(crate) enum Call {
    /// The response to a request.
    Send(RequestSpec),
    /// The responses to several requests, side by side.
    Batch(Vec<RequestSpec>, BatchLimits),
    /// The end of a pause.
    Sleep(Duration),
    /// A row of a data set that nobody else gets.
    Row(Arc<RowStore>, Arc<RowSet>),
    /// What the user's cookies are, or another of them.
    Cookies(CookieCall),
    /// Its next time slice.
    Yield,
}

/// What a waiting script is given.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The pause or the wait for a slice is over.
    Done,
    /// The response.
    Response(Box<Response>),
    /// The responses, in the requests' order.
    Responses(Vec<Response>),
    /// The row; `None` when there are no more.
    Row(Option<usize>),
    /// What became of its cookies.
    Cookies(CookieReply),
    /// It must end.
    Stop,
}

/// How far a fiber has come.
#[derive(Debug)]
pub(crate) enum Step {
    /// It waits.
    Waits(Call),
    /// It has ended, and gives the user's state back.
    Ended(CallEnd, UserState),
    /// A native function panicked: a defect of ours, contained to this user.
    Panicked,
}

/// A running script function on a borrowed stack.
pub(crate) struct Fiber {
    /// `None` once it has ended.
    coroutine: Option<Coroutine<Answer, Call, (CallEnd, UserState), DefaultStack>>,
    loan: Loan,
}

/// What native functions need to know of the fiber they run in. Lives on the fiber's own stack.
struct Active {
    yielder: *const Yielder<Answer, Call>,
    /// The lowest address of the stack.
    stack_end: usize,
    user: Rc<UserContext>,
}

thread_local! {
    static CURRENT: Cell<*const Active> = const { Cell::new(ptr::null()) };
}

impl std::fmt::Debug for Fiber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fiber")
            .field("running", &self.coroutine.is_some())
            .finish_non_exhaustive()
    }
}

impl Fiber {
    /// A fiber that will run `function` for `user` when first resumed. `None` when the loan holds no stack.
    pub(crate) fn new(
        mut loan: Loan,
        user: Rc<UserContext>,
        function: impl FnOnce() -> (CallEnd, UserState) + 'static,
    ) -> Option<Self> {
        let stack = loan.take()?;
        let stack_end = stack.limit().get();
        let coroutine =
            Coroutine::with_stack(stack, move |yielder: &Yielder<Answer, Call>, first: Answer| {
                drop(first);
                let active = Active {
                    yielder,
                    stack_end,
                    user,
                };
                // Nulls the pointer also when the function panics or the coroutine is dropped and unwound.
                let _scope = Scope::enter(&active);
                function()
            });
        Some(Self {
            coroutine: Some(coroutine),
            loan,
        })
    }

    /// Runs the script until it waits or ends. The first answer is ignored.
    pub(crate) fn resume(&mut self, answer: Answer) -> Step {
        let Some(coroutine) = self.coroutine.as_mut() else {
            return Step::Panicked;
        };
        match catch_unwind(AssertUnwindSafe(|| coroutine.resume(answer))) {
            Ok(CoroutineResult::Yield(call)) => Step::Waits(call),
            Ok(CoroutineResult::Return((end, state))) => {
                self.give_back_stack();
                Step::Ended(end, state)
            }
            Err(_) => {
                CURRENT.set(ptr::null());
                self.give_back_stack();
                Step::Panicked
            }
        }
    }

    fn give_back_stack(&mut self) {
        if let Some(coroutine) = self.coroutine.take()
            && coroutine.done()
        {
            self.loan.give_back(coroutine.into_stack());
        }
    }
}

/// Keeps `CURRENT` pointing to a live [`Active`], or to nothing.
struct Scope;

impl Scope {
    fn enter(active: &Active) -> Self {
        CURRENT.set(ptr::from_ref(active));
        Self
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(ptr::null());
    }
}

/// Suspends the running fiber until its user's task resumes it with an answer; `None` outside of a fiber.
pub(crate) fn suspend(call: Call) -> Option<Answer> {
    let current = CURRENT.replace(ptr::null());
    // SAFETY: `CURRENT` is null or points to the `Active` of the fiber this code is running in (fact 1), which lives in
    // a frame further up this very stack and so outlives this call.
    let active = unsafe { current.as_ref() }?;
    // SAFETY: the yielder is an argument of the coroutine's main function, in a frame further up this very stack.
    let yielder = unsafe { &*active.yielder };
    // While suspended other fibers of the thread run and set `CURRENT` to themselves; they null it before this one goes
    // on. When the fiber is dropped instead, `suspend` unwinds and `Scope` nulls it.
    let answer = yielder.suspend(call);
    CURRENT.set(current);
    Some(answer)
}

/// Runs `look` on the user whose script is running; `None` outside of a fiber.
#[inline]
pub(crate) fn with_user<T>(look: impl FnOnce(&UserContext) -> T) -> Option<T> {
    // SAFETY: as in `suspend`; `look` cannot keep the reference. Should it suspend the fiber, the frame stays where it
    // is, because the stack does.
    unsafe { CURRENT.get().as_ref() }.map(|active| look(&active.user))
}

/// Bytes left on the running fiber's stack; `usize::MAX` outside of a fiber.
#[inline]
pub(crate) fn stack_left() -> usize {
    let marker = 0u8;
    // SAFETY: as in `suspend`.
    match unsafe { CURRENT.get().as_ref() } {
        Some(active) => (ptr::from_ref(&marker) as usize).saturating_sub(active.stack_end),
        None => usize::MAX,
    }
}

#[cfg(test)]
mod tests;
