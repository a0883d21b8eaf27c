// The panel at the side with one request in detail; which one stands in the address.
//
// In: clicks on rows, `?method=&request=`; `{base}/ui/request?method=&name=`. Out: the dialog `#detail`.

import { announce, base, byId, hear, morph, on, request } from "./dom";
import { setQuery } from "./tabs";

let shown: { method: string; name: string } | undefined;
let busy = false;

/** Makes rows open the panel. */
export function startPanel(): void {
  const dialog = byId<HTMLDialogElement>("detail");
  if (!dialog) return;
  on("click", "#panel tr", (row, event) => {
    const link = row.querySelector<HTMLElement>("[data-request]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const target = event.target as Element;
    const onLink = target.closest("[data-request]") !== null;
    // In a table of texts only the name leads there, as messages are read and copied.
    if (!onLink && (!row.closest(".stats") || !(getSelection()?.isCollapsed ?? true))) return;
    event.preventDefault();
    const { method = "", request: name = "" } = link.dataset;
    setQuery({ method, request: name });
    void open(method, name);
  });
  dialog.addEventListener("close", () => {
    if (!shown) return;
    shown = undefined;
    setQuery({ method: "", request: "" });
    byId("detail-body")?.replaceChildren();
    announce("panel");
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && event.clientX < dialog.getBoundingClientRect().left) dialog.close();
  });
  hear("live:tick", () => void refresh());
  hear("live:healed", () => void refresh());
  hear("address", fromAddress);
  fromAddress();
}

function fromAddress(): void {
  const query = new URLSearchParams(location.search);
  const name = query.get("request");
  if (name !== null) void open(query.get("method") ?? "", name);
  else if (shown) {
    shown = undefined;
    byId<HTMLDialogElement>("detail")?.close();
  }
}

async function open(method: string, name: string): Promise<void> {
  const dialog = byId<HTMLDialogElement>("detail");
  if (!dialog) return;
  // What is kept in the page belongs to the request shown before.
  if (shown?.name !== name || shown.method !== method) byId("detail-body")?.replaceChildren();
  shown = { method, name };
  busy = false;
  await refresh();
  if (shown && !dialog.open) dialog.showModal();
}

async function refresh(): Promise<void> {
  const body = byId("detail-body");
  if (!shown || !body || busy || document.hidden) return;
  busy = true;
  const asked = shown;
  try {
    const answer = await request(`${base}/ui/request?${new URLSearchParams(asked)}`);
    const html = await answer.text();
    if (asked === shown) morph(body, html, "innerHTML");
    announce("panel");
  } catch {
    if (asked === shown && !body.hasChildNodes()) {
      body.innerHTML =
        '<div class="dialog-head"><h2 id="detail-title">Not there</h2></div><p>There is no such request in this run.</p>';
    }
  } finally {
    busy = false;
  }
}
