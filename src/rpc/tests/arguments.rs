//! Names, counts and types of arguments, for every row.

use proptest::prelude::*;

use super::*;
use crate::process::Mood;

/// As `sim`, with every interface there is.
fn full() -> Sim {
    let mut sim = sim();
    sim.host.interfaces = vec![("twiddler".to_owned(), Vec::new())];
    sim
}

/// Something of that kind that names no process.
fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Str | Kind::Text | Kind::Chars => "nope".into(),
        Kind::NameOrNumber => "HUP".into(),
        Kind::Int => 0i64.into(),
        Kind::Bool => true.into(),
        Kind::Array => Vec::new().into(),
        Kind::Struct => Value::Struct(Vec::new()),
    }
}

fn samples(row: &Method) -> Vec<Value> {
    row.params.iter().map(|param| sample(param.kind)).collect()
}

#[test]
fn every_row_refuses_a_parameter_too_many_and_too_few() {
    for row in methods() {
        let mut many = samples(row);
        many.push(0i64.into());
        assert_eq!(text(full().call(row.name, many)), "INCORRECT_PARAMETERS", "{}", row.name);
        let needed = row.params.iter().filter(|param| param.default.is_none()).count();
        if needed > 0 {
            let few = samples(row)[..needed - 1].to_vec();
            assert_eq!(text(full().call(row.name, few)), "INCORRECT_PARAMETERS", "{}", row.name);
        }
    }
}

#[test]
fn every_row_refuses_a_list_where_a_scalar_belongs_and_the_other_way_round() {
    for row in methods() {
        for (index, param) in row.params.iter().enumerate().filter(|(_, p)| p.kind != Kind::Bool) {
            let mut wrong = samples(row);
            let nested = param.kind == Kind::Array;
            wrong[index] = if nested { 5i64.into() } else { Vec::new().into() };
            let mut sim = full();
            let done = sim.begin(row.name, wrong);
            let refused = Outcome::Fault(Code::IncorrectParameters.bare());
            assert_eq!(done, refused, "{} {}", row.name, param.name);
        }
    }
}

#[test]
fn every_row_that_takes_a_name_says_which_one_is_bad() {
    for row in methods().filter(|row| row.name != "system.methodHelp") {
        if row.name.starts_with("system.") || row.params.first().is_none_or(|p| p.name != "name") {
            continue;
        }
        let done = full().begin(row.name, samples(row));
        assert_eq!(done, Outcome::Fault(Code::BadName.of("nope")), "{}", row.name);
    }
}

