// Runs before the first paint: what the browser remembers of looks must not flicker in.
//
// In: `?theme=light|dark` of the address, localStorage. Out: `data-theme` on the root element, and a style sheet that hides columns.

import { applyHiddenColumns } from "./columns";

try {
  const asked = new URLSearchParams(location.search).get("theme");
  const chosen = [asked, localStorage.getItem("katydid.theme")].find((theme) => theme === "light" || theme === "dark");
  if (chosen) document.documentElement.dataset.theme = chosen;
  applyHiddenColumns();
} catch {
  // Without storage the defaults hold.
}
