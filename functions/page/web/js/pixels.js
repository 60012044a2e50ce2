// Meta Pixel and Yandex Metrica, as their own snippets do it, but from a file: the page allows no inline script.

function load(url) {
  const script = document.createElement('script');
  script.async = true;
  script.src = url;
  document.head.append(script);
}

export function startPixels({ meta, yandex }) {
  if (meta) {
    const fbq = (window.fbq = function () {
      if (fbq.callMethod) fbq.callMethod.apply(fbq, arguments);
      else fbq.queue.push(arguments);
    });
    Object.assign(fbq, { push: fbq, loaded: true, version: '2.0', queue: [], disablePushState: true });
    window._fbq = fbq;
    load('https://connect.facebook.net/en_US/fbevents.js');
    fbq('init', meta);
    fbq('track', 'PageView');
  }
  if (yandex) {
    const ym = (window.ym = function () {
      (ym.a = ym.a || []).push(arguments);
    });
    ym.l = Date.now();
    load('https://mc.yandex.ru/metrika/tag.js');
    ym(Number(yandex), 'init', { clickmap: false, trackLinks: true, accurateTrackBounce: true });
  }
  startPixels.yandex = Number(yandex);
}

export function trackLead() {
  if (window.fbq) window.fbq('track', 'Lead');
  if (window.ym) window.ym(startPixels.yandex, 'reachGoal', 'lead');
}
