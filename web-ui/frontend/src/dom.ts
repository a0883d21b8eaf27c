// What every part needs of the page: its address, its fragments, a word to the user.

import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";
import { localMoments } from "./moments";

/** Prefix of all URLs. */
export const base = document.querySelector<HTMLMetaElement>('meta[name="base"]')?.content ?? "";

/** The element with an id, if the page has it. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E | null {
  return document.getElementById(id) as E | null;
}

/** Calls `handle` for events of elements that match, present or future. */
export function on<K extends keyof DocumentEventMap>(
  type: K,
  selector: string,
  handle: (element: HTMLElement, event: DocumentEventMap[K]) => void,
): void {
  document.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest<HTMLElement>(selector) : null;
    if (element) handle(element, event);
  });
}

/** An answer that is not what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

/** Gets or posts; an answer that says no is thrown. Without a login the page is loaded anew, which leads there. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...options, headers: { "HX-Request": "true", ...options.headers } });
  if (response.status === 401) location.reload();
  if (!response.ok) {
    const html = response.headers.get("content-type")?.includes("html") ?? true;
    const text = html ? "" : (await response.text()).slice(0, 500);
    throw new Refused(response.status, text || `The server answered ${response.status}.`);
  }
  const redirect = response.headers.get("HX-Redirect");
  if (redirect) location.assign(redirect);
  else if (response.headers.get("HX-Refresh") === "true") location.reload();
  return response;
}

/** Makes `target` contain `html` with as few changes as possible: focus, selection, scrolling and what is unfolded stay. */
export function morph(target: Element, html: string, morphStyle: "innerHTML" | "outerHTML"): void {
  const focused = document.activeElement;
  Idiomorph.morph(target, localMoments(html), {
    morphStyle,
    ignoreActiveValue: true,
    callbacks: {
      // What scripts keep in the page is not the server's to change.
      beforeNodeMorphed: (old: Node) => !(old instanceof Element && old.hasAttribute("data-keep")),
      beforeAttributeUpdated: (name: string, node: Element) =>
        !(name === "open" && node instanceof HTMLDetailsElement) &&
        !(name === "title" && node.classList.contains("fold")),
    },
  });
  if (target.isConnected) htmx.process(target);
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused) {
    focused.focus({ preventScroll: true });
  }
}

/** Says something in the corner for some seconds. */
export function toast(text: string, bad = false): void {
  const box = byId("toasts");
  if (!box) return;
  const element = document.createElement("div");
  element.className = bad ? "toast bad" : "toast";
  element.textContent = text;
  // Only what went wrong is worth keeping beside something newer.
  for (const old of box.querySelectorAll(".toast:not(.bad)")) old.remove();
  box.append(element);
  setTimeout(() => element.remove(), bad ? 9000 : 4000);
}

/** An event among the parts of the page. */
export function announce(name: string, detail?: unknown): void {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Listens to an event among the parts of the page. */
export function hear<T = unknown>(name: string, handle: (detail: T) => void): void {
  document.addEventListener(name, (event) => handle((event as CustomEvent<T>).detail));
}
