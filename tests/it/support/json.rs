//! Places in a JSON value.

use serde_json::Value;

/// JSON pointers to every node below the root.
pub fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            let name = |name: &String| name.replace('~', "~0").replace('/', "~1");
            fields.iter().map(|(key, child)| (name(key), child)).collect()
        }
        Value::Array(items) => (0..).map(|at: usize| at.to_string()).zip(items).collect(),
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(name, child)| {
        let own = format!("/{name}");
        let deeper = pointers(child).into_iter().map(|below| format!("/{name}{below}"));
        std::iter::once(own).chain(deeper).collect::<Vec<_>>()
    });
    below.collect()
}
