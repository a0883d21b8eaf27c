// Charts in the page: found where the server has put their element, fed by the server.
//
// In: `{base}/ui/series?method=&name=&from=`, `live:point` for all requests together, `live:tick` for one of them. Out:
// `Charts`, made and unmade as their elements come and go.

import { Charts } from "./charts";
import { base, byId, hear, on, request } from "./dom";
import { Feed } from "./feed";
import type { FreshData, SeriesData } from "./series";

class Group {
  readonly charts: Charts;
  readonly feed: Feed;

  constructor(readonly element: HTMLElement) {
    this.charts = new Charts(element, (zoomed) => {
      const button = document.querySelector<HTMLElement>("[data-reset-zoom]");
      if (button) button.hidden = !zoomed;
    });
    const ask = async (from: number): Promise<SeriesData> => {
      const { method = "", name = "" } = element.dataset;
      const query = new URLSearchParams({ method, name, from: String(from) });
      return (await (await request(`${base}/ui/series?${query}`)).json()) as SeriesData;
    };
    this.feed = new Feed(this.charts.series, ask, () => this.charts.update());
    void this.feed.fetch();
  }

  /** Whether all requests together are shown. */
  get whole(): boolean {
    return !this.element.dataset.name;
  }

  /** Begins anew with another request. */
  choose(method: string, name: string): void {
    this.element.dataset.method = method;
    this.element.dataset.name = name;
    void this.feed.restart();
  }
}

const groups = new Map<HTMLElement, Group>();

/** Makes charts live. */
export function startCharts(): void {
  hear("panel", discover);
  hear("theme", () => groups.forEach((group) => group.charts.redraw()));
  hear<string>("live:point", (json) => {
    const data = JSON.parse(json) as FreshData;
    for (const group of groups.values()) if (group.whole) group.feed.take(data);
  });
  hear("live:tick", () => {
    if (document.hidden) return;
    for (const { feed, whole } of groups.values()) if (!whole || feed.wanting) void feed.fetch();
  });
  // Another process may answer now, whose revisions are its own.
  hear("live:healed", () => groups.forEach((group) => void group.feed.renew()));
  hear("run", () => groups.forEach((group) => void group.feed.fetch()));
  on("click", "[data-reset-zoom]", () => groups.forEach((group) => group.charts.setZoom(undefined)));
  on("change", "[data-series-choice]", (select) => {
    const option = (select as HTMLSelectElement).selectedOptions[0];
    const { method = "", name = "" } = option?.dataset ?? {};
    const query = new URLSearchParams({ tab: "charts", ...(name && { method, name }) });
    history.replaceState(null, "", `?${query}`);
    const element = byId("main-charts");
    if (element) groups.get(element)?.choose(method, name);
  });
  discover();
}

function discover(): void {
  for (const [element, group] of groups) {
    if (element.isConnected) continue;
    group.charts.destroy();
    groups.delete(element);
  }
  for (const element of document.querySelectorAll<HTMLElement>("#panel [data-charts], #detail [data-charts]")) {
    // The tab of charts shows what its list has chosen, also when that has come with a newer list.
    const list = element.id === "main-charts" ? document.querySelector<HTMLSelectElement>("[data-series-choice]") : null;
    const { method = "", name = "" } = list?.selectedOptions[0]?.dataset ?? element.dataset;
    const group = groups.get(element);
    if (group) {
      if (method !== (element.dataset.method ?? "") || name !== (element.dataset.name ?? "")) group.choose(method, name);
      continue;
    }
    element.dataset.method = method;
    element.dataset.name = name;
    groups.set(element, new Group(element));
  }
}
