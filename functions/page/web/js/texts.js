// Every sentence that the script shows; the rest stands in index.html. What is said of a contact is what the server
// says: the build takes it from shared/src/texts.rs.

export const TEXTS = {
  count: (number, all) => `${number} из ${all}`,
  nameEmpty: '{{contact:name_empty}}',
  emailEmpty: '{{contact:email_empty}}',
  noAt: '{{contact:no_at}}',
  // Before the domain and a question mark.
  meant: 'Вы имели в\u00a0виду ',
  phoneEmpty: '{{contact:phone_empty}}',
  // From one missing digit to ten.
  tooFewDigits: '{{contact:too_few_digits}}'.split('|'),
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
