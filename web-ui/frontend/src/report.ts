// The report's script: charts from the data inside the file.

import { Charts } from "./charts";
import { startMoments } from "./moments";
import type { SeriesData } from "./series";

const theme = new URLSearchParams(location.search).get("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
startMoments();
const element = document.querySelector<HTMLElement>("[data-charts]");
const json = document.getElementById("series")?.textContent;
if (element && json) {
  const reset = document.querySelector<HTMLElement>("[data-reset-zoom]");
  const charts = new Charts(element, (zoomed) => {
    if (reset) reset.hidden = !zoomed;
  });
  charts.series.add(JSON.parse(json) as SeriesData);
  charts.update();
  reset?.addEventListener("click", () => charts.setZoom(undefined));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.redraw());
}
for (const text of document.querySelectorAll<HTMLElement>(".fold")) {
  text.addEventListener("mouseenter", () => {
    if (text.scrollWidth > text.clientWidth) text.title = (text.textContent ?? "").slice(0, 2000);
  });
}
