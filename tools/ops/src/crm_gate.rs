//! `open-crm-gate`: allows calls to amoCRM again, after the account was unblocked.

use crate::database::Address;
use crate::store;
use proftest::failure;
use std::time::Duration;

/// For one statement, connecting included.
const DEADLINE: Duration = Duration::from_secs(10);

pub async fn command(database: &Address) -> Result<(), String> {
    let store = database.store(DEADLINE)?;
    let opened = store::open_gate(&store).await;
    match opened.map_err(|error| failure::chain(&error))? {
        Some(reason) => println!(
            "The gate is open now. It was shut because of: {reason}. The sweep wakes the waiting tasks within a minute."
        ),
        None => println!("The gate was open already."),
    }
    Ok(())
}
