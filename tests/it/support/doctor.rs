//! All that doctor looks at: a database, the vendors' stand-ins, the public addresses.

use super::database::Database;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, http::Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ops::doctor::{self, Finding, Level};
use proftest::aws::SdkConfig;
use standins::{AmoCrm, AmoCrmOptions, Feed, Mobizon, MobizonOptions, Resend, ResendOptions, Running, serve};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Values that no finding may show.
const SECRETS: [&str; 4] = [
    "RESEND_API_KEY",
    "MOBIZON_API_KEY",
    "AMOCRM_ACCESS_TOKEN",
    "DATABASE_URL",
];

/// Requests as they came, `GET /domains`.
type Seen = Arc<Mutex<Vec<String>>>;

/// One test's world, in order until the test breaks it.
pub struct World {
    pub db: Database,
    pub resend: Resend,
    pub mobizon: Mobizon,
    pub amocrm: AmoCrm,
    pub variables: HashMap<&'static str, String>,
    seen: Seen,
    _servers: Vec<Running>,
}

/// A token whose `exp` is so many days ahead.
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

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub async fn with(
        adjust_resend: impl FnOnce(&mut ResendOptions),
        adjust_mobizon: impl FnOnce(&mut MobizonOptions),
    ) -> Self {
        let mut options = ResendOptions::new("re_secret_of_resend");
        adjust_resend(&mut options);
        let resend = Resend::new(options, Feed::default());
        let mut options = MobizonOptions::new("kz_secret_of_mobizon");
        options.senders = vec!["OnAI".to_owned()];
        adjust_mobizon(&mut options);
        let mobizon = Mobizon::new(options, Feed::default());
        let token = token(100);
        let mut options = AmoCrmOptions::new(&token);
        // One examination stays far below the vendor's limit; a test makes a dozen.
        options.rate_limit_per_second = None;
        let amocrm = AmoCrm::new(options, Feed::default());

        let seen = Seen::default();
        let (mail, sms) = (
            start(resend.router(), &seen).await,
            start(mobizon.router(), &seen).await,
        );
        let (crm, public) = (start(amocrm.router(), &seen).await, start(public(), &seen).await);
        let db = Database::fresh().await;
        let variables = HashMap::from([
            ("DATABASE_URL", db.url.clone()),
            ("RESEND_API_KEY", "re_secret_of_resend".to_owned()),
            ("RESEND_BASE_URL", mail.url()),
            ("MOBIZON_API_KEY", "kz_secret_of_mobizon".to_owned()),
            ("MOBIZON_BASE_URL", sms.url()),
            ("MOBIZON_SENDER", "OnAI".to_owned()),
            ("AMOCRM_BASE_URL", crm.url()),
            ("AMOCRM_ACCESS_TOKEN", token),
            ("AMOCRM_PIPELINE_ID", AmoCrm::PIPELINE.to_string()),
            ("AMOCRM_STATUS_ID", AmoCrm::STATUS.to_string()),
            ("AMOCRM_LEAD_ID_FIELD_ID", "880010".to_owned()),
            (
                "AMOCRM_UTM_FIELD_IDS",
                "utm_source=880001,utm_medium=880002".to_owned(),
            ),
            ("PUBLIC_BASE_URL", public.url()),
        ]);
        Self {
            db,
            resend,
            mobizon,
            amocrm,
            variables,
            seen,
            _servers: vec![mail, sms, crm, public],
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
        let password = password(&variables["DATABASE_URL"]);
        for finding in &findings {
            let line = finding.to_string();
            let secrets = SECRETS
                .iter()
                .map(|name| variables[name].as_str())
                .chain([password.as_str()]);
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

    /// The requests that came so far, and forgets them.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn password(url: &str) -> String {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('@').next());
    authority
        .and_then(|user| user.split(':').nth(1))
        .unwrap_or_default()
        .to_owned()
}

/// What stands behind the public addresses, as the functions answer HEAD.
fn public() -> Router {
    let to_the_course = async || (StatusCode::FOUND, [(header::LOCATION, super::stack::COURSE)]);
    Router::new()
        .route("/proftest", get(async || "page"))
        .route("/l/{code}", get(to_the_course))
}

async fn start(router: Router, seen: &Seen) -> Running {
    let router = router.layer(from_fn_with_state(Arc::clone(seen), note));
    serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), router).unwrap()
}

async fn note(State(seen): State<Seen>, uri: Uri, request: Request, next: Next) -> Response {
    seen.lock()
        .unwrap()
        .push(format!("{} {}", request.method(), uri.path()));
    next.run(request).await
}
