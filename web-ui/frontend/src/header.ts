// The header as the server sends it: swapped in, and what follows from it for the rest of the page.

import { announce, byId, hear, morph } from "./dom";

/** Shows each new header; announces `run` when another run has begun, `workers` when some have come or gone. */
export function startHeader(): void {
  hear<string>("live:header", (html) => {
    const header = byId("header");
    if (!header) return;
    const { phase, run, workers } = header.dataset;
    morph(header, html, "outerHTML");
    follow(phase, run, workers);
  });
  badges();
}

function follow(oldPhase?: string, oldRun?: string, oldWorkers?: string): void {
  const header = byId("header");
  if (!header) return;
  const { phase, run, title, workers } = header.dataset;
  // The page before the first run and the one after it have different contents.
  if ((oldPhase === "ready") !== (phase === "ready")) {
    location.reload();
    return;
  }
  if (title) document.title = title;
  badges();
  if (run !== oldRun) announce("run", run);
  if (phase !== oldPhase) announce("phase", phase);
  if (workers !== oldWorkers) announce("workers");
}

function badges(): void {
  const header = byId("header");
  if (!header) return;
  for (const badge of document.querySelectorAll<HTMLElement>("[data-badge]")) {
    const text = header.getAttribute(`data-badge-${badge.dataset.badge}`) ?? "";
    if (badge.textContent !== text) badge.textContent = text;
    badge.hidden = text === "";
  }
}
