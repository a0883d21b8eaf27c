// The connection on which the server tells what changes, and what the page does while it is lost.
//
// In: the server-sent events `header` (HTML), `tick` (nothing to read) and `point` (JSON) of `{base}/ui/events`. Out: the
// same, announced as `live:header`, `live:tick`, `live:point`; and `live:healed` when the connection is back, as
// everything shown may be old then.

import { announce, base, byId } from "./dom";

const EVENTS = ["header", "tick", "point"] as const;
/** Shorter interruptions are nobody's business. */
const LOST_AFTER_MS = 1500;
/** A running test that says nothing for so long is not reachable, whatever the connection claims. */
const SILENT_AFTER_MS = 12_000;

let source: EventSource | undefined;
let lostTimer: number | undefined;
let retryTimer: number | undefined;
let retryMs = 1000;
let lost = false;
let interrupted = false;
let heardAt = 0;

/** Connects, on pages that have something live, or something typed that could not be saved without a connection. */
export function startLive(): void {
  if (!byId("header") && !document.querySelector("[data-editor]")) return;
  connect();
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) reconnect();
  });
  addEventListener("online", reconnect);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (lost) reconnect();
    else announce("live:tick");
  });
  setInterval(() => {
    const live = byId("header")?.dataset.phase === "live";
    if (live && heardAt > 0 && Date.now() - heardAt > SILENT_AFTER_MS) reconnect();
  }, 2000);
}

function connect(): void {
  source?.close();
  const mine = new EventSource(`${base}/ui/events`);
  source = mine;
  heardAt = Date.now();
  mine.addEventListener("open", opened);
  mine.addEventListener("error", () => {
    if (source !== mine) return;
    interrupt();
    // A browser tries again by itself unless the server has answered something else than events.
    if (mine.readyState === EventSource.CLOSED) {
      void leaveIfLoggedOut();
      clearTimeout(retryTimer);
      retryTimer = window.setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
      retryMs = Math.min(retryMs * 1.7, 15_000);
    }
  });
  for (const name of EVENTS) {
    mine.addEventListener(name, (event: MessageEvent<string>) => {
      heardAt = Date.now();
      announce(`live:${name}`, event.data);
    });
  }
}

/** An event source does not say why it was refused. Whoever has to log in again comes back to this page afterwards. */
async function leaveIfLoggedOut(): Promise<void> {
  const answer = await fetch(`${base}/worker-count`).catch(() => undefined);
  if (answer?.status === 401) location.reload();
}

function reconnect(): void {
  interrupt();
  clearTimeout(retryTimer);
  connect();
}

function interrupt(): void {
  interrupted = true;
  lostTimer ??= window.setTimeout(() => {
    lost = true;
    document.documentElement.classList.add("stale");
    show("The connection to Katydid is lost. What you see may be old; trying to connect again…", false);
  }, LOST_AFTER_MS);
}

function opened(): void {
  heardAt = Date.now();
  retryMs = 1000;
  clearTimeout(lostTimer);
  lostTimer = undefined;
  document.documentElement.classList.remove("stale");
  if (interrupted) announce("live:healed");
  interrupted = false;
  if (!lost) return;
  lost = false;
  show("Connected again", true);
  window.setTimeout(() => {
    const banner = byId("connection");
    if (banner && !lost) banner.hidden = true;
  }, 2500);
}

function show(text: string, back: boolean): void {
  const banner = byId("connection");
  if (!banner) return;
  banner.textContent = text;
  banner.classList.toggle("back", back);
  banner.hidden = false;
}
