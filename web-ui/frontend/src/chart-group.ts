// Charts in the page: found where the server has put their element, fed by the server.
//
// In: `{base}/ui/series?method=&name=&from=`, `live:point` for all requests together, `live:tick` for one of them. Out:
// `Charts`, made and unmade as their elements come and go.

import { Charts } from "./charts";
import { base, byId, hear, on, request } from "./dom";
import type { SeriesData } from "./series";

/** Seconds asked for again, as late samples change what was told of them. */
const OVERLAP = 5;

class Feed {
  readonly charts: Charts;
  private busy = false;
  private stale = true;

  constructor(readonly element: HTMLElement) {
    this.charts = new Charts(element, (zoomed) => {
      const button = document.querySelector<HTMLElement>("[data-reset-zoom]");
      if (button) button.hidden = !zoomed;
    });
    void this.fetch();
  }

  /** Whether all requests together are shown. */
  get whole(): boolean {
    return !this.element.dataset.name;
  }

  /** Begins anew with another request. */
  choose(method: string, name: string): void {
    this.element.dataset.method = method;
    this.element.dataset.name = name;
    this.stale = true;
    this.busy = false;
    void this.fetch();
  }

  /** Fetches what is new, or everything after a loss. */
  async fetch(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const { method = "", name = "" } = this.element.dataset;
    const from = this.stale ? 0 : Math.max(0, this.charts.series.last - OVERLAP);
    try {
      const answer = await request(`${base}/ui/series?${new URLSearchParams({ method, name, from: String(from) })}`);
      const data = (await answer.json()) as SeriesData;
      if (method !== (this.element.dataset.method ?? "") || name !== (this.element.dataset.name ?? "")) return;
      const other = data.run !== this.charts.series.run && from > 0;
      if (this.stale) this.charts.series.clear();
      this.stale = other;
      this.charts.series.add(data);
      this.charts.update();
    } catch {
      // The next tick tries again.
    } finally {
      this.busy = false;
    }
    if (this.stale) void this.fetch();
  }

  /** Takes the newest seconds as told; what was missed is fetched. */
  take(data: SeriesData): void {
    const { series } = this.charts;
    const first = data.second[0] ?? series.last + 1;
    if (this.stale || this.busy || data.run !== series.run || first > series.last + 2) {
      this.stale ||= data.run !== series.run;
      void this.fetch();
      return;
    }
    series.add(data);
    this.charts.update();
  }
}

const feeds = new Map<HTMLElement, Feed>();

/** Makes charts live. */
export function startCharts(): void {
  hear("panel", discover);
  hear("theme", () => feeds.forEach((feed) => feed.charts.redraw()));
  hear<string>("live:point", (json) => {
    const data = JSON.parse(json) as SeriesData;
    for (const feed of feeds.values()) if (feed.whole) feed.take(data);
  });
  hear("live:tick", () => {
    for (const feed of feeds.values()) if (!feed.whole && !document.hidden) void feed.fetch();
  });
  hear("live:healed", () => feeds.forEach((feed) => void feed.fetch()));
  hear("run", () => feeds.forEach((feed) => void feed.fetch()));
  on("click", "[data-reset-zoom]", () => feeds.forEach((feed) => feed.charts.setZoom(undefined)));
  on("change", "[data-series-choice]", (select) => {
    const option = (select as HTMLSelectElement).selectedOptions[0];
    const { method = "", name = "" } = option?.dataset ?? {};
    const query = new URLSearchParams({ tab: "charts", ...(name && { method, name }) });
    history.replaceState(null, "", `?${query}`);
    const element = byId("main-charts");
    if (element) feeds.get(element)?.choose(method, name);
  });
  discover();
}

function discover(): void {
  for (const [element, feed] of feeds) {
    if (element.isConnected) continue;
    feed.charts.destroy();
    feeds.delete(element);
  }
  for (const element of document.querySelectorAll<HTMLElement>("#panel [data-charts], #detail [data-charts]")) {
    const feed = feeds.get(element);
    if (!feed) {
      chosen(element);
      feeds.set(element, new Feed(element));
    }
  }
}

/** The tab of charts begins with what its list has chosen. */
function chosen(element: HTMLElement): void {
  if (element.id !== "main-charts") return;
  const option = document.querySelector<HTMLSelectElement>("[data-series-choice]")?.selectedOptions[0];
  element.dataset.method = option?.dataset.method ?? "";
  element.dataset.name = option?.dataset.name ?? "";
}
