//! Every example scenario loads, and its tasks run against a host that answers politely.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::path::Path;
use std::rc::Rc;

use katydid_scenario_lang::*;
use support::*;

#[test]
fn every_example_loads_and_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rhai") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut settings = LoadSettings::default();
        for (n, variable) in ["HOST1", "HOST2", "HOST3"].iter().enumerate() {
            settings
                .environment
                .insert((*variable).into(), format!("http://127.0.0.1:{}", 8001 + n));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let file = SourceFile {
            name: name.clone(),
            text,
            folder: folder.clone(),
        };
        let host = Rc::new(FakeHost::default());
        let scenario = match Program::new(vec![file], settings).load(host.clone()) {
            Ok(scenario) => scenario,
            Err(diagnostics) => panic!("{diagnostics}"),
        };
        for class in &scenario.declarations().classes {
            let mut state = UserState::default();
            let tasks = class.tasks.iter().flat_map(|task| task.steps.iter());
            for function in class.on_start.iter().chain(tasks).chain(class.on_stop.iter()) {
                host.answers.borrow_mut().clear();
                host.answer(response(200, "{\"id\": 1, \"visits\": 1, \"token\": \"x\"}"));
                let end = scenario.call(*function, &mut state);
                assert!(matches!(end, CallEnd::Completed), "{name}: {end:?}");
            }
        }
        assert!(!host.requests.borrow().is_empty(), "{name}");
    }
    assert_eq!(seen, 11);
}
