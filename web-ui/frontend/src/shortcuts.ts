// Keys that save a way to the mouse; none while something is being typed.

import { byId, on } from "./dom";
import { openTab } from "./tabs";
import { nextTheme } from "./theme";

const KEY = "katydid.shortcuts";

let enabled = remembered();

/** Makes keys work, unless this browser's user has switched them off: who speaks to a computer types by accident. */
export function startShortcuts(): void {
  const box = byId<HTMLInputElement>("shortcuts-on");
  if (box) box.checked = enabled;
  on("change", "#shortcuts-on", (element) => {
    enabled = (element as HTMLInputElement).checked;
    try {
      localStorage.setItem(KEY, enabled ? "on" : "off");
    } catch {
      // Then it holds for this page only.
    }
  });
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const typing = target.matches("input, textarea, select, [contenteditable]");
    if (!enabled || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (act(event.key)) event.preventDefault();
  });
}

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
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
