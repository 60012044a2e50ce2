// Runs before anything is painted: whoever is amid the test must not see the start screen flash by.
try {
  if (JSON.parse(sessionStorage.proftest).step !== 'start') document.documentElement.classList.add('resuming');
} catch {}
