//! Stages with real runs on the worker of this process; their users only wait.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stage::{EditRequest, Obstacle, Refusal, StartField};
use katydid_protocol::stats::RunState;
use katydid_scenario_lang::{LoadSettings, SourceFile};
use katydid_web_ui::{Answer, Unsaved};
use tokio::sync::{RwLockReadGuard, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::session::crew::Crew;
use crate::settings::{OnSigterm, ReportSettings, Screen};
use crate::signal::SIGNALS;

const PATIENCE: Duration = Duration::from_secs(60);
const IDLE: &str = r#"
host("http://own.example");
user("Visitor").task("wait", || { sleep(0.05); });
param("color", "red");
"#;
/// Users who let everybody wait at the end.
const SLOW: &str = r#"user("Sleeper", #{ host: "http://own.example" }).task("sleep", || { sleep(30.0); });"#;

/// A stage, its audience, and quiet around it.
struct Theatre {
    wishes: mpsc::Sender<Wish>,
    pictures: watch::Receiver<Arc<Picture>>,
    conducting: JoinHandle<Result<Exit, CommandError>>,
    _quiet: RwLockReadGuard<'static, ()>,
}

impl Theatre {
    async fn open(scenario: &str) -> Self {
        let mut theatre = Self::open_with(scenario, None, None, false).await;
        theatre.wait(|picture| picture.workers == 1).await;
        theatre
    }

    async fn open_with(
        scenario: &str,
        host: Option<&str>,
        autoquit: Option<Duration>,
        autostart: bool,
    ) -> Self {
        let quiet = SIGNALS.read().await;
        let file = SourceFile {
            name: "test.rhai".to_owned(),
            text: scenario.to_owned(),
            folder: PathBuf::from("."),
        };
        let settings = LoadSettings {
            host: host.map(str::to_owned),
            ..LoadSettings::default()
        };
        let program = Program::new(vec![file], settings);
        let declarations = program.check().unwrap();
        let assets = Assets::default();
        let crew = Crew::local(NonZeroUsize::new(1), None, assets.clone()).unwrap();
        let (arrivals, expectations, door) = crew.part();
        let setting = Setting {
            session: Session {
                program: program.clone(),
                declarations: declarations.clone(),
                plan: LoadPlan {
                    users: 1,
                    spawn_rate: 100.0,
                    run_time: None,
                    stop_timeout: Duration::from_secs(2),
                    arrivals: None,
                },
                reset_stats: false,
                threads: None,
                screen: Screen::Quiet,
                reports: ReportSettings::default(),
                thresholds: Vec::new(),
                exit_code_on_error: 1,
                metrics: None,
                summary: Arc::default(),
            },
            everything: (program, declarations),
            assets,
            expectations,
            door,
            is_distributed: false,
            on_sigterm: OnSigterm::End,
            autoquit,
            terminal: Arc::new(Terminal::unread()),
        };
        let stage = Stage::new(setting, Lobby::new(arrivals, None));
        let pictures = stage.pictures();
        let (wishes, wished) = mpsc::channel(16);
        let interrupts = Interrupts::listen().unwrap();
        Self {
            wishes,
            pictures,
            conducting: tokio::spawn(stage.conduct(wished, interrupts, autostart)),
            _quiet: quiet,
        }
    }

    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> T {
        let (answer, answered) = oneshot::channel();
        self.wishes.send(wish(answer)).await.unwrap();
        timeout(PATIENCE, answered)
            .await
            .expect("in time")
            .expect("an answer")
    }

    async fn start(&self, request: StartRequest) -> Answer {
        self.ask(|answer| Wish::Start(Box::new(request), answer)).await
    }

    async fn edit(&self, users: u32) -> Answer {
        let request = EditRequest {
            users,
            spawn_rate: 100.0,
        };
        self.ask(|answer| Wish::Edit(request, answer)).await
    }

    async fn swarm(&self, users: u32, host: Option<&str>) -> Answer {
        let request = StartRequest {
            users: Some(users),
            host: host.map(|host| Some(host.to_owned())),
            ..StartRequest::default()
        };
        self.ask(|answer| Wish::Swarm(Box::new(request), answer)).await
    }

    async fn stop(&self) {
        self.wishes.send(Wish::Stop).await.unwrap();
    }

    async fn wait(&mut self, fits: impl Fn(&Picture) -> bool) -> Arc<Picture> {
        let picture = timeout(PATIENCE, self.pictures.wait_for(|picture| fits(picture))).await;
        Arc::clone(&picture.expect("in time").expect("a stage"))
    }

    async fn runs(&mut self, users: u32) -> Arc<Picture> {
        self.wait(|picture| picture.state() == RunState::Running && picture.snapshot.users == users)
            .await
    }

    async fn exit(self) -> Exit {
        timeout(PATIENCE, self.conducting)
            .await
            .expect("in time")
            .unwrap()
            .unwrap()
    }
}

fn for_now(answer: Answer) -> String {
    let Refusal {
        obstacle, message, ..
    } = answer.expect_err("a refusal");
    assert_eq!(obstacle, Obstacle::Moment, "{message}");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_nobody_waits_for_any_more_is_passed_over() {
    let mut theatre = Theatre::open(IDLE).await;
    let (answer, answered) = oneshot::channel();
    drop(answered);
    let wish = Wish::Start(Box::default(), answer);
    theatre.wishes.send(wish).await.unwrap();
    let said = for_now(theatre.edit(2).await);
    assert!(said.contains("no test is running"), "{said}");
    // One that is waited for is granted.
    theatre.start(StartRequest::default()).await.unwrap();
    theatre.runs(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_is_told_and_changes_nothing() {
    let mut theatre = Theatre::open(IDLE).await;
    let first = theatre.start(StartRequest::default()).await.unwrap();
    assert!(!first.id.is_empty() && first.is_new, "{first:?}");
    let picture = Arc::clone(&theatre.pictures.borrow());
    assert!(picture.is_live(), "who is answered sees it");
    assert_eq!(picture.run, first.id);
    let another = StartRequest {
        users: Some(7),
        host: Some(Some("http://other.example".to_owned())),
        ..StartRequest::default()
    };
    for _ in 0..2 {
        let said = for_now(theatre.start(another.clone()).await);
        assert!(said.contains("already"), "{said}");
        let picture = theatre.runs(1).await;
        assert_eq!((&picture.run, &picture.snapshot.info.id), (&first.id, &first.id));
        assert_eq!(picture.preset_host(), Some("http://own.example"));
    }
    let saved = theatre.ask(|answer| Wish::Save(IDLE.to_owned(), answer)).await;
    assert!(matches!(saved, Err(Unsaved::Refused(_))), "{saved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn locusts_call_starts_a_run_and_edits_it_with_the_host_it_has() {
    let mut theatre = Theatre::open(IDLE).await;
    let started = theatre.swarm(1, None).await.unwrap();
    assert_eq!(
        (started.is_new, started.host.as_deref()),
        (true, Some("http://own.example"))
    );
    theatre.runs(1).await;
    for (users, host) in [(2, None), (3, Some("http://own.example/"))] {
        let edited = theatre.swarm(users, host).await.unwrap();
        assert_eq!((edited.is_new, edited.host), (false, started.host.clone()));
        theatre.runs(users).await;
    }
    let refusal = theatre.swarm(9, Some("http://other.example")).await.unwrap_err();
    assert_eq!(refusal.field, Some(StartField::Host));
    assert!(
        refusal.message.contains("http://own.example"),
        "{}",
        refusal.message
    );
    theatre.stop().await;
    let picture = theatre.wait(|picture| picture.state() == RunState::Stopped).await;
    assert_eq!(
        picture.preset.users,
        Some(3),
        "the refused edit left nothing behind"
    );
    let other = theatre.swarm(1, Some("http://other.example")).await.unwrap();
    assert_eq!(
        (other.is_new, other.host.as_deref()),
        (true, Some("http://other.example"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_run_ends_nothing_is_started_or_changed() {
    let mut theatre = Theatre::open(SLOW).await;
    theatre.start(StartRequest::default()).await.unwrap();
    theatre.runs(1).await;
    theatre.stop().await;
    for answer in [
        theatre.start(StartRequest::default()).await,
        theatre.edit(5).await,
        theatre.swarm(5, None).await,
        theatre.swarm(5, Some("http://other.example")).await,
    ] {
        let said = for_now(answer);
        assert!(said.contains("still ending"), "{said}");
    }
    let picture = theatre.wait(|picture| picture.state() == RunState::Stopped).await;
    assert_eq!(
        picture.preset.users,
        Some(1),
        "what was refused is not what is meant next time"
    );
    theatre.start(StartRequest::default()).await.unwrap();
    theatre.runs(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_while_the_hook_runs_is_what_the_run_begins_with() {
    let scenario = format!("on_test_start(|| {{ sleep(1.0); }});{IDLE}");
    let mut theatre = Theatre::open(&scenario).await;
    let started = theatre.start(StartRequest::default()).await.unwrap();
    let edited = theatre.edit(4).await.unwrap();
    assert_eq!((&edited.id, edited.is_new), (&started.id, false));
    let picture = theatre.runs(4).await;
    assert_eq!((picture.snapshot.target_users, &picture.run), (4, &started.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_hook_ends_before_another_begins() {
    let scenario = format!("on_test_start(|| {{ sleep(2.0); }});{IDLE}");
    let mut theatre = Theatre::open(&scenario).await;
    theatre.start(StartRequest::default()).await.unwrap();
    theatre.stop().await;
    theatre.wait(|picture| !picture.is_live()).await;
    let said = for_now(theatre.start(StartRequest::default()).await);
    assert!(said.contains("on_test_start"), "{said}");
    let mut answer = theatre.start(StartRequest::default()).await;
    for _ in 0..300 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = theatre.start(StartRequest::default()).await;
    }
    answer.expect("the hook has ended");
    theatre.runs(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_to_end_by_itself_does_so_though_no_run_came_of_it() {
    let at_once = Some(Duration::ZERO);
    let scenario = format!("on_test_start(|| {{ throw \"no database\"; }});{IDLE}");
    let theatre = Theatre::open_with(&scenario, None, at_once, true).await;
    assert_eq!(theatre.exit().await, Exit::Failed(1));

    let scenario = format!("on_test_start(|| {{ sleep(3.0); }});{IDLE}");
    let mut theatre = Theatre::open_with(&scenario, None, at_once, true).await;
    theatre.wait(Picture::is_live).await;
    theatre.stop().await;
    assert_eq!(theatre.exit().await, Exit::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_taken_away_is_the_scenarios_own_again() {
    let mut theatre = Theatre::open_with(IDLE, Some("http://given.example"), None, false).await;
    let picture = theatre.wait(|picture| picture.workers == 1).await;
    assert_eq!(picture.preset_host(), Some("http://given.example"));
    for (host, wanted) in [
        (None, "http://given.example"),
        (
            Some(Some("http://typed.example".to_owned())),
            "http://typed.example",
        ),
        (None, "http://typed.example"),
        (Some(None), "http://own.example"),
        (None, "http://own.example"),
    ] {
        let request = StartRequest {
            host,
            ..StartRequest::default()
        };
        let granted = theatre.start(request).await.unwrap();
        assert_eq!(granted.host.as_deref(), Some(wanted));
        let picture = theatre.runs(1).await;
        assert_eq!(picture.snapshot.info.host.as_deref(), Some(wanted));
        assert_eq!(picture.preset_host(), Some(wanted));
        theatre.stop().await;
        theatre.wait(|picture| picture.state() == RunState::Stopped).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_there_while_a_run_is_put_away() {
    let scenario = format!("on_test_stop(|| {{ sleep(1.0); }});{IDLE}");
    let mut theatre = Theatre::open(&scenario).await;
    theatre.start(StartRequest::default()).await.unwrap();
    theatre.runs(1).await;
    theatre.stop().await;
    let picture = theatre.wait(|picture| picture.state() == RunState::Stopped).await;
    assert_eq!(picture.workers, 1);
}
