//! Each reason and its sentence.

use super::super::ContactError as E;
use super::super::Field::{self, Email, Name, Phone};
use super::{EMAILS, NAMES, PHONES, rows};
use crate::texts::{Locale, texts};
use std::collections::BTreeSet;

#[rustfmt::skip]
const SENTENCES: [(E, Field, &str); 47] = [
    (E::Empty, Name, "Напишите, как к вам обращаться"),
    (E::Empty, Email, "Укажите e-mail: на него придёт результат"),
    (E::Empty, Phone, "Укажите телефон: на него придёт SMS"),
    (E::TooShort, Name, "Напишите имя полностью: хотя бы 2 буквы"),
    (E::TooShort, Email, "Допишите, пожалуйста, конец адреса после знака @: например, mail.kz или gmail.com"),
    (E::TooShort, Phone, "Похоже, в номере не хватает цифр: проверьте, пожалуйста"),
    (E::TooLong, Name, "Имя не поместилось: сократите его, пожалуйста, до 100 знаков"),
    (E::TooLong, Email, "Адрес длиннее, чем бывает: посмотрите, не попало ли в него лишнее"),
    (E::TooLong, Phone, "Похоже, в номере есть лишние цифры: проверьте, пожалуйста"),
    (E::ControlCharacter, Name, "Сюда попал невидимый знак. Сотрите всё и введите заново, пожалуйста"),
    (E::WrongCharacter { character: ',' }, Email, "Уберите, пожалуйста, запятую: может быть, здесь нужна точка?"),
    (E::WrongCharacter { character: ',' }, Phone, "Уберите, пожалуйста, знак «,»: здесь его не бывает"),
    (E::WrongCharacter { character: ',' }, Name, "Уберите, пожалуйста, знак «,»: здесь его не бывает"),
    (E::WrongCharacter { character: '*' }, Phone, "Уберите, пожалуйста, знак «*»: здесь его не бывает"),
    (E::DigitsForName, Name, "Похоже, вместо имени введены цифры. Напишите, как к вам обращаться"),
    (E::NoLetter, Name, "Напишите имя буквами, пожалуйста"),
    (E::PhoneForEmail, Email, "Похоже, вместо e-mail введён телефон. Укажите адрес вида name@mail.kz"),
    (E::NoAt, Email, "В адресе не хватает знака @: например, name@mail.kz"),
    (E::ExtraAt, Email, "Знак @ в адресе бывает только один: уберите лишний, пожалуйста"),
    (E::SeveralAddresses, Email, "Похоже, здесь два адреса. Оставьте один: на него придёт результат"),
    (E::Space, Email, "Уберите, пожалуйста, пробел: в адресе их не бывает"),
    (E::NotAscii { character: 'а' }, Email, "Буква «а» здесь кириллическая: переключите, пожалуйста, клавиатуру на латиницу"),
    (E::NotAscii { character: 'ә' }, Email, "Буква «ә» здесь кириллическая: переключите, пожалуйста, клавиатуру на латиницу"),
    (E::NotAscii { character: 'é' }, Email, "Адрес пишется латиницей: знака «é» в нём не бывает"),
    (E::NoMailbox, Email, "Допишите, пожалуйста, начало адреса перед знаком @"),
    (E::NoDomain, Email, "Допишите, пожалуйста, конец адреса после знака @: например, mail.kz или gmail.com"),
    (E::NoTopLevelDomain, Email, "Похоже, адрес не дописан: после знака @ бывает, например, mail.kz или gmail.com"),
    (E::WrongDots, Email, "Посмотрите на точки: двух подряд и рядом с @ не бывает"),
    (E::WrongDomain, Email, "Проверьте, пожалуйста, адрес после знака @: там бывает, например, mail.kz или gmail.com"),
    (E::EmailForPhone, Phone, "Похоже, вместо телефона введён e-mail. Укажите номер вида +7 701 000 00 00"),
    (E::Letters, Phone, "Похоже, в номер попали буквы: оставьте, пожалуйста, только цифры"),
    (E::SeveralNumbers, Phone, "Похоже, здесь два номера. Оставьте один: на него придёт SMS"),
    (E::Extension, Phone, "На добавочный номер SMS не придёт. Укажите, пожалуйста, мобильный"),
    (E::TooFewDigits { missing: 1 }, Phone, "Не хватает 1 цифры: проверьте, пожалуйста, номер"),
    (E::TooFewDigits { missing: 2 }, Phone, "Не хватает 2 цифр: проверьте, пожалуйста, номер"),
    (E::TooFewDigits { missing: 4 }, Phone, "Не хватает 4 цифр: проверьте, пожалуйста, номер"),
    (E::TooFewDigits { missing: 10 }, Phone, "Не хватает 10 цифр: проверьте, пожалуйста, номер"),
    (E::TooManyDigits { extra: 1 }, Phone, "Одна цифра лишняя: проверьте, пожалуйста, номер"),
    (E::TooManyDigits { extra: 2 }, Phone, "Лишние 2 цифры: проверьте, пожалуйста, номер"),
    (E::TooManyDigits { extra: 21 }, Phone, "Лишняя 21 цифра: проверьте, пожалуйста, номер"),
    (E::TooManyDigits { extra: 5 }, Phone, "Лишних 5 цифр: проверьте, пожалуйста, номер"),
    (E::NoPlus, Phone, "Похоже, это номер другой страны: поставьте, пожалуйста, плюс перед её кодом"),
    (E::NoCountryCode, Phone, "Начните, пожалуйста, номер с плюса и кода страны: например, +7 или +996"),
    (E::NoSuchCountryCode, Phone, "Страны с таким кодом нет: проверьте, пожалуйста, цифры после плюса"),
    (E::ServiceCode, Phone, "SMS на этот номер не придёт: это спутниковая или служебная связь. Укажите, пожалуйста, мобильный"),
    (E::PremiumRate, Phone, "SMS на этот номер не придёт: это платная служба. Укажите, пожалуйста, мобильный"),
    (E::UnassignedRange, Phone, "Таких номеров пока нет: проверьте, пожалуйста, цифры после кода страны"),
];

