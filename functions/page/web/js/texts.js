// Every sentence that the script shows; the rest stands in index.html.

export const TEXTS = {
  count: (number, all) => `${number} из ${all}`,
  nameEmpty: 'Напишите, как к вам обращаться',
  nameShort: 'Имя должно содержать не меньше 2 символов',
  emailEmpty: 'Укажите e-mail: на него придёт результат',
  emailLetters: 'Адрес пишется латинскими буквами',
  emailWrong: 'Проверьте адрес: он должен быть вида name@mail.kz',
  phoneEmpty: 'Укажите телефон: на него придёт SMS',
  phoneWrong: 'Проверьте номер: в нём не хватает цифр или есть лишние',
  consentEmpty: 'Без согласия мы не сможем отправить результат',
  send: 'Показать результат',
  sending: 'Отправляем…',
  sendNow: 'Отправить сейчас',
  offline: 'Нет интернета.',
  busy: 'Сервер пока не отвечает.',
  kept: 'Ваши ответы и контакты сохранены в этой вкладке, не закрывайте её: мы отправим их сами.',
  after: (seconds) => `Следующая попытка через ${seconds} с.`,
  refused: 'Не получилось отправить.',
  result: (first, second) => `${first} и\u00a0${second}`,
  noResult: 'Спасибо, ответы у нас!',
  // Ten minutes, here and in index.html: the default of template.yaml, to which a test holds them.
  sent: (email, phone) =>
    `Через 10 минут придут письмо на ${email} и SMS на\u00a0${phone.replaceAll(' ', '\u00a0')}. Не видно письма? Загляните в «Спам».`,
};
