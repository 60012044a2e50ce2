//! All that doctor looks at: a database, the vendors' stand-ins, the public addresses.

use super::stack::COURSE;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, http::Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::world::{Database, GUARD_KEY, Options, Settings, Vendors};
use ops::doctor::{self, Finding, Level};
use proftest::aws::SdkConfig;
use standins::{AmoCrm, Running, serve};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Values that no finding may show.
const SECRETS: [&str; 5] = [
    "RESEND_API_KEY",
    "MOBIZON_API_KEY",
    "AMOCRM_ACCESS_TOKEN",
    "DATABASE_URL",
    "CRM_DATABASE_URL",
];

/// The addresses by role; the commands' own is DATABASE_URL.
const DATABASE_URLS: [(&str, &str); 8] = [
    ("DATABASE_URL", "ops"),
    ("INTAKE_DATABASE_URL", "intake"),
    ("TRACK_DATABASE_URL", "track"),
    ("RECEIPTS_DATABASE_URL", "receipts"),
    ("RECIPIENT_DATABASE_URL", "recipient"),
    ("DELIVER_DATABASE_URL", "deliver"),
    ("CRM_DATABASE_URL", "crm"),
    ("SWEEP_DATABASE_URL", "sweep"),
];

type Seen = Arc<Mutex<Vec<String>>>;

/// What doctor looks at, in order until the test breaks it.
pub struct Examined {
    pub db: Database,
    pub vendors: Vendors,
    pub variables: Settings,
    seen: Seen,
    _public: Running,
}

pub fn token(days: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let ends = i64::try_from(now).unwrap() + days * 86_400;
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.signature",
        part("{}".to_owned()),
        part(format!("{{\"exp\":{ends}}}"))
    )
}

impl Examined {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Options)) -> Self {
        // One examination stays far below amoCRM's limit; a test makes a dozen.
        let mut options = Options::unlimited();
        options.amocrm.token = token(100);
        options.mobizon.senders = vec!["OnAI".to_owned()];
        adjust(&mut options);
        let token = options.amocrm.token.clone();
        let seen = Seen::default();
        let noted = |router: Router| router.layer(from_fn_with_state(Arc::clone(&seen), note));
        let vendors = Vendors::start_behind(options, noted).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = serve(listener, noted(public())).unwrap();
        let db = Database::fresh().await;
        let mut variables = Settings::from(vendors.urls.settings());
        variables.remove("AMOCRM_PIPELINE");
        variables.extend([
            ("GUARD_KEY", GUARD_KEY.to_owned()),
            ("MOBIZON_SENDER", "OnAI".to_owned()),
            ("AMOCRM_ACCESS_TOKEN", token),
            ("AMOCRM_PIPELINE_ID", AmoCrm::PIPELINE.to_string()),
            ("AMOCRM_STATUS_ID", AmoCrm::STATUS.to_string()),
            ("PUBLIC_BASE_URL", public.url()),
        ]);
        for (variable, function) in DATABASE_URLS {
            variables.insert(variable, db.direct(function).url());
        }
        Self {
            db,
            vendors,
            variables,
            seen,
            _public: public,
        }
    }

    /// What doctor finds, with some variables set otherwise. No finding shows a secret.
    pub async fn examine(&self, changes: &[(&'static str, &str)]) -> Vec<Finding> {
        self.examine_with(changes, None).await
    }

    pub async fn examine_with(
        &self,
        changes: &[(&'static str, &str)],
        sdk: Option<&SdkConfig>,
    ) -> Vec<Finding> {
        let mut variables = self.variables.clone();
        variables.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let lookup = |name: &str| variables.get(name).cloned();
        let findings = doctor::examine(&lookup, sdk).await.unwrap();
        let url = variables["DATABASE_URL"].parse::<reqwest::Url>().unwrap();
        for finding in &findings {
            let line = finding.to_string();
            let secrets = SECRETS
                .iter()
                .map(|name| variables[name].as_str())
                .chain(url.password());
            for secret in secrets.filter(|secret| !secret.is_empty()) {
                assert!(!line.contains(secret), "a secret in: {line}");
            }
            assert!(!line.contains('\n'), "{line}");
        }
        findings
    }

    /// With these changes exactly one thing is wrong, and its sentence holds `part`.
    pub async fn wrong(&self, changes: &[(&'static str, &str)], part: &str) {
        let findings = self.examine(changes).await;
        let wrong: Vec<_> = findings.iter().filter(|one| one.level == Level::Wrong).collect();
        assert_eq!(wrong.len(), 1, "{part}: {findings:#?}");
        assert!(wrong[0].sentence.contains(part), "{part}: {}", wrong[0]);
    }

    /// Each variable, set to this value alone, makes exactly one thing wrong: see [`Examined::wrong`].
    pub async fn each_wrong(&self, cases: &[(&'static str, &str, &str)]) {
        for (name, value, part) in cases {
            self.wrong(&[(*name, *value)], part).await;
        }
    }

    /// With these changes nothing is wrong, and some sentence holds `part`.
    pub async fn fine(&self, changes: &[(&'static str, &str)], part: &str) {
        let findings = self.examine(changes).await;
        assert!(
            findings.iter().all(|one| one.level != Level::Wrong),
            "{part}: {findings:#?}"
        );
        assert!(
            findings.iter().any(|one| one.sentence.contains(part)),
            "{part}: {findings:#?}"
        );
    }

    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// A page with a policy of its own.
const PAGE: &str = "<a href=\"https://onai.academy/privacy\">";

/// What stands behind the public addresses, as the functions answer HEAD.
fn public() -> Router {
    let to_the_course = async || (StatusCode::FOUND, [(header::LOCATION, COURSE)]);
    Router::new()
        .route("/proftest", get(async || PAGE))
        .route("/l/{code}", get(to_the_course))
}

async fn note(State(seen): State<Seen>, uri: Uri, request: Request, next: Next) -> Response {
    seen.lock()
        .unwrap()
        .push(format!("{} {}", request.method(), uri.path()));
    next.run(request).await
}