/// How many reasons there are.
const REASONS: usize = 30;

/// The place of a reason among all. For a new one the compiler asks here, and the test asks for its sentence.
const fn place(error: E) -> usize {
    match error {
        E::Empty => 0,
        E::TooShort => 1,
        E::TooLong => 2,
        E::ControlCharacter => 3,
        E::WrongCharacter { .. } => 4,
        E::DigitsForName => 5,
        E::NoLetter => 6,
        E::PhoneForEmail => 7,
        E::NoAt => 8,
        E::ExtraAt => 9,
        E::SeveralAddresses => 10,
        E::Space => 11,
        E::NotAscii { .. } => 12,
        E::NoMailbox => 13,
        E::NoDomain => 14,
        E::NoTopLevelDomain => 15,
        E::WrongDots => 16,
        E::WrongDomain => 17,
        E::EmailForPhone => 18,
        E::Letters => 19,
        E::SeveralNumbers => 20,
        E::Extension => 21,
        E::TooFewDigits { .. } => 22,
        E::TooManyDigits { .. } => 23,
        E::NoPlus => 24,
        E::NoCountryCode => 25,
        E::NoSuchCountryCode => 26,
        E::ServiceCode => 27,
        E::UnassignedRange => 28,
        E::PremiumRate => 29,
    }
}

#[test]
fn each_reason_has_its_sentence() {
    let mut places = BTreeSet::new();
    for (error, field, sentence) in SENTENCES {
        let contact = &texts(Locale::Ru).errors.contact;
        assert_eq!(error.sentence(field, contact), sentence, "{error:?} {field:?}");
        places.insert(place(error));
    }
    assert_eq!(places, (0..REASONS).collect());
}

#[test]
fn each_reason_has_a_row_in_a_table() {
    let mut reasons: BTreeSet<String> = BTreeSet::new();
    for table in [NAMES, EMAILS, PHONES] {
        reasons.extend(
            rows(table, "spellings")
                .iter()
                .filter_map(|row| Some(row["refused"].as_str()?.to_owned())),
        );
    }
    assert_eq!(reasons.len(), REASONS, "{reasons:?}");
}

#[test]
fn a_sentence_is_polite_and_short() {
    for (error, _, sentence) in SENTENCES {
        let chars = sentence.chars().count();
        assert!((20..=100).contains(&chars), "{error:?}: {chars}");
        let blames = ["неверн", "некоррект", "ошиб", "нельзя", "должн", "запрещ"];
        assert!(
            !blames.iter().any(|blame| sentence.to_lowercase().contains(blame)),
            "{sentence}"
        );
    }
}
