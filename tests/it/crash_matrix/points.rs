//! Where a process dies: every step of every function, in a scene that leads there.

use super::scene::{STEPS, Scene};
use proftest::failpoint::Step;

#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub function: &'static str,
    pub scene: Scene,
    pub step: Step,
    pub side: &'static str,
}

pub fn points() -> Vec<Point> {
    let steps = STEPS.iter().flat_map(|&(function, scene, steps)| {
        steps.iter().flat_map(move |&step| {
            ["before", "after"].map(|side| Point {
                function,
                scene,
                step,
                side,
            })
        })
    });
    steps.collect()
}
