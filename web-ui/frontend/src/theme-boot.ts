// Runs before the first paint: what the browser remembers of looks must not flicker in.
//
// In: localStorage. Out: `data-theme` on the root element, and a style sheet that hides columns.

import { applyHiddenColumns } from "./columns";

try {
  const theme = localStorage.getItem("katydid.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  applyHiddenColumns();
} catch {
  // Without storage the defaults hold.
}
