// The editor of the scenario: a text area over its coloured copy, with line numbers and the places of problems.

import { byId, morph, on, Refused, request, toast } from "./dom";
import { highlight } from "./highlight";

/** Makes the editor work, on the page that has it. */
export function startScenario(): void {
  const editor = document.querySelector<HTMLElement>("[data-editor]");
  const area = editor?.querySelector("textarea");
  const copy = editor?.querySelector<HTMLElement>(".highlight");
  const gutter = editor?.querySelector<HTMLElement>(".gutter");
  if (!editor || !area || !copy || !gutter) return;
  let saved = area.value;
  const draw = () => {
    // A line's end at the end needs something after it to take up room.
    copy.innerHTML = `${highlight(area.value)}\n`;
    number(gutter, area.value.split("\n").length);
  };
  const touched = () => {
    const mark = document.querySelector<HTMLElement>("[data-unsaved]");
    if (mark) mark.hidden = area.value === saved;
  };
  editor.classList.add("ready");
  area.addEventListener("input", () => {
    requestAnimationFrame(draw);
    touched();
  });
  let escaped = false;
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      document.querySelector<HTMLElement>("[data-check]")?.click();
    } else if (event.key === "Tab" && !escaped && !area.readOnly && !event.shiftKey) {
      event.preventDefault();
      insert("    ");
    }
    escaped = event.key === "Escape" || (escaped && event.key === "Shift");
  });
  area.addEventListener("blur", () => (escaped = false));
  on("click", "[data-goto]", (button) => {
    const problem = button.closest<HTMLElement>("[data-line]");
    goTo(area, editor, Number(problem?.dataset.line), Number(problem?.dataset.column));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, successful } = (event as CustomEvent<{ elt: Element; successful: boolean }>).detail;
    if (successful && elt.matches("[data-save]") && !byId("diagnostics")?.querySelector("[data-line]")) {
      saved = area.value;
      touched();
    }
    number(gutter, area.value.split("\n").length);
  });
  on("click", "[data-run]", (link, event) => {
    if (area.readOnly || area.value === saved) return;
    event.preventDefault();
    const save = document.querySelector<HTMLElement>("[data-save]")?.getAttribute("hx-post");
    if (save) void saveAndLeave(area, save, link as HTMLAnchorElement, () => (saved = area.value));
  });
  addEventListener("beforeunload", (event) => {
    if (area.value !== saved) event.preventDefault();
  });
  draw();
}

/** Saves, and follows the link if all is well; otherwise the problems are shown. */
async function saveAndLeave(
  area: HTMLTextAreaElement,
  path: string,
  link: HTMLAnchorElement,
  done: () => void,
): Promise<void> {
  try {
    const answer = await request(path, { method: "POST", body: new URLSearchParams({ source: area.value }) });
    const diagnostics = byId("diagnostics");
    if (diagnostics) morph(diagnostics, (await answer.text()).trim(), "outerHTML");
  } catch (error) {
    toast(error instanceof Refused ? error.message : "Katydid cannot be reached.", true);
    return;
  }
  if (byId("diagnostics")?.querySelector("[data-line]")) {
    const gutter = document.querySelector<HTMLElement>("[data-editor] .gutter");
    if (gutter) number(gutter, area.value.split("\n").length);
    return;
  }
  done();
  location.assign(link.href);
}

function insert(text: string): void {
  // The one way of typing that can be undone.
  document.execCommand("insertText", false, text);
}

function number(gutter: HTMLElement, lines: number): void {
  const problems = new Map<number, string>();
  for (const problem of document.querySelectorAll<HTMLElement>("#diagnostics [data-line]")) {
    problems.set(Number(problem.dataset.line), problem.dataset.message ?? "");
  }
  gutter.replaceChildren(
    ...Array.from({ length: lines }, (_, index) => {
      const line = document.createElement("span");
      const message = problems.get(index + 1);
      line.textContent = String(index + 1);
      if (message !== undefined) {
        line.className = "bad";
        line.title = message;
      }
      return line;
    }),
  );
}

function goTo(area: HTMLTextAreaElement, editor: HTMLElement, line: number, column: number): void {
  const before = area.value.split("\n").slice(0, line - 1);
  const at = before.reduce((sum, text) => sum + text.length + 1, 0) + Math.max(0, column - 1);
  area.focus({ preventScroll: true });
  area.setSelectionRange(at, at);
  editor.scrollTop = Math.max(0, (line - 6) * 20);
  editor.scrollIntoView({ block: "nearest" });
}
