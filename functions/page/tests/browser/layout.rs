//! The page keeps its place, whatever the font and the size of the window.

use crate::machine::{DEJAVU, Fonts, ROBOTO};
use crate::visit_with;
use crate::visitor::Size;
use serde_json::Value;

const WINDOWS: [Size; 4] = [(320, 568), (360, 740), (768, 1024), (1440, 900)];

/// Answers all questions at once. The place of the row with the way back at each question, and how far below the options
/// it begins.
const PLACES: &str = "[...document.querySelectorAll('.question')].map((question) => {
    question.querySelector('input').click();
    const row = document.getElementById('steps').getBoundingClientRect();
    const options = question.querySelector('.options').getBoundingClientRect();
    const place = [row.top + scrollY, row.top - options.bottom];
    document.getElementById('next').click();
    return place;
})";

#[tokio::test]
async fn the_way_back_keeps_its_place() {
    keeps_its_place(&ROBOTO).await;
}

#[tokio::test]
async fn the_way_back_keeps_its_place_with_wider_letters() {
    keeps_its_place(&DEJAVU).await;
}

async fn keeps_its_place(fonts: &'static Fonts) {
    for window in WINDOWS {
        let name = format!("place-{}-{}", window.0, fonts.name);
        let Some((site, visitor)) = visit_with(fonts, &name, window).await else {
            return;
        };
        visitor.open(&format!("{}/proftest", site.url)).await;
        visitor.press("#begin").await;
        visitor.sees("#q1").await;
        assert_eq!(visitor.font("#q1").await, fonts.name);
        let places = visitor.eval(PLACES).await;
        let places = places.as_array().unwrap();
        assert_eq!(places.len(), 12);
        for place in places {
            assert_eq!(place[0], places[0][0], "{window:?} {}: {places:?}", fonts.name);
        }
        // No more is reserved than the highest question needs: somewhere the row comes right below the options.
        let gaps = places.iter().filter_map(|place| place[1].as_f64());
        let gap = gaps.fold(f64::MAX, f64::min);
        let wide = window.0 >= 768;
        assert!(!wide || gap <= 24.0, "{window:?} {}: {gap}", fonts.name);
        visitor.sees("#contact").await;
        visitor.had_no_trouble().await;
        assert_eq!(visitor.eval("scrollX").await, Value::from(0));
        visitor.leave().await;
    }
}
