//! Finds the configured stage in the account.

use super::{Pipeline, Status};
use crate::config::Stage;

/// Why the configured stage was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// No pipeline has this id or name.
    #[error("the configured pipeline is not in the account")]
    Pipeline,
    /// The pipeline has no stage of this id or name.
    #[error("the configured stage is not in its pipeline")]
    Status,
}

/// The pipeline and stage with the configured ids or names.
pub fn place<'a>(pipelines: &'a [Pipeline], stage: &Stage) -> Result<(&'a Pipeline, &'a Status), Misplaced> {
    let pipeline = pipelines.iter().find(|pipeline| match stage {
        Stage::Ids(id, _) => pipeline.id == *id,
        Stage::Names(name, _) => same_name(&pipeline.name, name),
    });
    let pipeline = pipeline.ok_or(Misplaced::Pipeline)?;
    let status = pipeline.statuses().iter().find(|status| match stage {
        Stage::Ids(_, id) => status.id == *id,
        Stage::Names(_, name) => same_name(&status.name, name),
    });
    Ok((pipeline, status.ok_or(Misplaced::Status)?))
}

/// People type names: case and outer spaces do not count.
fn same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
