//! A real worker and a master that only the test directs: what it does with what it is told, and what it never loses.

use std::time::Duration;

use anyhow::{Result, ensure};
use katydid_protocol::directive::{Directive, Share};
use katydid_protocol::fleet::{MasterMessage, PROTOCOL_VERSION, WorkerMessage};
use katydid_protocol::report::{WorkerReport, WorkerStatus};
use katydid_protocol::stats::Delta;
use katydid_testkit::{DemoTarget, FakeCall, FakeMaster, Signal, alone};

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any of these tests.
const GRACE: Duration = Duration::from_secs(600);

const LOOK: &str = r#"user("Visitor", #{ wait: constant(0.02) }).task("look", || { http.get("/"); });"#;

fn begin() -> Directive {
    Directive::Begin {
        elapsed: Duration::ZERO,
        setup: None,
        run_time: None,
        arrivals: None,
    }
}

fn share(epoch: u64, users: u32) -> Directive {
    Directive::Share(Share {
        epoch,
        plan: 1,
        users: vec![users],
        from: Duration::ZERO,
        rate: 1_000.0,
        offset: 0.0,
        stride: 1.0,
        stop_timeout: Duration::ZERO,
        lane: None,
    })
}

/// Begins the run, with so many users.
fn begin_with(call: &FakeCall, users: u32) -> Result<()> {
    call.direct(begin())?;
    call.direct(share(1, users))
}

fn stop() -> Directive {
    let grace = Duration::from_secs(2);
    Directive::Stop { grace }
}

fn delta(report: &WorkerReport) -> Option<(u64, Delta)> {
    match report {
        WorkerReport::Delta { sequence, delta } => Some((*sequence, Delta::clone(delta))),
        _ => None,
    }
}

fn requests(delta: &Delta) -> u64 {
    delta.requests.values().map(|request| request.requests).sum()
}

/// The first status that says so.
fn status(call: &FakeCall, is: impl Fn(&WorkerStatus) -> bool) -> Result<WorkerStatus> {
    call.report(|report| match report {
        WorkerReport::Status(status) if is(status) => Some(status.clone()),
        _ => None,
    })
}

/// Stops the run and acknowledges everything until the worker has said its last word; requests in these deltas.
fn end(call: &FakeCall) -> Result<u64> {
    call.direct(stop())?;
    let mut sum = 0;
    loop {
        let next = call.report(|report| match report {
            WorkerReport::Delta { sequence, delta } => Some(Some((*sequence, requests(delta)))),
            WorkerReport::Stopped => Some(None),
            _ => None,
        })?;
        let Some((sequence, requests)) = next else {
            return Ok(sum);
        };
        sum += requests;
        call.acknowledge(sequence)?;
    }
}

#[test]
fn a_master_of_another_version_is_said_and_not_tried_again() -> Result<()> {
    let master = FakeMaster::start(LOOK, "http://127.0.0.1:9")?;
    let why = "this master is Katydid 9.9 (protocol 9), the worker is older: use the same version for both";
    master.refuse(why);
    let worker = master.worker(&[])?;
    let refused = worker.wait(PATIENCE)?.expect_code(1)?;
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert_eq!(refused.stderr.matches(why).count(), 1, "{}", refused.stderr);
    Ok(())
}

