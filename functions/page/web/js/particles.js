// The background: a few points that drift, joined where they come close. Draws only while it is seen.

const AREA_PER_PARTICLE = 70_000;
const COUNT_MIN = 15;
const COUNT_MAX = 20;
const JOIN = 190;
const SPEED = 9;
const RESIZE_MS = 250;
// After a pause the points go on from where they were.
const FRAME_MAX_S = 0.05;

export function run(wide) {
  const canvas = document.querySelector('canvas');
  const context = canvas.getContext('2d');
  let particles = [];
  let frame = 0;
  let before = 0;
  let timer = 0;

  const resize = () => {
    const scale = Math.min(devicePixelRatio, 2);
    canvas.width = innerWidth * scale;
    canvas.height = innerHeight * scale;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const wanted = Math.round((innerWidth * innerHeight) / AREA_PER_PARTICLE);
    const count = Math.max(COUNT_MIN, Math.min(COUNT_MAX, wanted));
    particles = Array.from({ length: count }, (_, at) => particles[at] || born());
  };

  const born = () => {
    const angle = Math.random() * 2 * Math.PI;
    return {
      x: Math.random() * innerWidth,
      y: Math.random() * innerHeight,
      dx: Math.cos(angle) * SPEED,
      dy: Math.sin(angle) * SPEED,
      size: 1 + Math.random() * 1.4,
    };
  };

  const draw = (now) => {
    const passed = Math.min((now - before) / 1000, FRAME_MAX_S);
    before = now;
    context.clearRect(0, 0, innerWidth, innerHeight);
    for (const one of particles) {
      one.x = (one.x + one.dx * passed + innerWidth) % innerWidth;
      one.y = (one.y + one.dy * passed + innerHeight) % innerHeight;
    }
    context.strokeStyle = '#5fe3a0';
    particles.forEach((one, at) => {
      for (const other of particles.slice(at + 1)) {
        const distance = Math.hypot(one.x - other.x, one.y - other.y);
        if (distance > JOIN) continue;
        context.globalAlpha = 0.14 * (1 - distance / JOIN);
        context.beginPath();
        context.moveTo(one.x, one.y);
        context.lineTo(other.x, other.y);
        context.stroke();
      }
    });
    context.globalAlpha = 0.32;
    context.fillStyle = '#5fe3a0';
    for (const one of particles) {
      context.beginPath();
      context.arc(one.x, one.y, one.size, 0, 2 * Math.PI);
      context.fill();
    }
    frame = requestAnimationFrame(draw);
  };

  const update = () => {
    const seen = wide.matches && !document.hidden;
    if (seen && !frame) {
      resize();
      before = performance.now();
      frame = requestAnimationFrame(draw);
    } else if (!seen && frame) {
      cancelAnimationFrame(frame);
      frame = 0;
    }
    if (!wide.matches) context.clearRect(0, 0, innerWidth, innerHeight);
  };

  addEventListener('resize', () => {
    clearTimeout(timer);
    timer = setTimeout(() => frame && resize(), RESIZE_MS);
  });
  document.addEventListener('visibilitychange', update);
  wide.addEventListener('change', update);
  update();
}
