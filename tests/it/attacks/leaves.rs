//! Every single value of a plan is altered, or left out, and the plan hashed anew and approved: it is refused before the
//! first write, or the value is one of those that `docs/plan-file.md` says nobody can check.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::company::every_step;
use crate::world::{Pace, World};

/// The values that nothing but the sources can prove, or that nobody relies on, as JSON Pointers; `*` is any step.
const FREE: [&str; 15] = [
    // What is shown for information, and decides nothing.
    "/generator",
    "/diagnostics/*/code",
    "/diagnostics/*/employee",
    "/diagnostics/*/message",
    "/guards/*/parts/*/count",
    "/guards/*/parts/*/id",
    "/guards/*/parts/*/name",
    // More than the operations show: `--only` leaves some of them out.
    "/guards/*/count",
    "/guards/*/of",
    // What only the sources, or the whole account as it was, can prove.
    "/sources/*/records",
    "/sources/*/fingerprint",
    "/target/fingerprint",
    // One of many: some may have left since.
    "/target/anchors/*/*",
    // What the plan is about: it is shown, and what is shown is written.
    "/operations/*/after/*",
    "/operations/*/changes/*/after",
];

/// Of each list of digests so many are tried; they are all alike.
const ALIKE: usize = 2;

/// The JSON Pointers of everything in a document that holds nothing else.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(value, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            let are_alike = elements.iter().all(|element| element.as_str().is_some_and(is_digest));
            let tried = if are_alike { ALIKE } else { elements.len() };
            for (index, value) in elements.iter().enumerate().take(tried) {
                leaves(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push(pointer.to_owned()),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() >= 32 && text.trim_start_matches("sha256:").bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Another value of the same kind.
fn altered(value: &Value) -> Value {
    match value {
        Value::Null => json!("x"),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_u64().expect("a whole number") + 1),
        Value::String(text) if is_digest(text) => {
            let last = if text.ends_with('0') { "1" } else { "0" };
            json!(format!("{}{last}", &text[..text.len() - 1]))
        }
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(_) => json!(["x"]),
        Value::Object(_) => json!({"x": "x"}),
    }
}

fn leave_out(document: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a step");
    match document.pointer_mut(parent).expect("there") {
        Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Value::Array(elements) => drop(elements.remove(name.parse().expect("a number"))),
        _ => panic!("{pointer} is in nothing"),
    }
}

/// The document with the hash that fits it.
fn sealed(mut document: Value) -> String {
    document.as_object_mut().expect("an object").remove("plan_hash");
    let canonical = serde_json_canonicalizer::to_vec(&document).expect("JSON");
    let hash: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
    document["plan_hash"] = json!(format!("sha256:{hash}"));
    document.to_string()
}

/// Whether a pointer is one of those that are free.
fn is_free(pointer: &str) -> bool {
    FREE.iter().any(|free| {
        let (free, steps): (Vec<_>, Vec<_>) = (free.split('/').collect(), pointer.split('/').collect());
        free.len() == steps.len() && free.iter().zip(steps).all(|(free, step)| *free == "*" || *free == step)
    })
}

/// A company of which a plan is made.
struct Stage {
    world: World,
    plan: Value,
}

impl Stage {
    async fn new() -> Self {
        let world = World::faulty(&every_step(), Pace::default(), &[]).await;
        world.plan("plan.json").await;
        let plan = serde_json::from_slice(&std::fs::read(world.path("plan.json")).expect("a plan")).expect("JSON");
        Self { world, plan }
    }

    /// Whether such a plan is refused before the first write.
    async fn refuses(&self, document: Value) -> bool {
        std::fs::write(self.world.path("plan.json"), sealed(document)).expect("written");
        let args = ["approve", "plan.json", "--yes", "--approver", "eve", "--allow", "deletes=9"];
        let approved = self.world.run(&[&args[..], &["--allow", "changes=9", "--allow", "creates=9"]].concat()).await;
        let ended = if approved.code == Some(0) { self.world.apply().await } else { approved };
        assert!(matches!(ended.code, Some(0 | 5 | 7 | 8 | 9)), "{ended:?}");
        let wrote = !self.world.writes().is_empty();
        assert!(!(wrote && matches!(ended.code, Some(5 | 7 | 8))), "{ended:?}");
        !wrote && ended.code != Some(0)
    }
}

/// The values, each with what becomes of it.
fn attempts(plan: &Value) -> Vec<(String, Option<Value>)> {
    let mut pointers = Vec::new();
    leaves(plan, "", &mut pointers);
    pointers.retain(|pointer| pointer != "/plan_hash");
    let both = |pointer: String| {
        let other = altered(plan.pointer(&pointer).expect("a value"));
        [(pointer.clone(), Some(other)), (pointer, None)]
    };
    pointers.into_iter().flat_map(both).collect()
}

/// Tries a part of them; gives those that were taken.
async fn tried(part: usize, of: usize) -> Vec<String> {
    let mut stage = Stage::new().await;
    let mut taken = Vec::new();
    for (number, (pointer, other)) in attempts(&stage.plan).into_iter().enumerate() {
        if number % of != part {
            continue;
        }
        let mut document = stage.plan.clone();
        let what = match other {
            Some(other) => {
                *document.pointer_mut(&pointer).expect("there") = other;
                "altered"
            }
            None => {
                leave_out(&mut document, &pointer);
                "left out"
            }
        };
        if !stage.refuses(document).await {
            taken.push(format!("{pointer} {what}"));
            stage = Stage::new().await;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_value_of_a_plan_is_refused_or_known_to_be_free() {
    const PARTS: usize = 4;
    let parts = futures_util::future::join_all((0..PARTS).map(|part| tokio::spawn(tried(part, PARTS)))).await;
    let mut taken: Vec<String> = parts.into_iter().flat_map(|part| part.expect("it ends")).collect();
    taken.retain(|taken| !is_free(taken.split(' ').next().unwrap_or_default()));
    taken.sort();
    assert_eq!(taken, [""; 0], "{} values", taken.len());
}
