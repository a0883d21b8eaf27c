// Dialogs: opening and closing, forms fetched into one, questions before something is lost.

import htmx from "htmx.org";
import { byId, on, Refused, request, toast } from "./dom";

/** Makes dialogs and the buttons that need one work. */
export function startDialogs(): void {
  on("click", "[data-close]", (button) => button.closest("dialog")?.close());
  on("click", "[data-open]", (button) => byId<HTMLDialogElement>(button.dataset.open ?? "")?.showModal());
  on("click", "[data-form]", (button) => void openForm(button.dataset.form ?? ""));
  on("click", "[data-post]", (button) => void post(button as HTMLButtonElement));
  on("click", "[data-why]", (button) => toast(button.dataset.why ?? ""));
  on("click", "dialog.dialog", (dialog, event) => {
    if (event.target === dialog && dialog instanceof HTMLDialogElement && outside(dialog, event)) dialog.close();
  });
  // Whoever comes to start a run finds the form open; before the first run it is the page.
  const query = new URLSearchParams(location.search);
  if (query.has("start")) {
    query.delete("start");
    history.replaceState(null, "", query.size > 0 ? `?${query}` : location.pathname);
    const open = byId("button-new");
    if (open) void openForm(open.dataset.form ?? "");
    else if (byId("button-stop")) toast("A run is under way: the next one does what was saved");
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, successful } = (event as CustomEvent<{ elt: Element; successful: boolean }>).detail;
    if (successful && elt.matches("[data-edit-form]")) {
      byId<HTMLDialogElement>("form-dialog")?.close();
      toast("The run is changing to the new numbers");
    }
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
    const html = xhr.getResponseHeader("content-type")?.includes("html") ?? true;
    toast((!html && xhr.responseText.slice(0, 500)) || `The server answered ${xhr.status}.`, true);
  });
  document.addEventListener("htmx:sendError", () => toast("Katydid cannot be reached.", true));
}

function outside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  const box = dialog.getBoundingClientRect();
  return (
    event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom
  );
}

async function openForm(path: string): Promise<void> {
  const dialog = byId<HTMLDialogElement>("form-dialog");
  const body = byId("form-body");
  if (!dialog || !body) return;
  try {
    const answer = await request(path);
    body.innerHTML = await answer.text();
  } catch (error) {
    toast(error instanceof Refused ? error.message : "Katydid cannot be reached.", true);
    return;
  }
  dialog.setAttribute("aria-label", body.querySelector("h2")?.textContent ?? "Run");
  htmx.process(body);
  if (!dialog.open) dialog.showModal();
  const first = body.querySelector<HTMLInputElement>("[autofocus], input:not([type=hidden], [type=checkbox])");
  first?.focus();
  first?.select?.();
}

async function post(button: HTMLButtonElement): Promise<void> {
  const { post: path = "", confirm: title, confirmText = "", confirmYes = "OK", busy } = button.dataset;
  if (title && !(await ask(title, confirmText, confirmYes, button.classList.contains("danger")))) return;
  const label = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
  const before = label?.textContent ?? "";
  button.disabled = true;
  if (label && busy) label.textContent = busy;
  try {
    await request(path, { method: "POST" });
  } catch (error) {
    toast(error instanceof Refused ? error.message : "Katydid cannot be reached.", true);
    if (label) label.textContent = before;
  } finally {
    button.disabled = false;
  }
}

function ask(title: string, text: string, yes: string, danger: boolean): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("confirm");
  const [head, body, button] = [byId("confirm-title"), byId("confirm-text"), byId("confirm-yes")];
  if (!dialog || !head || !body || !button) return Promise.resolve(false);
  head.textContent = title;
  body.textContent = text;
  button.textContent = yes;
  button.className = danger ? "danger" : "primary";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
