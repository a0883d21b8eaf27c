//! Temporary measurement.
#![allow(clippy::print_stdout, reason = "tmp")]
use katydid_scenario_lang::*;
use std::rc::Rc;
use std::time::Duration;

#[derive(Debug)]
struct H {
    answer: Response,
}
impl Host for H {
    fn send(&self, _r: RequestSpec) -> Result<Response, Interrupt> {
        Ok(self.answer.clone())
    }
    fn sleep(&self, _: Duration) -> Result<(), Interrupt> {
        Ok(())
    }
    fn progress(&self, _: u64) -> Result<(), Interrupt> {
        Ok(())
    }
    fn me(&self) -> Me {
        Me {
            id: 1,
            class: "A".into(),
            worker: "w".into(),
            iteration: 0,
        }
    }
    fn check(&self, _: &ImmutableString, _: bool) {}
    fn fail(&self, _: SampleRef, _: &str) -> Result<(), VerdictError> {
        Ok(())
    }
    fn pass(&self, _: SampleRef) -> Result<(), VerdictError> {
        Ok(())
    }
    fn begin_group(&self, _: &ImmutableString) {}
    fn end_group(&self, _: bool) {}
    fn log(&self, _: LogLevel, _: &str) {}
    fn next_row(&self, _: &str, _: usize) -> usize {
        0
    }
    fn random(&self) -> u64 {
        0
    }
    fn now_us(&self) -> i64 {
        0
    }
}
fn main() {
    let answer = Response {
        status: 200,
        headers: http::HeaderMap::new(),
        body: ResponseBody::default(),
        url: None,
        error: None,
        timings: Timings::default(),
        sample: SampleRef {
            serial: 1,
            request: 1,
            response_us: 1,
            failed: false,
        },
    };
    let bodies = [
        "",
        "http.get(\"/\");",
        "http.get(\"/\", #{ name: \"/x\" });",
        "http.get(`/p/${me.id}`, #{ name: \"/x\" });",
        "let r = http.get(\"/\"); check(r, \"ok\", r.status == 200);",
        "group(\"g\", || http.get(\"/\"));",
        "http.get(\"/\", #{ name: \"/x\", headers: #{ accept: \"a\" }, json: #{ a: this.n } });",
        "let p = random_int(1, 1000); http.get(`/c/${p}`, #{ name: \"/c\" });",
    ];
    let mut text = String::from("user(\"A\")");
    for (i, b) in bodies.iter().enumerate() {
        text += &format!(".task(\"t{i}\", || {{ {b} }})");
    }
    text += ";";
    let program = Program::new(
        vec![SourceFile {
            name: "a".into(),
            text,
            folder: ".".into(),
        }],
        LoadSettings::default(),
    );
    let t0 = tokio_less_now();
    let scenario = program.load(Rc::new(H { answer })).unwrap();
    println!("load: {:?}", tokio_less_now() - t0);
    let mut state = UserState::default();
    for (i, b) in bodies.iter().enumerate() {
        let n = 300_000;
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let t0 = tokio_less_now();
            for _ in 0..n {
                let _ = scenario.call(FunctionId(i as u32), &mut state);
            }
            best = best.min(tokio_less_now() - t0);
        }
        println!("{:>6.0} ns  {b}", best.as_nanos() as f64 / f64::from(n));
    }
}
fn tokio_less_now() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
}
