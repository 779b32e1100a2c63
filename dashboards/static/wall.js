// The wall refreshes itself; while the service is away it keeps what it shows and says so.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh) || 60;
  const stale = document.getElementById("stale");
  setInterval(async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.ok) location.reload(); else stale.hidden = false;
    } catch {
      stale.hidden = false;
    }
  }, seconds * 1000);
})();
