//! The corpus of hits: nobody is lost, and few machines pass for people.
// The clippy settings that allow these in tests do not reach helpers outside `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::panic)]

use proftest::domain::hit::{Headers, Hit, Rule, Verdict, judge};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Of a hundred.
const UNSURE_PEOPLE_MAX: usize = 1;
const HUMAN_MACHINES_MAX: usize = 3;

fn corpus() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("user_agents/corpus.json")).unwrap();
    file["hits"].as_array().unwrap().clone()
}

/// What a hit sends besides its user agent.
fn headers(entry: &Value) -> Headers {
    let language = json!({"accept-language": "ru-KZ,ru;q=0.9,kk;q=0.8,en;q=0.7"});
    let navigation = json!({
        "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "accept-language": "ru-KZ,ru;q=0.9",
        "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-user": "?1", "sec-fetch-dest": "document",
    });
    let mut sent: Map<String, Value> = match entry["sends"].as_str().unwrap() {
        "navigation" => navigation.as_object().unwrap().clone(),
        "language" => language.as_object().unwrap().clone(),
        "nothing" => Map::new(),
        other => panic!("{other}"),
    };
    sent.extend(entry["headers"].as_object().cloned().unwrap_or_default());
    Headers::from_json(&Value::Object(sent))
}

fn judged(entry: &Value) -> Rule {
    judge(&Hit {
        method: entry["method"].as_str().unwrap_or("GET"),
        user_agent: entry["ua"].as_str(),
        headers: &headers(entry),
        address: entry["address"].as_str().map(|text| text.parse().unwrap()),
    })
}

/// The entries of one kind, with their verdicts.
fn of(who: &str) -> Vec<(Value, Verdict)> {
    let entries = corpus().into_iter().filter(|entry| entry["who"] == who);
    entries
        .map(|entry| {
            let verdict = judged(&entry).verdict();
            (entry, verdict)
        })
        .collect()
}

fn with(entries: &[(Value, Verdict)], verdict: Verdict) -> Vec<&Value> {
    let found = entries.iter().filter(|(_, is)| *is == verdict);
    found.map(|(entry, _)| entry).collect()
}

#[test]
fn no_person_is_called_a_bot_and_at_most_one_of_a_hundred_is_unsure() {
    let people = of("person");
    let (bots, unsure) = (with(&people, Verdict::Bot), with(&people, Verdict::Unsure));
    println!(
        "{} people: {} bots, {} unsure",
        people.len(),
        bots.len(),
        unsure.len()
    );
    assert!(bots.is_empty(), "{bots:#?}");
    assert!(
        unsure.len() * 100 <= people.len() * UNSURE_PEOPLE_MAX,
        "{unsure:#?}"
    );
    assert!(people.len() >= 75, "{}", people.len());
}

#[test]
fn at_most_three_machines_of_a_hundred_pass_for_people() {
    let machines = of("machine");
    let humans = with(&machines, Verdict::Human);
    println!(
        "{} machines: {} human, {} unsure",
        machines.len(),
        humans.len(),
        with(&machines, Verdict::Unsure).len()
    );
    assert!(
        humans.len() * 100 <= machines.len() * HUMAN_MACHINES_MAX,
        "{humans:#?}"
    );
    assert!(machines.len() >= 75, "{}", machines.len());
}

#[test]
fn a_program_that_may_act_for_a_person_is_neither() {
    for (entry, verdict) in of("program") {
        assert_eq!(verdict, Verdict::Unsure, "{entry}");
    }
}

#[test]
fn every_hit_of_the_corpus_is_decided_by_the_rule_that_it_names() {
    let mut wrong = Vec::new();
    let mut seen = HashSet::new();
    for entry in corpus() {
        let (rule, expected) = (judged(&entry), entry["rule"].as_str().unwrap());
        assert!(Rule::parse(expected).is_some(), "{entry}");
        if rule.as_str() != expected {
            wrong.push(format!("{}: {entry}", rule.as_str()));
        }
        let key = ["ua", "method", "sends", "headers", "address"].map(|name| entry[name].to_string());
        assert!(seen.insert(key), "twice: {entry}");
        assert!(!entry["from"].as_str().unwrap().is_empty(), "{entry}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.len() >= 150, "{}", seen.len());
    // The database alone knows the others.
    let named: HashSet<_> = corpus()
        .iter()
        .map(|entry| entry["rule"].as_str().unwrap().to_owned())
        .collect();
    for rule in Rule::ALL
        .into_iter()
        .filter(|rule| ![Rule::TooSoon, Rule::BeforeSent].contains(rule))
    {
        assert!(named.contains(rule.as_str()), "{} has no example", rule.as_str());
    }
}

/// A person's hit stays one in whatever case a proxy writes the name, and with spaces around it.
#[test]
fn case_and_spaces_change_no_verdict() {
    for entry in corpus() {
        let rule = judged(&entry);
        for change in [str::to_lowercase, str::to_uppercase, |ua: &str| {
            format!("  {ua} ")
        }] {
            let mut other = entry.clone();
            other["ua"] = change(entry["ua"].as_str().unwrap()).into();
            assert_eq!(judged(&other), rule, "{entry}");
        }
    }
}
