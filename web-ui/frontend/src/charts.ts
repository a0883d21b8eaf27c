// Which charts there are, and how several stand together: one series, one zoom, one crosshair.

import { Chart, type ChartKind, type Zoom } from "./chart";
import { clock, count, ms, rate } from "./format";
import { forgetColours } from "./palette";
import { type Column, Series } from "./series";

const KINDS: ChartKind[] = [
  {
    key: "rate",
    title: "Requests per second",
    lines: [
      { column: "requests", tint: "rate", label: "Requests", shown: true, filled: true },
      { column: "failures", tint: "failures", label: "Failures", shown: true, filled: true },
    ],
    text: rate,
  },
  {
    key: "times",
    title: "Response times",
    lines: [
      { column: "p50", tint: "p50", label: "50%", shown: true },
      { column: "p90", tint: "p90", label: "90%", shown: false },
      { column: "p95", tint: "p95", label: "95%", shown: true },
      { column: "p99", tint: "p99", label: "99%", shown: true },
      { column: "average", tint: "average", label: "Average", shown: false },
    ],
    text: (value) => `${ms(value)} ms`,
  },
  {
    key: "users",
    title: "Users",
    lines: [{ column: "users", tint: "users", label: "Users", shown: true, filled: true }],
    text: count,
  },
  {
    key: "arrivals",
    title: "Arrivals per second",
    lines: [
      { column: "planned", tint: "planned", label: "Planned", shown: true },
      { column: "started_per_sec", tint: "started", label: "Started", shown: true, filled: true },
      { column: "dropped", tint: "dropped", label: "Dropped", shown: true, filled: true },
    ],
    text: rate,
  },
  {
    key: "late",
    title: "Late requests per second",
    lines: [{ column: "late", tint: "late", label: "Late", shown: true, filled: true }],
    text: rate,
  },
];

/** What is planned, started, dropped or late only where something can be. */
const SOMETIMES: Column[] = ["late", "planned", "started_per_sec", "dropped"];

let groups = 0;

/** The charts in one element: `data-charts` names them. */
export class Charts {
  readonly series = new Series();
  private readonly marks = document.createElement("ul");
  private readonly group = `charts-${++groups}`;
  private readonly drawn = new Map<string, Chart>();
  private zoom: Zoom | undefined;
  private scheduled = false;
  private drawnRows = 0;

  constructor(
    readonly element: HTMLElement,
    private readonly onZoom: (zoomed: boolean) => void = () => {},
  ) {
    this.marks.className = "marks";
    this.marks.hidden = true;
    element.replaceChildren(this.marks);
    this.draw();
  }

  destroy(): void {
    for (const chart of this.drawn.values()) chart.destroy();
    this.marks.remove();
  }

  /** Draws with the next frame. */
  update(): void {
    if (this.scheduled) return;
    const fresh = this.series.second.length - this.drawnRows;
    // In a long run a second is much less than a pixel: drawing waits for one, the read-out does not.
    if (!this.zoom && this.drawnRows > 5000 && fresh >= 0 && fresh < this.drawnRows / 1000) {
      for (const chart of this.drawn.values()) chart.read();
      return;
    }
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  /** After a change of theme. */
  redraw(): void {
    forgetColours();
    for (const chart of this.drawn.values()) chart.redraw();
  }

  /** Shows a part of the time, or all of it. */
  setZoom(zoom: Zoom | undefined): void {
    this.zoom = zoom;
    this.onZoom(zoom !== undefined);
    this.draw();
  }

  private draw(): void {
    const height = this.element.classList.contains("small") ? 150 : 210;
    let changed = false;
    this.drawnRows = this.series.second.length;
    for (const kind of this.wanted()) {
      const lines = kind.lines.filter((line) => this.offers(line.column));
      let chart = this.drawn.get(kind.key);
      // What is offered is known only when something was measured.
      if (chart && chart.lines !== lines.length) {
        chart.destroy();
        this.drawn.delete(kind.key);
        chart = undefined;
      }
      if (!chart && lines.length > 0) {
        chart = new Chart({ ...kind, lines }, this.series, this.group, height, (zoom) => this.setZoom(zoom));
        this.drawn.set(kind.key, chart);
        changed = true;
      }
    }
    const charts = this.wanted().flatMap((kind) => this.drawn.get(kind.key) ?? []);
    // All in their places before one is drawn: how wide a chart is depends on how many there are.
    if (changed) for (const chart of charts) this.marks.before(chart.element);
    for (const chart of charts) chart.update(this.zoom);
    this.list();
  }

  private wanted(): ChartKind[] {
    const keys = (this.element.dataset.charts ?? "").split(" ");
    return KINDS.filter((kind) => keys.includes(kind.key));
  }

  /** A column nobody fills is not offered; nor is lateness, where nothing can be late. */
  private offers(column: Column): boolean {
    if (SOMETIMES.includes(column)) return this.series.knows(column);
    const optional = column === "p90" || column === "average";
    return !optional || this.series.second.length === 0 || this.series.has(column);
  }

  /** The marks in words: a chart alone tells them to nobody who cannot see it. */
  private list(): void {
    const spans = this.series.spans.slice(-40);
    this.marks.hidden = spans.length === 0;
    this.marks.replaceChildren(
      ...spans.map((span) => {
        const item = document.createElement("li");
        const time = document.createElement("time");
        item.className = span.kind === "saturated" ? span.kind : `moment ${span.kind}`;
        time.textContent = span.end > span.second ? `${clock(span.second)}–${clock(span.end)}` : clock(span.second);
        item.append(document.createElement("i"), time, span.text);
        return item;
      }),
    );
  }
}
