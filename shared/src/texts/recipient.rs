//! What the people who get our messages read on our pages.

/// The page `/r/{code}`.
#[derive(Debug)]
pub struct ResultPageTexts {
    /// The document's title.
    pub title: &'static str,
    /// Above the heading.
    pub eyebrow: &'static str,
    /// The heading: two types, the stronger first.
    pub heading: fn(&str, &str) -> String,
    /// Below it.
    pub lede: &'static str,
    /// The heading without a result.
    pub nothing: &'static str,
    /// Below it.
    pub nothing_lede: &'static str,
    /// Describes the drawing of the six types to those who do not see it; before their names.
    pub map: &'static str,
    /// Above the button, in a result.
    pub course: &'static str,
    /// The button.
    pub button: &'static str,
    /// Heading of what can be shared.
    pub share: &'static str,
    /// What can be shared, before the link: two types, the stronger first.
    pub shared: fn(&str, &str) -> String,
    /// How to copy it without a script.
    pub share_help: &'static str,
    /// Before the link to stop.
    pub not_you: &'static str,
    /// The link to stop.
    pub stop: &'static str,
    /// The heading for a link that is none of ours.
    pub unknown: &'static str,
    /// Below it.
    pub unknown_lede: &'static str,
    /// The heading while the database does not answer.
    pub down: &'static str,
    /// Below it.
    pub down_lede: &'static str,
    /// Leads to the test.
    pub test: &'static str,
}

/// The page `/u/{token}`. It is the same for every token.
#[derive(Debug)]
pub struct StopTexts {
    /// The document's title.
    pub title: &'static str,
    /// Above the heading.
    pub eyebrow: &'static str,
    /// The heading.
    pub heading: &'static str,
    /// What we send, and why.
    pub lede: &'static str,
    /// The question above the choices.
    pub question: &'static str,
    /// Stops e-mail and SMS.
    pub all: &'static str,
    /// Says more about it.
    pub all_hint: &'static str,
    /// Stops e-mail.
    pub email: &'static str,
    /// Says more about it.
    pub email_hint: &'static str,
    /// Somebody else left these contacts.
    pub not_me: &'static str,
    /// Says more about it.
    pub not_me_hint: &'static str,
    /// The button.
    pub button: &'static str,
    /// Below the button.
    pub note: &'static str,
    /// Above the heading of what was done.
    pub done: &'static str,
    /// What was done: e-mail and SMS.
    pub done_all: StopDone,
    /// What was done: e-mail.
    pub done_email: StopDone,
    /// What was done: e-mail and SMS, and the name is gone.
    pub done_not_me: StopDone,
    /// What may still come, because it is out already.
    pub late: &'static str,
    /// The button for what is left: SMS too.
    pub also_sms: &'static str,
    /// Nothing was done: the heading while the database does not answer.
    pub down: &'static str,
    /// Below it.
    pub down_lede: &'static str,
    /// Nothing was done: the heading when the choice could not be read.
    pub unread: &'static str,
    /// Below it.
    pub unread_lede: &'static str,
}

/// What a person is told after they have stopped messages.
#[derive(Debug)]
pub struct StopDone {
    /// The heading.
    pub heading: &'static str,
    /// Below it.
    pub lede: &'static str,
}

pub(super) const RU_RESULT: ResultPageTexts = ResultPageTexts {
    title: "Результат теста",
    eyebrow: "Ваш результат",
    heading: ru_heading,
    lede: "Вот что о\u{a0}вас говорят ваши ответы. Страница останется по\u{a0}этой ссылке: к\u{a0}ней можно вернуться.",
    nothing: "Спасибо, что прошли тест!",
    nothing_lede: "По\u{a0}этим ответам мы\u{a0}не\u{a0}считали типы и\u{a0}профессии, поэтому показать их не\u{a0}можем. \
                   Советуем начать с\u{a0}экспресс-курса: он поможет понять, что вам ближе.",
    map: "Шесть типов, выделены ваши",
    course: "Начать можно с\u{a0}экспресс-курса OnAI Academy.",
    button: "Перейти к\u{a0}экспресс-курсу",
    share: "Поделиться",
    shared: ru_shared,
    share_help: "Нажмите на\u{a0}текст, чтобы выделить его, и\u{a0}скопируйте.",
    not_you: "Тест проходили не\u{a0}вы?",
    stop: "Больше не\u{a0}писать",
    unknown: "По\u{a0}этой ссылке результата нет",
    unknown_lede: "Возможно, она скопирована не\u{a0}полностью или данные уже удалены. Тест на\u{a0}месте и\u{a0}займёт около трёх минут.",
    down: "Результат пока не\u{a0}открывается",
    down_lede: "Он\u{a0}сохранён, но\u{a0}сервер не\u{a0}отвечает. Обновите страницу через минуту.",
    test: "Пройти тест",
};

pub(super) const RU_STOP: StopTexts = StopTexts {
    title: "Больше не присылать",
    eyebrow: "Письма и\u{a0}SMS от\u{a0}OnAI Academy",
    heading: "Больше не\u{a0}присылать?",
    lede: "После профориентационного теста мы\u{a0}отправляем письмо и\u{a0}SMS с\u{a0}его результатом и\u{a0}рассказываем о\u{a0}курсах \
           тем, кто на\u{a0}это согласился.",
    question: "Что остановить?",
    all: "И\u{a0}письма, и\u{a0}SMS",
    all_hint: "Не\u{a0}будем писать совсем",
    email: "Только письма",
    email_hint: "SMS останутся",
    not_me: "Это был не\u{a0}я",
    not_me_hint: "Тест проходил кто-то другой: остановим всё и\u{a0}удалим имя",
    button: "Больше не\u{a0}присылать",
    note: "Отказ действует сразу и\u{a0}бессрочно. Новая анкета его не\u{a0}отменит, кто\u{a0}бы её ни\u{a0}отправил.",
    done: "Готово",
    done_all: StopDone {
        heading: "Больше не\u{a0}напишем",
        lede: "Ни\u{a0}писем, ни\u{a0}SMS от\u{a0}нас не\u{a0}будет.",
    },
    done_email: StopDone {
        heading: "Писем больше не\u{a0}будет",
        lede: "SMS остались. Их тоже можно остановить.",
    },
    done_not_me: StopDone {
        heading: "Простите за\u{a0}беспокойство",
        lede: "Кто-то указал ваши контакты вместо своих. Мы\u{a0}удалили имя, остановили письма и\u{a0}SMS и\u{a0}попросили отдел \
               продаж не\u{a0}звонить.",
    },
    late: "Письмо или SMS, отправленные минуту назад, ещё могут прийти.",
    also_sms: "Остановить и\u{a0}SMS",
    down: "Пока не\u{a0}получилось",
    down_lede: "Сервер не\u{a0}отвечает, и\u{a0}ваш отказ ещё не\u{a0}записан. Нажмите кнопку ещё раз через минуту.",
    unread: "Выберите, что остановить",
    unread_lede: "Браузер прислал не\u{a0}то, чего мы\u{a0}ждали, и\u{a0}ничего не\u{a0}изменилось.",
};

fn ru_heading(first: &str, second: &str) -> String {
    format!("{first} и\u{a0}{}", second.to_lowercase())
}

fn ru_shared(first: &str, second: &str) -> String {
    let types = format!("{} и {}", first.to_lowercase(), second.to_lowercase());
    format!("Мой результат в профтесте: {types}. А какая профессия подходит вам?")
}
