// What helps while typing into a form; what is right and wrong is the server's to say.

import { base, hear, morph, on, request } from "./dom";

/** Makes forms helpful. */
export function startForms(): void {
  on("click", "[data-reveal]", (button) => {
    const field = button.parentElement?.querySelector("input");
    if (!field) return;
    const reveal = field.type === "password";
    field.type = reveal ? "text" : "password";
    button.textContent = reveal ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(reveal));
  });
  on("focusout", "[data-host]", (field) => {
    const input = field as HTMLInputElement;
    const text = input.value.trim();
    // A host typed without its scheme is as good as typed with it.
    if (/^[\w.-]+(:\d+)?(\/.*)?$/.test(text)) {
      const local = /^(localhost|127\.|10\.|192\.168\.|[\w-]+(:|\/|$))/.test(text);
      input.value = `${local ? "http" : "https"}://${text}`;
    }
  });
  hear("workers", () => void followWorkers());
  hear("live:healed", () => void followWorkers());
  // The first wrong field is where people want to be.
  document.addEventListener("htmx:afterSwap", () => {
    document.querySelector<HTMLElement>(".run-form [aria-invalid]")?.focus();
  });
}

/** Whether a run can be started depends on the workers: that part of an open form follows them, what is typed stays. */
async function followWorkers(): Promise<void> {
  const form = document.querySelector<HTMLElement>("[data-run-form]");
  if (!form || document.body.classList.contains("only-looks")) return;
  const inDialog = form.querySelector("[name=in_dialog]") !== null;
  try {
    const answer = await request(`${base}/ui/new${inDialog ? "" : "?page=1"}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of form.querySelectorAll("[data-follows-workers]")) {
      const now = fresh.getElementById(part.id);
      if (now) morph(part, now.outerHTML, "outerHTML");
    }
  } catch {
    // The banner says that the connection is lost; when it is back this comes again.
  }
}
