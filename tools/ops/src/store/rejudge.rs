use proftest::domain::hit::{Headers, RULES_VERSION, Rule, Verdict};
use proftest::domain::ids::ClickId;
use proftest::failpoint::Step;
use proftest::store::{Store, StoreError, param};
use serde_json::Value;

/// A hit as it was kept.
pub struct KeptHit {
    pub id: ClickId,
    pub method: String,
    pub user_agent: Option<String>,
    pub headers: Headers,
    /// Its address, or its network once that is gone.
    pub from: Option<String>,
}

/// Hits whose verdicts changed from one to the other, or stayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejudged {
    pub was: Verdict,
    pub verdict: Verdict,
    pub hits: i64,
}

/// At most `most` hits that older rules judged, in the order of their ids, behind `after`.
pub async fn older_hits(
    store: &Store,
    after: Option<ClickId>,
    most: i64,
) -> Result<Vec<KeptHit>, StoreError> {
    const SQL: &str = "select id, method, user_agent, headers, coalesce(address, network) as sender from clicks \
         where rules_version < $1 and ($2::uuid is null or id > $2) order by id limit $3";
    let params = [param(&RULES_VERSION), param(&after), param(&most)];
    store
        .all(Step::Command("older_hits"), SQL, &params, |row| {
            let headers: Option<Value> = row.try_get("headers")?;
            Ok(KeptHit {
                id: row.try_get("id")?,
                method: row.try_get::<_, Option<String>>("method")?.unwrap_or_default(),
                user_agent: row.try_get("user_agent")?,
                headers: Headers::from_json(&headers.unwrap_or_default()),
                from: row.try_get("sender")?,
            })
        })
        .await
}

/// Gives hits the verdicts of today's rules, by `funnel.rejudge`. With `apply` false it only says what would be done.
pub async fn rejudge(
    store: &Store,
    judged: &[(ClickId, Rule)],
    by: &str,
    apply: bool,
) -> Result<Vec<Rejudged>, StoreError> {
    const SQL: &str = "select was, verdict, hits from funnel.rejudge($1, $2, $3, $4, $5, $6, $7)";
    let ids: Vec<ClickId> = judged.iter().map(|(id, _)| *id).collect();
    let rules: Vec<Rule> = judged.iter().map(|(_, rule)| *rule).collect();
    let verdicts: Vec<Verdict> = rules.iter().map(|rule| rule.verdict()).collect();
    let give_way: Vec<bool> = rules.iter().map(|rule| rule.gives_way_to_time()).collect();
    let params = [
        param(&ids),
        param(&rules),
        param(&verdicts),
        param(&give_way),
        param(&RULES_VERSION),
        param(&by),
        param(&apply),
    ];
    store
        .all(Step::Command("rejudge"), SQL, &params, |row| {
            Ok(Rejudged {
                was: row.try_get("was")?,
                verdict: row.try_get("verdict")?,
                hits: row.try_get("hits")?,
            })
        })
        .await
}