#[test]
fn it_says_who_it_is_and_obeys_only_what_is_newer() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let master = FakeMaster::start(LOOK, target.url())?;
    let worker = master.worker(&[])?;
    let call = master.prepared(GRACE)?;
    assert_eq!(
        (call.hello.protocol, call.hello.name.as_str(), call.hello.threads),
        (PROTOCOL_VERSION, "real", 1)
    );
    assert_eq!(call.hello.running, None);
    assert_eq!(target.stats().total, 0, "nothing runs before the run does");

    call.direct(begin())?;
    call.direct(share(5, 6))?;
    let told = status(&call, |status| status.settled && status.epoch == 5)?;
    assert_eq!((told.users, told.retired), (vec![6], vec![0]));
    call.direct(share(4, 1))?;
    call.direct(share(5, 2))?;
    for _ in 0..3 {
        let told = status(&call, |_| true)?;
        assert_eq!((told.epoch, told.users), (5, vec![6]), "that was an old epoch");
    }
    call.direct(share(6, 2))?;
    let told = status(&call, |status| status.settled && status.epoch == 6)?;
    assert_eq!(told.users, [2]);

    // Nothing was acknowledged so far: what was measured is in the last delta, or in the one under way.
    call.direct(stop())?;
    let told = status(&call, |status| status.users == [0])?;
    assert_eq!(told.epoch, 6);
    let at_the_end = target.stats().total;
    ensure!(at_the_end > 100, "that is no load: {at_the_end}");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(target.stats().total, at_the_end, "no load after the stop");
    call.tell(MasterMessage::Goodbye)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_run_that_has_begun_is_not_prepared_anew() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let master = FakeMaster::start(LOOK, target.url())?;
    let worker = master.worker(&[])?;
    let call = master.prepared(GRACE)?;
    begin_with(&call, 4)?;
    status(&call, |status| status.settled && status.epoch == 1)?;
    // As a master may that was started again and knows nothing of the run's beginning.
    master.prepare(&call)?;
    let before = target.stats().total;
    let mut ready = 0;
    for _ in 0..3 {
        let told = call.until(|message| match message {
            WorkerMessage::Ready { .. } => {
                ready += 1;
                None
            }
            WorkerMessage::Report {
                report: WorkerReport::Status(status),
                ..
            } => Some(status.clone()),
            _ => None,
        })?;
        assert_eq!((told.epoch, told.users), (1, vec![4]), "its users go on");
    }
    assert_eq!(ready, 0);
    ensure!(target.stats().total > before, "there is no load any more");
    call.direct(stop())?;
    status(&call, |status| status.users == [0])?;
    call.tell(MasterMessage::Goodbye)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn what_was_not_acknowledged_comes_again_as_it_was() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let master = FakeMaster::start(LOOK, target.url())?;
    let worker = master.worker(&[])?;
    let call = master.prepared(GRACE)?;
    begin_with(&call, 4)?;
    let (sequence, first) = call.report(delta)?;
    assert_eq!(sequence, 1);
    // While one is under way there is no other, whatever is measured.
    let mut statuses = 0;
    call.report(|report| {
        assert!(delta(report).is_none(), "one at a time");
        statuses += usize::from(matches!(report, WorkerReport::Status(_)));
        (statuses == 3).then_some(())
    })?;
    drop(call);

    let call = master.call()?;
    let running = call.hello.running.clone();
    ensure!(
        running.as_ref().is_some_and(|running| &*running.run == "fake-run"
            && (running.epoch, running.sequence) == (1, 1)),
        "{running:?}"
    );
    call.welcome(GRACE)?;
    let again = call.report(delta)?;
    assert_eq!(again, (1, first.clone()), "sent again as it was");
    drop(call);

    let call = master.call()?;
    call.welcome(GRACE)?;
    assert_eq!(call.report(delta)?, (1, first.clone()), "and again");
    call.acknowledge(1)?;
    let (sequence, second) = call.report(delta)?;
    assert_eq!(sequence, 2, "what was measured meanwhile, in one");
    call.acknowledge(2)?;
    let rest = end(&call)?;
    call.tell(MasterMessage::Goodbye)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    let reported = requests(&first) + requests(&second) + rest;
    assert_eq!(reported, target.stats().total, "each request once");
    Ok(())
}

#[test]
fn without_its_master_it_goes_on_for_the_grace_and_says_what_is_lost() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let master = FakeMaster::start(LOOK, target.url())?;
    let worker = master.worker(&[])?;
    let call = master.prepared(Duration::from_secs(3))?;
    begin_with(&call, 4)?;
    status(&call, |status| status.settled)?;
    drop((call, master));
    let before = target.stats().total;
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(target.stats().total > before + 50, "the load goes on");
    let ended = worker.wait(PATIENCE)?.expect_code(1)?;
    let said = &ended.stderr;
    assert!(
        said.contains("was gone for") && said.contains("are not in any report"),
        "{said}"
    );
    let at_the_end = target.stats().total;
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(target.stats().total, at_the_end, "no load without a worker");
    Ok(())
}

/// Waits for what `pick` takes; one delta is under way at a time, and without an answer to it nothing follows.
fn meanwhile<T>(call: &FakeCall, pick: impl Fn(&WorkerMessage) -> Option<T>) -> Result<T> {
    loop {
        let said = call.until(|message| match message {
            WorkerMessage::Report {
                report: WorkerReport::Delta { sequence, .. },
                ..
            } => Some(Err(*sequence)),
            message => pick(message).map(Ok),
        })?;
        match said {
            Ok(picked) => return Ok(picked),
            Err(sequence) => call.acknowledge(sequence)?,
        }
    }
}

#[test]
fn a_burst_of_log_lines_does_not_swallow_the_wish_to_leave() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let line = "0123456789".repeat(190);
    let talkative = format!(
        r#"user("Talker", #{{ wait: constant(0.01) }}).task("talk", || {{ log("{line}"); http.get("/"); }});"#
    );
    let master = FakeMaster::start(&talkative, target.url())?;
    let mut worker = master.worker(&[])?;
    let call = master.prepared(GRACE)?;
    begin_with(&call, 4)?;
    meanwhile(&call, |message| match message {
        WorkerMessage::Report {
            report: WorkerReport::Status(status),
            ..
        } => status.settled.then_some(()),
        _ => None,
    })?;
    // Nothing goes through any more once there are 64 KiB on the way: a second's lines are more.
    call.listen(false);
    std::thread::sleep(Duration::from_secs(4));
    worker.signal(Signal::SIGTERM)?;
    std::thread::sleep(Duration::from_secs(1));
    call.listen(true);
    meanwhile(&call, |message| {
        matches!(message, WorkerMessage::Draining).then_some(())
    })?;
    end(&call)?;
    call.tell(MasterMessage::Leave)?;
    worker.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}
