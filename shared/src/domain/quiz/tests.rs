//! Properties of the scoring. `tests/quiz_file.rs` checks the balance of the questions.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// Chooses `wanted` where it is offered, otherwise the first of `then` that is.
fn answers_for(wanted: Type, then: &[Type]) -> Vec<usize> {
    let place = |question: &Question, kind: Type| question.options.iter().position(|one| one.kind == kind);
    questions()
        .iter()
        .map(|question| {
            std::iter::once(&wanted)
                .chain(then)
                .find_map(|kind| place(question, *kind))
                .unwrap_or_default()
        })
        .collect()
}

fn types(answers: &[usize]) -> [Type; 2] {
    score(answers).unwrap().types()
}

#[test]
fn every_type_can_lead_and_every_other_can_be_second() {
    let mut seen = HashSet::new();
    for first in Type::ALL {
        for second in Type::ALL.into_iter().filter(|kind| *kind != first) {
            let result = types(&answers_for(first, &[second]));
            assert_eq!(result[0], first);
            if result[1] == second {
                seen.insert((first, second));
            }
        }
    }
    assert_eq!(seen.len(), 30);
}

#[test]
fn every_result_has_its_own_texts() {
    let mut pairs = HashSet::new();
    for first in Type::ALL {
        for second in Type::ALL.into_iter().filter(|kind| *kind != first) {
            let result = QuizResult::from_letters(&[first.letter(), second.letter()])
                .unwrap()
                .texts();
            assert_eq!(result.types.len(), 2);
            assert_ne!(result.types[0], result.types[1]);
            assert!((5..=8).contains(&result.professions.len()));
            let swapped = QuizResult::from_letters(&[second.letter(), first.letter()])
                .unwrap()
                .texts();
            assert_eq!(result.professions, swapped.professions);
            assert_ne!(result.first_step, swapped.first_step);
            pairs.insert(result.professions);
        }
    }
    assert_eq!(pairs.len(), PAIRS);
}

#[test]
fn letters_that_are_no_result_give_none() {
    for letters in [
        &["R"][..],
        &[],
        &["R", "R"],
        &["R", "X"],
        &["R", "I", "A"],
        &["r", "i"],
    ] {
        assert_eq!(QuizResult::from_letters(letters), None, "{letters:?}");
    }
}

#[test]
fn akin_interests_break_a_tie() {
    let points = |answers: &[usize]| {
        let kinds = questions()
            .iter()
            .zip(answers)
            .map(|(question, at)| question.options[*at].kind);
        kinds.fold([0; 6], |mut points, kind| {
            points[kind as usize] += 1;
            points
        })
    };
    let mut ties = 0;
    for number in 0..200_000_usize {
        let answers: Vec<usize> = (0..12)
            .map(|at| (number.wrapping_mul(2_654_435_761) >> (2 * at)) % 4)
            .collect();
        let points = points(&answers);
        let best = *points.iter().max().unwrap();
        let leaders: Vec<usize> = (0..6).filter(|at| points[*at] == best).collect();
        let support = |at: usize| points[(at + 1) % 6] + points[(at + 5) % 6];
        let most = leaders.iter().map(|at| support(*at)).max().unwrap();
        let first = types(&answers)[0] as usize;
        assert!(leaders.contains(&first) && support(first) == most);
        ties += usize::from(leaders.len() > 1 && leaders.iter().any(|at| support(*at) < most));
    }
    assert!(ties > 1000, "only {ties} ties were met");
}

proptest! {
    #[test]
    fn any_valid_answers_have_one_result_of_chosen_types(answers in prop::collection::vec(0..OPTIONS, QUESTIONS)) {
        let result = types(&answers);
        prop_assert_eq!(result, types(&answers));
        prop_assert_ne!(result[0], result[1]);
        let chosen: Vec<Type> =
            questions().iter().zip(&answers).map(|(question, at)| question.options[*at].kind).collect();
        let points = |kind| chosen.iter().filter(|one| **one == kind).count();
        prop_assert!(points(result[0]) >= points(result[1]) && points(result[1]) > 0);
        for kind in Type::ALL.into_iter().filter(|kind| !result.contains(kind)) {
            prop_assert!(points(kind) <= points(result[1]));
        }
        let letters = result.map(Type::letter);
        prop_assert_eq!(QuizResult::from_letters(&letters), score(&answers));
    }

    #[test]
    fn answers_of_another_length_have_none(answers in prop::collection::vec(0..OPTIONS, 0..40)) {
        prop_assert_eq!(score(&answers).is_some(), answers.len() == QUESTIONS);
    }

    #[test]
    fn an_index_out_of_range_has_none(
        mut answers in prop::collection::vec(0..OPTIONS, QUESTIONS),
        at in 0..QUESTIONS,
        wrong in OPTIONS..usize::MAX,
    ) {
        answers[at] = wrong;
        prop_assert_eq!(score(&answers), None);
    }
}
