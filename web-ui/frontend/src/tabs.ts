// The tabs: which one is open stands in the address; its body comes from the server and is refreshed while it is seen.
//
// In: `{base}/ui/<tab>?<the address's query>`, on opening and with each `live:tick`. Out: the body morphed into `#panel`, and
// `panel` announced after each change.

import { announce, base, byId, hear, morph, on, Refused, request } from "./dom";
import { localMoments } from "./moments";

/** Bodies as they were, so that a tab shows something at once. */
const bodies = new Map<string, string>();
/** What each tab's address was, so that its filter is still there on coming back. */
const queries = new Map<string, string>();
/** Parameters of the page that are not the tab's. */
const PAGE_ONLY = ["tab", "request", "theme"];

let current = "";
let underWay: AbortController | undefined;

/** Makes tabs work. */
export function startTabs(): void {
  const panel = byId("panel");
  if (!panel) return;
  current = panel.dataset.tab ?? "statistics";
  bodies.set(current, panel.innerHTML);
  byId(`tab-${current}`)?.scrollIntoView({ block: "nearest", inline: "center" });
  on("click", "[data-tab][role=tab]", (tab, event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    openTab(tab.dataset.tab ?? "");
  });
  on("keydown", "[role=tablist]", moveFocus);
  const list = document.querySelector<HTMLElement>("[data-tabs]");
  if (list) {
    list.addEventListener("scroll", () => hint(list), { passive: true });
    new ResizeObserver(() => hint(list)).observe(list);
  }
  on("click", "[data-retry]", () => void refresh());
  addEventListener("popstate", () => {
    select(tabOf(location.search));
    announce("address");
  });
  hear("live:tick", () => void tick());
  hear("live:healed", () => void refresh());
  hear("run", () => void refresh());
  hear("phase", () => void refresh());
  announce("panel");
}

function tabOf(search: string): string {
  return new URLSearchParams(search).get("tab") ?? "statistics";
}

/** Opens a tab as if it had been clicked. */
export function openTab(tab: string): void {
  if (tab === current || !document.getElementById(`tab-${tab}`)) return;
  queries.set(current, location.search);
  history.pushState(null, "", queries.get(tab) ?? `?tab=${encodeURIComponent(tab)}`);
  select(tab);
}

function select(tab: string): void {
  const panel = byId("panel");
  const head = byId(`tab-${tab}`);
  if (!panel || !head) return;
  const changed = tab !== current;
  current = tab;
  for (const other of document.querySelectorAll<HTMLElement>("[role=tab]")) {
    other.setAttribute("aria-selected", String(other === head));
    other.tabIndex = other === head ? 0 : -1;
  }
  head.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (changed) {
    panel.dataset.tab = tab;
    panel.setAttribute("aria-labelledby", head.id);
    panel.innerHTML = localMoments(bodies.get(tab) ?? "");
    announce("panel");
  }
  void refresh();
}

/** A row that is wider than the page shows on which side there is more of it. */
function hint(list: HTMLElement): void {
  list.classList.toggle("more-before", list.scrollLeft > 2);
  list.classList.toggle("more-after", list.scrollLeft + list.clientWidth < list.scrollWidth - 2);
}

function moveFocus(list: HTMLElement, event: KeyboardEvent): void {
  const tabs = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
  const at = tabs.findIndex((tab) => tab === document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
  if (!next) return;
  event.preventDefault();
  next.focus();
  openTab(next.dataset.tab ?? "");
}

/** Changes parameters of the open tab in the address, and shows what follows; empty values are left out. */
export function setQuery(changes: Record<string, string>): void {
  const query = new URLSearchParams(location.search);
  query.set("tab", current);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  history.replaceState(null, "", `?${query}`);
  void refresh();
}

/** A long table comes less often than a short one: about so many characters of it a second. */
const CHARACTERS_A_SECOND = 28_000;
let ticks = 0;

async function tick(): Promise<void> {
  const panel = byId("panel");
  ticks += 1;
  if (ticks * CHARACTERS_A_SECOND < (bodies.get(current)?.length ?? 0)) return;
  const busy = underWay !== undefined || document.hidden;
  // A table under a mouse button is being selected from, and so is a list that is open.
  const choosing = document.activeElement instanceof HTMLSelectElement && panel?.contains(document.activeElement);
  if (!panel || busy || choosing || current === "download" || hasSelection(panel)) return;
  await refresh();
}

function hasSelection(panel: HTMLElement): boolean {
  const selection = getSelection();
  return !!selection && !selection.isCollapsed && !!selection.anchorNode && panel.contains(selection.anchorNode);
}

/** Fetches the open tab's body. */
export async function refresh(): Promise<void> {
  const panel = byId("panel");
  if (!panel) return;
  underWay?.abort();
  const mine = new AbortController();
  underWay = mine;
  const tab = current;
  const { search } = location;
  ticks = 0;
  panel.classList.toggle("loading", !panel.hasChildNodes());
  panel.setAttribute("aria-busy", "true");
  try {
    const query = new URLSearchParams(search);
    for (const name of PAGE_ONLY) query.delete(name);
    const answer = await request(`${base}/ui/${tab}?${query}`, { signal: mine.signal });
    const html = await answer.text();
    // Something else has been chosen meanwhile, which this is no answer to.
    if (tab !== current || search !== location.search) return;
    if (bodies.get(tab) !== html || !panel.hasChildNodes()) {
      bodies.set(tab, html);
      morph(panel, html, "innerHTML");
      announce("panel");
    }
    failed(false);
  } catch (error) {
    if (mine.signal.aborted) return;
    // Without a connection the banner says enough.
    if (error instanceof Refused || !panel.hasChildNodes()) failed(true);
  } finally {
    if (underWay === mine) {
      underWay = undefined;
      panel.classList.remove("loading");
      panel.removeAttribute("aria-busy");
    }
  }
}

function failed(yes: boolean): void {
  const notice = byId("panel-error");
  if (notice) notice.hidden = !yes;
}
