// Finds the nonce that solves a challenge, and posts it until the server has taken or refused it. An older page may start
// this script too: what it sends, {challenge, siteKey}, keeps its meaning.
const URL = '/api/landing/challenge';
const SEND_TIMEOUT_MS = 15_000;
const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 60_000;

// The constants of SHA-256 (FIPS 180-4): the first bits behind the point of the roots of the first primes.
const fraction = (root) => ((root % 1) * 2 ** 32) | 0;
const primes = [];
for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUND = primes.map((prime) => fraction(Math.cbrt(prime)));
const turn = (word, by) => (word >>> by) | (word << (32 - by));

function compress(state, block) {
  const words = block.slice();
  let [a, b, c, d, e, f, g, h] = state;
  for (let at = 0; at < 64; at += 1) {
    if (at > 15) {
      const [x, y] = [words[at - 15], words[at - 2]];
      const first = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
      const second = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
      words[at] = (words[at - 16] + first + words[at - 7] + second) | 0;
    }
    const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[at] + words[at];
    const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((word, at) => (word + state[at]) | 0);
}

// The first 32 bits of the hash of an ASCII text.
function hash(text) {
  const words = new Array((((text.length + 8) >> 6) + 1) * 16).fill(0);
  for (let at = 0; at < text.length; at += 1) words[at >> 2] |= text.charCodeAt(at) << (24 - (at % 4) * 8);
  words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
  words[words.length - 1] = text.length * 8;
  let state = START;
  for (let at = 0; at < words.length; at += 16) state = compress(state, words.slice(at, at + 16));
  return state[0];
}

function solve(challenge) {
  const bits = Number(challenge.split('.')[1]);
  let nonce = 0;
  while (Math.clz32(hash(`${challenge}.${nonce}`)) < bits) nonce += 1;
  return String(nonce);
}

// Turnstile's, where the challenge came with a site key.
let token;
let tokenCame = () => {};

async function post(body) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), SEND_TIMEOUT_MS);
  try {
    const response = await fetch(URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: aborter.signal,
    });
    // What is no JSON of ours is a gateway's or a hotel's.
    return response.status === 429 || response.status >= 500 ? undefined : await response.json();
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function prove({ challenge, siteKey }) {
  const nonce = solve(challenge);
  for (let pause = PAUSE_MIN_MS; ; pause = Math.min(pause * 2, PAUSE_MAX_MS)) {
    if (siteKey && !token) await new Promise((came) => (tokenCame = came));
    const answer = await post({ challenge, nonce, turnstile: token });
    if (answer && !(answer.fields || {}).turnstile) break;
    if (answer) {
      token = undefined;
      postMessage({ token: 'another' });
    } else {
      await new Promise((passed) => setTimeout(passed, pause * (0.75 + Math.random() / 4)));
    }
  }
  postMessage({ done: true });
}

onmessage = ({ data }) => {
  if (data.challenge) {
    prove(data);
  } else {
    token = data.token;
    tokenCame();
  }
};
