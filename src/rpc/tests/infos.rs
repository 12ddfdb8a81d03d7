//! What is kept of infos reads as what is made anew, whatever has happened.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::model::{LogTarget, Program};
use crate::process::simulation::{group, program};
use crate::process::{ProcessId, State};
use crate::proto::xmlrpc;

const NAMES: [&str; 4] = ["odd:a<b>&\"c\"", "odd:ü\u{7f}\r", "web", "nospawn"];

#[derive(Clone, Debug)]
enum Step {
    Start(&'static str),
    Stop(&'static str),
    Signal(&'static str),
    Die(&'static str, i32),
    /// Seconds.
    Pass(u64),
    /// Somebody sets the clock, to seconds since 1970.
    SetClock(i64),
    Log(&'static str, Option<u8>),
    /// The group goes, or comes back.
    Group(&'static str),
    Deaf(bool),
    Forbidden(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let name = prop::sample::select(&NAMES[..]);
    let secs = prop_oneof![0..5u64, 0..200_000u64];
    prop_oneof![
        4 => name.clone().prop_map(Step::Start),
        2 => name.clone().prop_map(Step::Stop),
        1 => name.clone().prop_map(Step::Signal),
        3 => (name.clone(), 0..3).prop_map(|(name, code)| Step::Die(name, code)),
        4 => secs.prop_map(Step::Pass),
        1 => (-10..5_000_000_000i64).prop_map(Step::SetClock),
        2 => (name, prop::option::of(0..3u8)).prop_map(|(name, log)| Step::Log(name, log)),
        1 => prop::sample::select(&["odd", "web"][..]).prop_map(Step::Group),
        1 => any::<bool>().prop_map(Step::Deaf),
        1 => any::<bool>().prop_map(Step::Forbidden),
    ]
}

fn world() -> Sim {
    let make = |name, group, target| {
        let mut made = Program { autostart: false, ..program(name, group) };
        made.stdout.logfile.target = target;
        made.stderr.logfile.target = LogTarget::Auto;
        made
    };
    let odd = NAMES[..2].iter().map(|name| make(&name[4..], "odd", LogTarget::Auto));
    let groups = vec![
        group("web", 1, vec![make("web", "web", LogTarget::File("/a&b".into()))]),
        group("odd", 2, odd.collect()),
        group(
            "nospawn",
            3,
            vec![Program {
                command: "nospawn".into(),
                ..make("nospawn", "nospawn", LogTarget::Stdout)
            }],
        ),
    ];
    Sim::new(groups)
}

fn take(sim: &mut Sim, step: Step) {
    let known = |sim: &Sim, name: &str| sim.set.find(crate::process::Namespec::parse(name));
    match step {
        Step::Start(name) => drop(sim.begin("supervisor.startProcess", list([name.into()]))),
        Step::Stop(name) => drop(sim.begin("supervisor.stopProcess", list([name.into()]))),
        Step::Signal(name) => {
            drop(sim.begin("supervisor.signalProcess", list([name.into(), "HUP".into()])));
        }
        Step::Die(name, code) => {
            let alive = |id: ProcessId| sim.set.get(id).is_some_and(|p| p.pid != 0);
            if known(sim, name).is_some_and(alive) {
                sim.die(name, code);
            }
        }
        Step::Pass(secs) => sim.pass(Duration::from_secs(secs)),
        Step::SetClock(secs) => sim.now.wall = crate::base::clock::Wall::from_secs(secs),
        Step::Log(name, log) => {
            let Some(id) = known(sim, name) else { return };
            let key = (id, Channel::Stderr);
            match log {
                Some(log) => drop(sim.host.logs.insert(key, format!("/log&{log}").into())),
                None => drop(sim.host.logs.remove(&key)),
            }
        }
        Step::Group(name) => {
            let removed = sim.begin("supervisor.removeProcessGroup", list([name.into()]));
            if removed != Outcome::Done(true.into()) {
                drop(sim.begin("supervisor.addProcessGroup", list([name.into()])));
            }
        }
        Step::Deaf(deaf) => sim.deaf = deaf,
        Step::Forbidden(forbidden) => sim.forbidden = forbidden,
    }
}

fn check(sim: &mut Sim, written: &mut Written) {
    let ids = sim.set.sorted().to_vec();
    for infos in ids.into_iter().map(Infos::One).chain([Infos::All]) {
        let ctx = sim.ctx();
        let (mut kept, mut fresh) = (Vec::new(), Vec::new());
        xmlrpc::encode_response_by(&mut kept, |out| written.write(&ctx, infos, Form::Xml, out));
        xmlrpc::encode_response(&mut fresh, &infos.value(&ctx));
        assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(&fresh));
        (kept, fresh) = (Vec::new(), Vec::new());
        written.write(&ctx, infos, Form::Json, &mut kept);
        json::encode(&mut fresh, &infos.value(&ctx));
        assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(&fresh));
    }
}

proptest! {
    #[test]
    fn infos_that_were_kept_read_as_those_made_anew(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut sim = world();
        let mut written = Written::default();
        for step in steps {
            take(&mut sim, step);
            check(&mut sim, &mut written);
        }
    }
}

#[test]
fn only_the_clock_of_an_unchanged_process_moves() {
    let mut sim = world();
    sim.call("supervisor.startProcess", list(["web".into()])).unwrap();
    let mut written = Written::default();
    let mut read = |sim: &mut Sim| {
        let infos = Infos::One(sim.id("web"));
        let mut out = Vec::new();
        written.write(&sim.ctx(), infos, Form::Json, &mut out);
        String::from_utf8(out).unwrap()
    };
    let (before, time) = (read(&mut sim), sim.now.wall.secs());
    assert!(before.contains("uptime 0:00:01"), "{before}");
    sim.now.mono = sim.now.mono + Duration::from_secs(864_000);
    sim.now.wall.0 += 1_000_000_000;
    let after = before
        .replace(&format!("\"now\":{time}"), &format!("\"now\":{}", time + 1))
        .replace("0:00:01", "10 days, 0:00:01");
    assert_eq!(read(&mut sim), after);
    assert_eq!(sim.set.get(sim.id("web")).map(|p| p.state), Some(State::Running));
}
