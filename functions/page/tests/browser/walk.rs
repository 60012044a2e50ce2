//! What visitors do, whatever serves the page.

use crate::visitor::{Size, Visitor};

pub const PHONE: Size = (360, 740);
pub const DESKTOP: Size = (1440, 900);

/// One option a question: an answer sheet that tells every question from its neighbours.
pub const ANSWERS: [usize; 12] = [0, 3, 1, 2, 0, 1, 3, 2, 1, 0, 2, 3];

/// Answers all questions from `from` on.
pub async fn finish_test(visitor: &Visitor, from: usize) {
    for (question, option) in ANSWERS.iter().enumerate().skip(from) {
        visitor.answer(question, *option).await;
    }
    visitor.sees("#contact").await;
}

/// From the start to the form: a wrong answer taken back, a reload in the middle of the questions, the browser's back button.
pub async fn answer_with_second_thoughts(visitor: &Visitor) {
    visitor.picture("1-start").await;
    visitor.press("#begin").await;
    visitor.sees("#q1").await;
    visitor.picture("2-question").await;
    visitor.answer(0, 2).await;
    visitor.press("#back").await;
    visitor.sees("#q1").await;
    assert_eq!(
        visitor
            .eval("document.querySelector('#q1 ~ .options :checked') !== null")
            .await,
        true
    );
    visitor.picture("3-answered").await;
    for (question, option) in ANSWERS.iter().enumerate().take(5) {
        visitor.answer(question, *option).await;
    }
    visitor.sees("#q6").await;
    visitor.reload().await;
    visitor.sees("#q6").await;
    visitor.had_no_trouble().await;
    visitor.eval("history.back()").await;
    visitor.sees("#q5").await;
    visitor.press("#next").await;
    finish_test(visitor, 5).await;
    visitor.picture("4-form").await;
}

/// Who fills in the form.
pub struct Contact<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub phone: &'a str,
}

/// Fills in the empty form, and agrees.
pub async fn fill_form(visitor: &Visitor, contact: &Contact<'_>) {
    visitor.types("#name", contact.name).await;
    visitor.types("#email", contact.email).await;
    visitor.types("#phone", contact.phone).await;
    visitor.press("#consent").await;
}

/// The form: sent empty, then wrong, then filled in right.
pub async fn fill_form_with_mistakes(visitor: &Visitor, contact: &Contact<'_>) {
    visitor.press("#send").await;
    visitor.sees("#consent-error:not(:empty)").await;
    assert_eq!(visitor.eval("document.activeElement.id").await, "name");
    visitor.types("#email", "example.com").await;
    visitor.types("#phone", "8701").await;
    visitor.press("#send").await;
    visitor.reads("Не хватает 7 цифр").await;
    visitor.picture("5-errors").await;
    visitor
        .eval("for (const id of ['email', 'phone']) document.getElementById(id).value = ''")
        .await;
    fill_form(visitor, contact).await;
    assert_eq!(
        visitor
            .eval("document.querySelectorAll('[aria-invalid]').length")
            .await,
        0
    );
}

/// Presses the button three times at once.
pub async fn send_at_once(visitor: &Visitor) {
    visitor
        .eval("for (const _ of [1, 2, 3]) document.getElementById('send').click()")
        .await;
    visitor.reads("Отправляем…").await;
    visitor.picture("6-sending").await;
}
