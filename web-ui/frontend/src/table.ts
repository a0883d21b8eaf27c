// Tables: sorting, filtering, hiding columns, and reading what is folded.

import { hiddenColumns, setHiddenColumns } from "./columns";
import { byId, hear, on } from "./dom";
import { setQuery } from "./tabs";

const FILTER_DELAY_MS = 120;

let followLogs = true;

/** Makes tables work. */
export function startTable(): void {
  on("click", "[data-set]", (link, event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    setQuery(Object.fromEntries(new URLSearchParams(link.dataset.set)));
  });
  let timer: number | undefined;
  const apply = (form: HTMLElement) => {
    clearTimeout(timer);
    if (!(form instanceof HTMLFormElement)) return;
    const fields = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
    timer = window.setTimeout(() => setQuery(Object.fromEntries(fields)), FILTER_DELAY_MS);
  };
  on("input", "[data-query]", apply);
  on("submit", "[data-query]", (form, event) => {
    event.preventDefault();
    apply(form);
  });
  on("change", "[data-column]", () => {
    const boxes = [...document.querySelectorAll<HTMLInputElement>("[data-column]")];
    setHiddenColumns(boxes.filter((box) => !box.checked).map((box) => Number(box.dataset.column)));
  });
  on("mouseover", ".fold", (text) => {
    if (text.scrollWidth > text.clientWidth) text.title = (text.textContent ?? "").slice(0, 2000);
  });
  document.addEventListener("click", (event) => {
    const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
    if (menu && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  on("keydown", "details.menu[open]", (menu, event) => {
    if (event.key !== "Escape" || !(menu instanceof HTMLDetailsElement)) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  on("change", "[data-follow-logs]", (box) => {
    followLogs = (box as HTMLInputElement).checked;
    follow();
  });
  hear("panel", afterPanel);
  afterPanel();
}

function afterPanel(): void {
  const hidden = new Set(hiddenColumns());
  for (const box of document.querySelectorAll<HTMLInputElement>("[data-column]")) {
    box.checked = !hidden.has(Number(box.dataset.column));
  }
  const box = document.querySelector<HTMLInputElement>("[data-follow-logs]");
  if (box) box.checked = followLogs;
  follow();
}

function follow(): void {
  const log = byId("log");
  if (log && followLogs) log.scrollTop = log.scrollHeight;
}
