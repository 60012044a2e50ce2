//! What is said of a name, an e-mail address and a phone.

/// What is wrong with a contact field, for its reader to put right.
#[derive(Debug)]
pub struct ContactTexts {
    /// The name is empty.
    pub name_empty: &'static str,
    /// The e-mail address is empty.
    pub email_empty: &'static str,
    /// The phone is empty.
    pub phone_empty: &'static str,
    /// The name has one letter.
    pub name_short: &'static str,
    /// The name has more than 100 characters.
    pub name_long: &'static str,
    /// The e-mail address is longer than any.
    pub email_long: &'static str,
    /// The phone has fewer digits than any, and how many are missing is unknown.
    pub phone_short: &'static str,
    /// The phone has more digits than any.
    pub phone_long: &'static str,
    /// A control character, which is invisible.
    pub control_character: &'static str,
    /// The e-mail address or the phone holds this character.
    pub wrong_character: fn(char) -> String,
    /// The e-mail address holds a comma.
    pub email_comma: &'static str,
    /// The name is a number.
    pub digits_for_name: &'static str,
    /// The name has no letter.
    pub no_letter: &'static str,
    /// A phone in the e-mail field.
    pub phone_for_email: &'static str,
    /// The address has no `@`.
    pub no_at: &'static str,
    /// The address has two `@`.
    pub extra_at: &'static str,
    /// There are two addresses.
    pub several_addresses: &'static str,
    /// There is a space in the address.
    pub space: &'static str,
    /// The address holds this character, which is not ASCII.
    pub not_ascii: fn(char) -> String,
    /// Nothing stands before the `@`.
    pub no_mailbox: &'static str,
    /// Nothing stands behind the `@`.
    pub no_domain: &'static str,
    /// The address ends before `.kz`.
    pub no_top_level_domain: &'static str,
    /// Two dots in a row, or one beside the `@`.
    pub wrong_dots: &'static str,
    /// What is behind the `@` cannot be a mail service.
    pub wrong_domain: &'static str,
    /// An e-mail address in the phone field.
    pub email_for_phone: &'static str,
    /// There are letters in the number.
    pub letters: &'static str,
    /// There are two numbers.
    pub several_numbers: &'static str,
    /// The number has an extension.
    pub extension: &'static str,
    /// So many digits are missing.
    pub too_few_digits: fn(u8) -> String,
    /// So many digits are too many.
    pub too_many_digits: fn(u8) -> String,
    /// The plus of a foreign number is missing.
    pub no_plus: &'static str,
    /// The country's code is missing.
    pub no_country_code: &'static str,
    /// No country has the code.
    pub no_such_country_code: &'static str,
    /// A satellite's or a service's number.
    pub service_code: &'static str,
    /// A number that is dear to call, and no person's.
    pub premium_rate: &'static str,
    /// The country has no such numbers.
    pub unassigned_range: &'static str,
}

