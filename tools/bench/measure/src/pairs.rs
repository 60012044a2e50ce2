//! Two things measured in turns, so that whatever else the machine does meets both.

use crate::Error;
use crate::figure::median;
use std::time::Instant;

/// Rounds that only warm up.
const WARM_UP: usize = 30;
/// Rounds of which each gives one ratio: enough that one hiccup moves none.
const BLOCK: usize = 20;

/// What two things took, round by round, in milliseconds.
#[derive(Debug, Default)]
pub struct Pairs {
    pub one: Vec<f64>,
    pub other: Vec<f64>,
}

/// Does both so often, in turns; `true` goes first in every other round. Each gets the number of its round.
pub async fn pairs(
    rounds: usize,
    mut one: impl AsyncFnMut(usize) -> Result<(), Error>,
    mut other: impl AsyncFnMut(usize) -> Result<(), Error>,
) -> Result<Pairs, Error> {
    let mut pairs = Pairs::default();
    for round in 0..WARM_UP + rounds {
        let (first, second);
        if round % 2 == 0 {
            first = timed(&mut one, round).await?;
            second = timed(&mut other, round).await?;
        } else {
            second = timed(&mut other, round).await?;
            first = timed(&mut one, round).await?;
        }
        if round >= WARM_UP {
            pairs.one.push(first);
            pairs.other.push(second);
        }
    }
    Ok(pairs)
}

async fn timed(what: &mut impl AsyncFnMut(usize) -> Result<(), Error>, round: usize) -> Result<f64, Error> {
    let start = Instant::now();
    what(round).await?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

impl Pairs {
    /// The first's time as a multiple of the other's, once a block of rounds, each the ratio of two medians.
    pub fn ratios(&self) -> Vec<f64> {
        let blocks = self.one.chunks(BLOCK).zip(self.other.chunks(BLOCK));
        blocks.map(|(one, other)| median(one) / median(other)).collect()
    }

    /// Both medians, for a reader; nothing is judged by them.
    pub fn context(&self) -> String {
        format!(
            "{:.2} ms against {:.2} ms",
            median(&self.one),
            median(&self.other)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hiccup_of_one_round_moves_no_ratio() {
        let mut pairs = Pairs {
            one: vec![3.0; 2 * BLOCK],
            other: vec![2.0; 2 * BLOCK],
        };
        pairs.one[7] = 1e6;
        assert_eq!(pairs.ratios(), [1.5, 1.5]);
    }
}
