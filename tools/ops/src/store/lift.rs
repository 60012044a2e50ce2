use jiff::Timestamp;
use proftest::domain::contact::{Email, Phone};
use proftest::domain::delivery::Channel;
use proftest::domain::ids::LeadId;
use proftest::failpoint::Step;
use proftest::store::{Store, StoreError, param};

/// Whose suppressions are lifted.
pub enum Suppressed {
    /// Of both contacts of a lead.
    Lead(LeadId),
    /// Of these contacts, with their keys in hexadecimal.
    Contacts(Option<Email>, Option<Phone>, Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// `None` in a row that is older than the column.
    pub channel: Option<Channel>,
    pub reason: String,
    pub since: Timestamp,
    /// `None`: for ever.
    pub until: Option<Timestamp>,
}

/// Lifts suppressions; with `apply` false it only returns them.
pub async fn lift(
    store: &Store,
    whose: &Suppressed,
    by: &str,
    apply: bool,
) -> Result<Vec<Suppression>, StoreError> {
    let (lead, email, phone, keys) = match whose {
        Suppressed::Lead(lead) => (Some(*lead), None, None, &[][..]),
        Suppressed::Contacts(email, phone, keys) => (None, email.as_ref(), phone.as_ref(), &keys[..]),
    };
    let params = [
        param(&keys),
        param(&lead),
        param(&email),
        param(&phone),
        param(&by),
        param(&apply),
    ];
    store
        .all(Step::Command("lift"), include_str!("lift.sql"), &params, |row| {
            Ok(Suppression {
                channel: row.try_get("channel")?,
                reason: row.try_get("reason")?,
                since: row.try_get("created_at")?,
                until: row.try_get("until")?,
            })
        })
        .await
}
