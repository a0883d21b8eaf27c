// The choice between light, dark and what the system prefers.

import { announce, on, toast } from "./dom";

const ORDER = ["system", "light", "dark"] as const;

/** Makes the theme switchable; `theme` is announced after each change, by hand or by the system. */
export function startTheme(): void {
  on("click", "[data-theme-toggle]", nextTheme);
  // The report opens in the colours of the page it is opened from.
  on("click", 'a[href*="/stats/report"]', (link) => {
    const { theme } = document.documentElement.dataset;
    const url = new URL((link as HTMLAnchorElement).href);
    if (theme) url.searchParams.set("theme", theme);
    else url.searchParams.delete("theme");
    (link as HTMLAnchorElement).href = url.href;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => announce("theme"));
}

/** On to the next theme. */
export function nextTheme(): void {
  const root = document.documentElement;
  const now = ORDER.findIndex((theme) => theme === (root.dataset.theme ?? "system"));
  const next = ORDER[(now + 1) % ORDER.length] ?? "system";
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  // What is chosen by hand is not undone by the address when the page is loaded again.
  const query = new URLSearchParams(location.search);
  if (query.has("theme")) {
    query.delete("theme");
    history.replaceState(null, "", query.size > 0 ? `?${query}` : location.pathname);
  }
  try {
    localStorage.setItem("katydid.theme", next);
  } catch {
    // Then it holds for this page only.
  }
  toast(next === "system" ? "Colours as the system prefers" : `${next === "light" ? "Light" : "Dark"} colours`);
  announce("theme");
}