#[test]
fn every_row_is_described_and_lists_defaults_last() {
    for row in methods() {
        let parts: Vec<&str> = row.name.split('.').collect();
        assert!(parts.len() == 2 && parts.iter().all(|part| !part.is_empty()), "{}", row.name);
        assert!(row.help.ends_with('.'), "{}", row.name);
        assert!(row.params.is_sorted_by_key(|param| param.default.is_some()), "{}", row.name);
        assert_eq!(methods().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        for param in row.params {
            let fits = match param.default {
                None => true,
                Some(Given::Bool(_)) => param.kind == Kind::Bool,
                Some(Given::Int(_)) => param.kind == Kind::Int,
                Some(Given::Str(_)) => matches!(param.kind, Kind::Str | Kind::NameOrNumber),
                Some(Given::Nothing) => param.kind == Kind::Array,
            };
            assert!(fits, "{} {}", row.name, param.name);
        }
    }
}

#[test]
fn what_is_no_method_is_unknown() {
    for name in ["", ".", "nope", "a.b.c", "supervisor.nope", "supervisor._update", "x.getState"] {
        assert_eq!(text(full().call(name, list([]))), "UNKNOWN_METHOD", "{name:?}");
    }
}

#[test]
fn parameters_may_come_by_name() {
    let named = |fields: &[(&'static str, &str)]| {
        Params::Named(fields.iter().map(|(k, v)| ((*k).into(), Value::from(*v))).collect())
    };
    let mut sim = full();
    let done = sim.call("supervisor.startProcess", named(&[("name", "web")]));
    assert_eq!(done, Ok(true.into()));
    assert_eq!(text(sim.call("supervisor.startProcess", named(&[]))), "INCORRECT_PARAMETERS");
    let done = sim.call("supervisor.startProcess", named(&[("name", "db"), ("when", "now")]));
    assert_eq!(text(done), "INCORRECT_PARAMETERS: when");
}

#[test]
fn clients_may_send_numbers_as_text_and_truth_as_numbers() {
    let mut sim = full();
    log(&mut sim, "web", b"0123456789");
    let mut read = |offset: Value, length: Value| {
        sim.call("supervisor.readProcessStdoutLog", list(["web".into(), offset, length]))
    };
    let bytes = |text: &str| Ok(Value::Bytes(text.into()));
    assert_eq!(read("2".into(), " 3 ".into()), bytes("234"));
    assert_eq!(read(true.into(), Value::Double(2.9)), bytes("12"));
    assert_eq!(text(read("x".into(), 1i64.into())), "INCORRECT_PARAMETERS");
    assert_eq!(text(read(Value::Double(f64::NAN), 1i64.into())), "INCORRECT_PARAMETERS");
    // Python makes text of what a remote event is given.
    for (data, told) in [(7.into(), "7"), (true.into(), "True"), (Value::Double(1.0), "1.0")] {
        sim.call("supervisor.sendRemoteCommEvent", list([5.into(), data])).unwrap();
        assert_eq!(sim.host.events.pop(), Some(("5".into(), told.into())));
    }
    // Nothing is waited for where `wait` is 0 or empty.
    for wait in [0i64.into(), "".into(), Value::Nil, false.into()] {
        let done = sim.begin("supervisor.startProcess", list(["web".into(), wait]));
        assert_eq!(done, Outcome::Done(true.into()));
        sim.call("supervisor.stopProcess", list(["web".into()])).unwrap();
    }
    let done = sim.begin("supervisor.startProcess", list(["web".into(), 1i64.into()]));
    assert!(matches!(done, Outcome::Wait(_)));
}

#[test]
fn a_daemon_that_stops_answers_nothing_but_system_calls_and_events() {
    for (end, mood) in [("shutdown", Mood::Shutdown), ("restart", Mood::Restarting)] {
        for row in methods() {
            let mut sim = full();
            let done = sim.call(&format!("supervisor.{end}"), list([]));
            assert_eq!((done, sim.set.mood()), (Ok(true.into()), mood));
            let refused =
                sim.begin(row.name, samples(row)) == Outcome::Fault(Code::ShutdownState.bare());
            let expected = (row.name.starts_with("supervisor.")
                && row.name != "supervisor.sendRemoteCommEvent")
                || matches!(row.name, "svx.update" | "svx.act")
                || row.name.starts_with("twiddler.");
            assert_eq!(refused, expected, "{}", row.name);
            let wrong = vec![Value::Nil; 9];
            assert_eq!(text(sim.call(row.name, wrong)), "INCORRECT_PARAMETERS");
        }
    }
}

#[test]
fn methods_are_listed_with_the_signatures_of_4_3_0() {
    let mut sim = sim();
    let names = sim.call("system.listMethods", list([])).unwrap();
    let Value::Array(names) = names else { panic!("{names:?}") };
    assert_eq!(names.len(), 41);
    let mut found = String::new();
    for name in &names {
        let signature = sim.call("system.methodSignature", list([name.clone()])).unwrap();
        let Value::Array(words) = signature else { panic!("{signature:?}") };
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        found += &format!("{} {}\n", name.as_str().unwrap(), words.join(" "));
        assert!(sim.call("system.methodHelp", list([name.clone()])).is_ok());
    }
    assert_eq!(found, include_str!("signatures.txt"));
    for method in ["system.methodHelp", "system.methodSignature"] {
        assert_eq!(text(sim.call(method, list(["x".into()]))), "SIGNATURE_UNSUPPORTED");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let names = ["web", "pair:*", "pair:a", "pair", "nope:*", "HUP", "0", "stdout", "params"];
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-9i64..9).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Double),
        any::<String>().prop_map(Value::Str),
        proptest::sample::select(names.to_vec()).prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((any_method(), inner), 0..3).prop_map(|calls| {
                let calls = calls.into_iter().map(|(name, params)| {
                    Value::fields([("methodName", name.into()), ("params", params)])
                });
                Value::Array(calls.collect())
            }),
        ]
    })
}

fn any_method() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(methods().map(|row| row.name).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_call_panics_and_every_wait_ends(
        calls in proptest::collection::vec(
            (any_method(), proptest::collection::vec(any_value(), 0..4)), 1..12),
    ) {
        let mut sim = full();
        log(&mut sim, "web", "0123456789øåæ".as_bytes());
        for (method, params) in calls {
            let outcome = sim.begin(method, params);
            if !matches!(outcome, Outcome::Stream(_)) {
                let _ = sim.finish(outcome);
            }
        }
    }
}
