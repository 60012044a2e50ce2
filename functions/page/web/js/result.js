// The result screen.
import { session } from './session.js';
import { TEXTS } from './texts.js';

const byId = (id) => document.getElementById(id);

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

export function fillResult() {
  const { result, email, phone } = session.result;
  byId('result-sent').textContent = TEXTS.sent(email, phone);
  for (const id of ['result-map', 'result-types', 'result-work', 'result-step']) byId(id).hidden = !result;
  byId('result-title').textContent = result
    ? TEXTS.result(result.types[0].title, result.types[1].title.toLowerCase())
    : TEXTS.noResult;
  if (!result) return;
  byId('result-map').replaceChildren(drawMap(result.types.map((type) => type.letter)));
  byId('result-types').replaceChildren(
    ...result.types.map((type) => {
      const card = document.createElement('article');
      card.append(element('h2', type.title), element('p', type.meaning));
      return card;
    }),
  );
  byId('result-professions').replaceChildren(...result.professions.map((name) => element('li', name)));
  byId('result-first').textContent = result.firstStep;
}

// The start screen's hexagon with the two leading types lit and joined.
function drawMap(letters) {
  const map = document.querySelector('.map').cloneNode(true);
  const lit = letters.map((letter) => map.querySelector(`[data-type="${letter}"]`));
  const points = lit.map((group) => {
    group.classList.add('on');
    const circle = group.querySelector('circle');
    return `${circle.getAttribute('cx')} ${circle.getAttribute('cy')}`;
  });
  const link = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  link.setAttribute('d', `M${points.join('L')}`);
  link.setAttribute('class', 'link');
  map.insertBefore(link, map.querySelector('g'));
  return map;
}
