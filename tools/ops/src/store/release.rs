use proftest::domain::delivery::Channel;
use proftest::domain::ids::LeadId;
use proftest::failpoint::Step;
use proftest::store::{Store, StoreError, param};

/// Whose held deliveries are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    OfLead(LeadId),
    /// With this reason, as `holds.reason` has it.
    For(String),
}

/// Held deliveries, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `None` for those that stay: they are only counted.
    pub lead: Option<LeadId>,
    pub channel: Channel,
    pub reason: String,
    /// `suppressed` or `replaced`; `None`: released.
    pub stays: Option<String>,
    pub deliveries: i64,
}

/// Releases at most `limit` held deliveries, oldest first. With `apply` false it only returns what it would do.
pub async fn release(
    store: &Store,
    held: &Held,
    limit: u32,
    by: &str,
    apply: bool,
) -> Result<Vec<Release>, StoreError> {
    let (lead, reason) = match held {
        Held::OfLead(lead) => (Some(*lead), None),
        Held::For(reason) => (None, Some(reason.as_str())),
    };
    let limit = i64::from(limit);
    let params = [
        param(&lead),
        param(&reason),
        param(&limit),
        param(&by),
        param(&apply),
    ];
    store
        .all(
            Step::Command("release"),
            include_str!("release.sql"),
            &params,
            |row| {
                Ok(Release {
                    lead: row.try_get("lead_id")?,
                    channel: row.try_get("channel")?,
                    reason: row.try_get("reason")?,
                    stays: row.try_get("stays")?,
                    deliveries: row.try_get("deliveries")?,
                })
            },
        )
        .await
}

/// What is held now: reasons with their numbers, most first.
pub async fn held_now(store: &Store) -> Result<Vec<(String, i64)>, StoreError> {
    const SQL: &str = "select reason, count(*) as deliveries from holds where ended_at is null \
         group by reason order by deliveries desc, reason";
    store
        .all(Step::Command("held_now"), SQL, &[], |row| {
            Ok((row.try_get("reason")?, row.try_get("deliveries")?))
        })
        .await
}
