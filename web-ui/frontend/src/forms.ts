// What helps while typing into a form; what is right and wrong is the server's to say.

import { on } from "./dom";

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
  // The first wrong field is where people want to be.
  document.addEventListener("htmx:afterSwap", () => {
    document.querySelector<HTMLElement>(".run-form [aria-invalid]")?.focus();
  });
}
