//! Secrets are in Secrets Manager and nowhere else in template.yaml, and only the functions that need one may read it.

use crate::template::{functions, objects, template};
use crate::template_settings::read_by_function;
use harness::tools;
use proftest::config::is_secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The parameters of the secrets that the functions read.
fn secret_parameters() -> BTreeSet<String> {
    let functions = tools::functions().unwrap();
    let of = |binary: &String| {
        let read = read_by_function(binary).1.into_iter();
        let secret = read.filter(|variable| is_secret(variable));
        secret
            .map(|variable| secret_parameter(binary, &variable))
            .collect::<Vec<_>>()
    };
    functions.iter().flat_map(of).collect()
}

fn is_secret_resource(template: &Value, id: &str) -> bool {
    template["Resources"][id]["Type"] == "AWS::SecretsManager::Secret"
}

/// `RESEND_API_KEY` as `ResendApiKey`.
pub fn parameter(variable: &str) -> String {
    let words = variable.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect()
}

/// Of a function's variable. The functions have vendors' secrets in common; each has its own role in the database, so that the
/// address is each one's own: `IntakeDatabaseUrl`.
pub fn secret_parameter(binary: &str, variable: &str) -> String {
    let own = variable == "DATABASE_URL";
    parameter(&if own {
        format!("{}_{variable}", binary.to_uppercase())
    } else {
        variable.to_owned()
    })
}

/// `template_removal` compares what each function may read with the variables that it reads.
#[test]
fn every_variable_of_a_secret_refers_to_it_and_every_secret_is_referred_to() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let mut referred_to = BTreeSet::new();
    for (binary, (_, function)) in functions(&template) {
        let variables = function["Properties"]["Environment"]["Variables"].as_object();
        for (variable, value) in variables.into_iter().flatten() {
            let id = format!("{}Secret", secret_parameter(&binary, variable));
            if !is_secret_resource(&template, &id) {
                assert!(
                    !value.to_string().contains("secretsmanager:"),
                    "{binary}: {variable}"
                );
                continue;
            }
            let reference = json!({"Fn::Sub": format!("secretsmanager:${{{id}.Id}}")});
            let expected = match resources[&id].get("Condition") {
                Some(condition) => json!({"Fn::If": [condition, reference, ""]}),
                None => reference,
            };
            assert_eq!(*value, expected, "{binary}: {variable}");
            referred_to.insert(id);
        }
    }
    let made = resources.keys().filter(|id| is_secret_resource(&template, id));
    assert_eq!(made.cloned().collect::<BTreeSet<_>>(), referred_to);
}

#[test]
fn a_secret_parameter_goes_nowhere_but_into_its_secret() {
    let template = template();
    let parameters = template["Parameters"].as_object().unwrap();
    let hidden: BTreeSet<String> = parameters
        .iter()
        .filter(|(_, parameter)| parameter["NoEcho"] == true)
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(hidden, secret_parameters());
    assert!(hidden.len() >= 6, "{hidden:?}");
    for name in hidden.iter().map(String::as_str) {
        let id = format!("{name}Secret");
        let secret = &template["Resources"][&id];
        assert!(is_secret_resource(&template, &id), "{id}");
        assert_eq!(secret["Properties"]["SecretString"], json!({"Ref": name}));
        // The account's own key needs no right to KMS; another one would.
        assert_eq!(secret["Properties"].get("KmsKeyId"), None, "{id}");
        let condition = parameters[name].get("Default").map(|default| {
            assert_eq!(default, "", "{name}");
            format!("Has{name}")
        });
        assert_eq!(secret["Condition"].as_str(), condition.as_deref(), "{id}");
        if let Some(condition) = condition {
            let given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]});
            assert_eq!(template["Conditions"][condition], given);
        }
        let mut uses = 0;
        for section in ["Globals", "Resources", "Outputs"] {
            for (path, object) in objects(&template[section]) {
                let in_a_text = object.get("Fn::Sub").is_some_and(|text| {
                    let text = text.to_string();
                    text.contains(&format!("${{{name}}}"))
                });
                assert!(!in_a_text, "{section}{path}");
                uses += usize::from(object.get("Ref") == Some(&json!(name)));
            }
        }
        assert_eq!(uses, 1, "{name}");
    }
}
