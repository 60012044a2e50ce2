use proftest::failpoint::Step;
use proftest::store::{Store, StoreError};

/// Opens the gate and makes everything that waited due at once. Returns why the gate was shut, if it was.
pub async fn open_gate(store: &Store) -> Result<Option<String>, StoreError> {
    const SQL: &str = "with was as (select reason from crm_gate where shut_until > clock_timestamp()), \
         opened as (update crm_gate set shut_until = '-infinity', reason = null), \
         woken as (update crm_tasks set next_attempt_at = now(), wake_at = now() where state = 'pending') \
         select coalesce(reason, '') from was";
    store
        .first(Step::Command("open_gate"), SQL, &[], |row| Ok(row.try_get(0)?))
        .await
}
