// Runs before anything is painted. A visitor in the middle of the test must not see the start screen.
try {
  if (JSON.parse(sessionStorage.proftest).step !== 'start') document.documentElement.classList.add('resuming');
} catch {}
