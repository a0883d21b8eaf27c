// Keys that save a way to the mouse; none while something is being typed.

import { byId } from "./dom";
import { openTab } from "./tabs";
import { nextTheme } from "./theme";

/** Makes keys work. */
export function startShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const typing = target.matches("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (act(event.key)) event.preventDefault();
  });
}

function act(key: string): boolean {
  const button = /^[a-z]$/.test(key) ? document.querySelector<HTMLButtonElement>(`[data-key="${key}"]`) : null;
  if (button?.checkVisibility()) {
    button.click();
  } else if (key === "?") {
    byId<HTMLDialogElement>("keyboard-help")?.showModal();
  } else if (key === "/") {
    const field = document.querySelector<HTMLInputElement>('[data-hotkey="/"]');
    field?.focus();
    return field !== null;
  } else if (key === "t") {
    nextTheme();
  } else if (/^[1-9]$/.test(key)) {
    const tab = document.querySelectorAll<HTMLElement>("[role=tab]")[Number(key) - 1];
    openTab(tab?.dataset.tab ?? "");
  } else {
    return false;
  }
  return true;
}
