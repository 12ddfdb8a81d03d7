//! What contrib has for Prometheus and Grafana asks for metrics that `/metrics` has.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::web::{self, Web};
use common::*;
use serde_json::Value;

/// The labels of each metric, by its name; those that Prometheus adds are with them.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let daemon = Setup::new()
        .program("web", "sleep 1000", "startsecs=0")
        .shell("bad", "exit 3", "startretries=0")
        .section("[eventlistener:deaf]\ncommand=sleep 1000\nevents=REMOTE_COMMUNICATION")
        .start();
    daemon.wait_state("web", "RUNNING");
    daemon.wait_state("bad", "FATAL");
    let body = Web::unix(&daemon.path("s")).ask(web::get("/metrics", "")).body;
    let mut all = BTreeMap::from([("up".to_owned(), BTreeSet::new())]);
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.into()));
        all.entry(name.into()).or_default().extend(labels);
    }
    for labels in all.values_mut() {
        labels.extend(["instance", "job"].map(String::from));
    }
    all
}

/// The words of an expression outside of quotes.
fn words(expr: &str) -> impl Iterator<Item = &str> {
    let plain = expr.split('"').step_by(2);
    plain.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
}

/// The labels that are there in what an expression comes to, by the metrics in it. Fails if it
/// asks for one that there is not, or for none.
#[track_caller]
fn labels(all: &BTreeMap<String, BTreeSet<String>>, expr: &str) -> BTreeSet<String> {
    let ours = |word: &&str| {
        ["svx_", "process_", "node_"].iter().any(|prefix| word.starts_with(prefix)) || *word == "up"
    };
    let mut found = BTreeSet::new();
    for word in words(expr).filter(ours) {
        let labels = all.get(word).unwrap_or_else(|| panic!("there is no {word}: {expr}"));
        found.extend(labels.iter().cloned());
    }
    assert!(!found.is_empty(), "no metric in {expr}");
    for matcher in
        expr.split(['{', ',']).filter(|part| part.contains("=\"") || part.contains("=~\""))
    {
        let label = matcher.trim().split(['=', '~']).next().unwrap();
        assert!(found.contains(label), "no label {label}: {expr}");
    }
    found
}

fn contrib(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name))
}

#[test]
fn alerts_watch_metrics_and_name_labels_that_there_are() {
    let all = metrics();
    let text = contrib("prometheus/alerts.yml");
    let mut alerts = 0;
    for alert in text.split("- alert: ").skip(1) {
        let expr = alert.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap();
        let labels = labels(&all, expr);
        for used in alert.split("$labels.").skip(1) {
            let label = used.split([' ', '}']).next().unwrap();
            assert!(labels.contains(label), "no label {label}: {alert}");
        }
        alerts += 1;
    }
    assert!(alerts >= 5, "{alerts}");
}

#[test]
fn every_panel_has_a_title_a_unit_and_queries_of_metrics_that_there_are() {
    let all = metrics();
    let board: Value = serde_json::from_str(&contrib("grafana/svx.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert!(panels.len() >= 5);
    let mut places = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty());
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
        assert!(unit.is_some_and(|unit| !unit.is_empty()), "{title} has no unit");
        let queries = panel["targets"].as_array().unwrap();
        assert!(!queries.is_empty(), "{title} asks for nothing");
        for query in queries {
            labels(&all, query["expr"].as_str().unwrap());
        }
        assert!(places.insert(panel["gridPos"].to_string()), "{title} lies on another");
    }
    let variables = board["templating"]["list"].as_array().unwrap();
    let asked = variables.iter().filter(|variable| variable["type"] == "query");
    for variable in asked {
        labels(&all, variable["query"].as_str().unwrap());
    }
}
