// Brings Turnstile's tokens to the worker. Cloudflare's script runs in a frame with a policy of its own, so that the page
// stays closed to it.

export function bringTokens(worker, siteKey) {
  const frame = document.createElement('iframe');
  const load = () => {
    frame.src = `{{asset:turnstile.html}}#${siteKey}`;
  };
  frame.className = 'trap';
  frame.title = 'Проверка браузера';
  frame.tabIndex = -1;
  frame.setAttribute('aria-hidden', 'true');
  addEventListener('message', ({ data, source, origin }) => {
    if (source === frame.contentWindow && origin === location.origin) worker.postMessage({ token: data });
  });
  worker.addEventListener('message', ({ data }) => {
    if (data.done) frame.remove();
    // The same address would not load again.
    else frame.contentWindow.location.reload();
  });
  load();
  document.body.append(frame);
}
