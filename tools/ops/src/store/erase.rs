use proftest::domain::contact::{Email, Phone};
use proftest::domain::ids::{BatchId, ContactId, DealId, LeadId};
use proftest::failpoint::Step;
use proftest::store::{Store, StoreError, param};

/// What was erased, and what the vendors still store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    pub leads: i64,
    /// Deals in amoCRM.
    pub deals: Vec<DealId>,
    /// Contacts in amoCRM that no other lead needs.
    pub contacts: Vec<ContactId>,
    /// Ids of e-mails at Resend.
    pub emails: Vec<String>,
    /// Ids of SMS at Mobizon.
    pub sms: Vec<String>,
}

/// The lead, if there is one.
pub async fn lead(store: &Store, id: LeadId) -> Result<Vec<LeadId>, StoreError> {
    const SQL: &str = "select id from landing_leads where id = $1";
    store
        .all(Step::Command("lead"), SQL, &[param(&id)], |row| {
            Ok(row.try_get("id")?)
        })
        .await
}

/// Leads with this e-mail and this phone, if given; none if neither is.
pub async fn leads_of(
    store: &Store,
    email: Option<&Email>,
    phone: Option<&Phone>,
) -> Result<Vec<LeadId>, StoreError> {
    const SQL: &str = "select id from landing_leads \
         where coalesce($1, $2) is not null and email = coalesce($1, email) and phone = coalesce($2, phone) \
         order by id";
    store
        .all(
            Step::Command("leads_of"),
            SQL,
            &[param(&email), param(&phone)],
            |row| Ok(row.try_get("id")?),
        )
        .await
}

/// Erases leads with their notifications, deliveries, holds, clicks, links, submissions and tasks. Their consents stay, without
/// contacts.
///
/// A batch of e-mails holds ids only. It is closed at once unless another person's e-mail in it is still open; in
/// that case the sweep closes it later.
pub async fn erase(store: &Store, leads: &[LeadId], by: &str) -> Result<Erased, StoreError> {
    let sql = include_str!("erase.sql");
    let params = [param(&leads), param(&by)];
    let erased = store.first(Step::Command("erase"), sql, &params, |row| {
        let batches: Vec<BatchId> = row.try_get("batches")?;
        let erased = Erased {
            leads: row.try_get("leads")?,
            deals: row.try_get("deals")?,
            contacts: row.try_get("contacts")?,
            emails: row.try_get("emails")?,
            sms: row.try_get("sms")?,
        };
        Ok((erased, batches))
    });
    let (erased, batches) = erased.await?.unwrap_or_default();
    for batch in batches {
        store.close(batch).await?;
    }
    Ok(erased)
}