pub(super) const RU_CONTACT: ContactTexts = ContactTexts {
    name_empty: "Напишите, как к вам обращаться",
    email_empty: "Укажите e-mail: на него придёт результат",
    phone_empty: "Укажите телефон: на него придёт SMS",
    name_short: "Напишите имя полностью: хотя бы 2 буквы",
    name_long: "Имя не поместилось: сократите его, пожалуйста, до 100 знаков",
    email_long: "Адрес длиннее, чем бывает: посмотрите, не попало ли в него лишнее",
    phone_short: "Похоже, в номере не хватает цифр: проверьте, пожалуйста",
    phone_long: "Похоже, в номере есть лишние цифры: проверьте, пожалуйста",
    control_character: "Сюда попал невидимый знак. Сотрите всё и введите заново, пожалуйста",
    wrong_character: ru_wrong_character,
    email_comma: "Уберите, пожалуйста, запятую: может быть, здесь нужна точка?",
    digits_for_name: "Похоже, вместо имени введены цифры. Напишите, как к вам обращаться",
    no_letter: "Напишите имя буквами, пожалуйста",
    phone_for_email: "Похоже, вместо e-mail введён телефон. Укажите адрес вида name@mail.kz",
    no_at: "В адресе не хватает знака @: например, name@mail.kz",
    extra_at: "Знак @ в адресе бывает только один: уберите лишний, пожалуйста",
    several_addresses: "Похоже, здесь два адреса. Оставьте один: на него придёт результат",
    space: "Уберите, пожалуйста, пробел: в адресе их не бывает",
    not_ascii: ru_not_ascii,
    no_mailbox: "Допишите, пожалуйста, начало адреса перед знаком @",
    no_domain: "Допишите, пожалуйста, конец адреса после знака @: например, mail.kz или gmail.com",
    no_top_level_domain: "Похоже, адрес не дописан: после знака @ бывает, например, mail.kz или gmail.com",
    wrong_dots: "Посмотрите на точки: двух подряд и рядом с @ не бывает",
    wrong_domain: "Проверьте, пожалуйста, адрес после знака @: там бывает, например, mail.kz или gmail.com",
    email_for_phone: "Похоже, вместо телефона введён e-mail. Укажите номер вида +7 701 000 00 00",
    letters: "Похоже, в номер попали буквы: оставьте, пожалуйста, только цифры",
    several_numbers: "Похоже, здесь два номера. Оставьте один: на него придёт SMS",
    extension: "На добавочный номер SMS не придёт. Укажите, пожалуйста, мобильный",
    too_few_digits: ru_too_few_digits,
    too_many_digits: ru_too_many_digits,
    no_plus: "Похоже, это номер другой страны: поставьте, пожалуйста, плюс перед её кодом",
    no_country_code: "Начните, пожалуйста, номер с плюса и кода страны: например, +7 или +996",
    no_such_country_code: "Страны с таким кодом нет: проверьте, пожалуйста, цифры после плюса",
    service_code: "SMS на этот номер не придёт: это спутниковая или служебная связь. Укажите, пожалуйста, мобильный",
    premium_rate: "SMS на этот номер не придёт: это платная служба. Укажите, пожалуйста, мобильный",
    unassigned_range: "Таких номеров пока нет: проверьте, пожалуйста, цифры после кода страны",
};

fn ru_wrong_character(character: char) -> String {
    format!("Уберите, пожалуйста, знак «{character}»: здесь его не бывает")
}

fn ru_not_ascii(character: char) -> String {
    match character {
        '\u{400}'..='\u{52F}' => {
            format!(
                "Буква «{character}» здесь кириллическая: переключите, пожалуйста, клавиатуру на латиницу"
            )
        }
        _ => format!("Адрес пишется латиницей: знака «{character}» в нём не бывает"),
    }
}

fn ru_too_few_digits(missing: u8) -> String {
    let digits = ru_plural(missing, "цифры", "цифр", "цифр");
    format!("Не хватает {missing} {digits}: проверьте, пожалуйста, номер")
}

fn ru_too_many_digits(extra: u8) -> String {
    if extra == 1 {
        return "Одна цифра лишняя: проверьте, пожалуйста, номер".to_owned();
    }
    let digits = ru_plural(extra, "Лишняя", "Лишние", "Лишних");
    let noun = ru_plural(extra, "цифра", "цифры", "цифр");
    format!("{digits} {extra} {noun}: проверьте, пожалуйста, номер")
}

/// The form of a word behind a number: 1 and 21, 2 to 4 and 22, all others.
const fn ru_plural(number: u8, one: &'static str, few: &'static str, many: &'static str) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}

#[cfg(test)]
mod tests {
    use super::ru_plural;

    #[test]
    fn russian_words_agree_with_their_number() {
        let form = |number| ru_plural(number, "цифра", "цифры", "цифр");
        for (numbers, expected) in [
            (&[1, 21, 101][..], "цифра"),
            (&[2, 3, 4, 22, 34][..], "цифры"),
            (&[0, 5, 9, 10, 11, 12, 14, 20, 25, 111, 112][..], "цифр"),
        ] {
            for number in numbers {
                assert_eq!(form(*number), expected, "{number}");
            }
        }
    }
}
