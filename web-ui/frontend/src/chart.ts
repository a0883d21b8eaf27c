// One chart: a title, a legend that is also the read-out and the switch of lines, and the plot.
//
// In: a `Series` shared with other charts. Out: drawings; zooming is told to whoever asked for it, so that all charts follow.

import uPlot from "uplot";
import { clock, compact } from "./format";
import { colour } from "./palette";
import type { Column, Series } from "./series";

export interface Line {
  column: Column;
  /** Name of its colour. */
  tint: string;
  label: string;
  /** Whether it is seen before anyone has chosen. */
  shown: boolean;
  filled?: boolean;
}

export interface ChartKind {
  key: string;
  title: string;
  lines: Line[];
  text: (value: number) => string;
}

export interface Zoom {
  from: number;
  to: number;
}

export class Chart {
  readonly element = document.createElement("section");
  private readonly plot = document.createElement("div");
  private readonly when = document.createElement("span");
  private readonly nothing = document.createElement("div");
  /** What the keyboard has found, for those who hear it. */
  private readonly said = document.createElement("p");
  private readonly readouts: HTMLElement[] = [];
  private readonly resized: ResizeObserver;
  private uplot: uPlot | undefined;
  private zoom: Zoom | undefined;

  constructor(
    private readonly kind: ChartKind,
    private readonly series: Series,
    private readonly group: string,
    private readonly height: number,
    private readonly onZoom: (zoom: Zoom | undefined) => void,
  ) {
    this.element.className = "chart";
    this.plot.className = "plot";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "img");
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.nothing.className = "chart-empty";
    this.nothing.textContent = "Nothing measured yet";
    this.plot.append(this.nothing);
    this.said.className = "sr-only";
    this.said.setAttribute("aria-live", "polite");
    this.element.append(this.head(), this.plot, this.said);
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.plot);
  }

  /** How many lines it offers. */
  get lines(): number {
    return this.kind.lines.length;
  }

  destroy(): void {
    this.resized.disconnect();
    this.uplot?.destroy();
    this.element.remove();
  }

  /** Draws what the series holds now. */
  update(zoom: Zoom | undefined): void {
    this.zoom = zoom;
    this.nothing.hidden = this.series.second.length > 0;
    if (this.series.second.length === 0) {
      this.uplot?.destroy();
      this.uplot = undefined;
      this.read();
      return;
    }
    if (this.plot.clientWidth === 0) return;
    const data = this.data();
    if (this.uplot) {
      this.uplot.setData(data, false);
      this.uplot.setScale("x", this.range());
    } else {
      this.uplot = new uPlot(this.options(), data, this.plot);
    }
    this.read();
  }

  /** Draws again with the colours of now. */
  redraw(): void {
    this.uplot?.redraw(false, true);
  }

  private data(): uPlot.AlignedData {
    return [this.series.second, ...this.kind.lines.map((line) => this.series.columns[line.column])];
  }

  private range(): { min: number; max: number } {
    const first = this.series.second[0] ?? 0;
    const { from, to } = this.zoom ?? { from: first, to: this.series.last };
    return { min: from, max: Math.max(to, from + 10) };
  }

  private head(): HTMLElement {
    const head = document.createElement("div");
    head.className = "chart-head";
    const title = document.createElement("h3");
    title.textContent = this.kind.title;
    this.plot.setAttribute(
      "aria-label",
      `${this.kind.title} over time. Arrow keys read values, plus and minus zoom, Shift and an arrow move, 0 shows all.`,
    );
    const legend = document.createElement("div");
    legend.className = "legend";
    this.kind.lines.forEach((line, index) => {
      const button = document.createElement("button");
      const swatch = document.createElement("span");
      const value = document.createElement("b");
      button.type = "button";
      swatch.className = `swatch ${line.tint}`;
      button.append(swatch, `${line.label} `, value);
      button.setAttribute("aria-pressed", String(this.shown(index)));
      button.addEventListener("click", () => this.toggle(index, button));
      this.readouts.push(value);
      legend.append(button);
    });
    this.when.className = "chart-when";
    head.append(title, this.when, legend);
    return head;
  }

  private memory(index: number): string {
    return `katydid.line.${this.kind.key}.${this.kind.lines[index]?.column}`;
  }

  private shown(index: number): boolean {
    let kept: string | null = null;
    try {
      kept = localStorage.getItem(this.memory(index));
    } catch {
      // Then the default holds.
    }
    return kept === null ? (this.kind.lines[index]?.shown ?? true) : kept === "1";
  }

  private toggle(index: number, button: HTMLElement): void {
    const show = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(show));
    try {
      localStorage.setItem(this.memory(index), show ? "1" : "0");
    } catch {
      // Then it holds for this page only.
    }
    this.uplot?.setSeries(index + 1, { show });
  }

  private options(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => colour("chart-axis"),
      grid: { stroke: () => colour("chart-grid"), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      gap: 4,
    };
    return {
      width: this.plot.clientWidth,
      height: this.height,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: () => Object.values(this.range()) as uPlot.Range.MinMax },
        y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
      },
      axes: [
        { ...axis, size: 24, space: 64, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400], values: (_plot, ticks) => ticks.map(clock) },
        { ...axis, size: 46, space: 34, values: (_plot, ticks) => ticks.map(compact) },
      ],
      series: [
        {},
        ...this.kind.lines.map((line, index): uPlot.Series => {
          return {
            stroke: () => colour(`chart-${line.tint}`),
            fill: line.filled ? () => colour(`chart-${line.tint}`, 0.12) : undefined,
            width: 1.5,
            show: this.shown(index),
            spanGaps: false,
            points: { show: (_plot, _index, from, to) => to - from < 2 },
          };
        }),
      ],
      cursor: {
        sync: { key: this.group, setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        bind: { dblclick: () => () => (this.onZoom(undefined), null) },
      },
      hooks: {
        drawClear: [(plot) => this.bands(plot)],
        draw: [(plot) => this.markers(plot)],
        setCursor: [() => this.read()],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  private select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 6) return;
    const zoom = { from: plot.posToVal(left, "x"), to: plot.posToVal(left + width, "x") };
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.onZoom(zoom);
  }

  /** Saturated seconds, below the lines. */
  private bands(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour("band-saturated");
    for (const span of this.series.spans) {
      if (span.kind !== "saturated") continue;
      const from = plot.valToPos(span.second - 0.5, "x", true);
      const to = plot.valToPos(span.end + 0.5, "x", true);
      ctx.fillRect(from, bbox.top, Math.max(to - from, 2 * devicePixelRatio), bbox.height);
    }
    ctx.restore();
  }

  /** Moments, above the lines. */
  private markers(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = Math.max(1, devicePixelRatio);
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const span of this.series.spans) {
      const at = Math.round(plot.valToPos(span.second, "x", true));
      if (span.kind === "saturated" || at < bbox.left || at > bbox.left + bbox.width) continue;
      ctx.strokeStyle = colour(span.kind === "worker_lost" || span.kind === "threshold" ? "band-lost" : "chart-axis");
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Writes the values under the cursor, or the latest. */
  read(): void {
    const under = this.uplot?.cursor.idx;
    const hovered = under !== null && under !== undefined && (this.uplot?.cursor.left ?? -1) >= 0;
    const row = hovered ? under : this.series.second.length - 1;
    this.kind.lines.forEach((line, index) => {
      const value = this.series.columns[line.column][row];
      const text = value === null || value === undefined ? "–" : this.kind.text(value);
      const readout = this.readouts[index];
      if (readout && readout.textContent !== text) readout.textContent = text;
    });
    const second = this.series.second[row];
    const wall = hovered && second !== undefined ? new Date((this.series.started + second) * 1000) : undefined;
    this.when.textContent = wall && second !== undefined ? `${clock(second)} · ${wall.toLocaleTimeString()}` : "";
  }

  private key(event: KeyboardEvent): void {
    const plot = this.uplot;
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (step !== undefined && event.shiftKey) this.pan(step / 5);
    else if (step !== undefined) this.move(plot, step);
    else if (event.key === "+" || event.key === "=") this.scale(plot, 0.5);
    else if (event.key === "-") this.scale(plot, 2);
    else if (event.key === "0") this.show(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Moves the crosshair by hundredths of what is seen, at least by a point; beyond the edge what is zoomed moves along. */
  private move(plot: uPlot, step: number): void {
    const { second } = this.series;
    const { min, max } = this.range();
    const seen = second.filter((at) => at >= min && at <= max).length;
    const at = (plot.cursor.left ?? -1) >= 0 ? (plot.cursor.idx ?? second.length - 1) : second.length - 1;
    const row = Math.min(Math.max(at + Math.sign(step) * Math.max(1, Math.round((Math.abs(step) * seen) / 100)), 0), second.length - 1);
    const target = second[row];
    if (target === undefined) return;
    const [left, right] = [min - target, target - max];
    if (this.zoom && left > 0) this.onZoom({ from: min - left, to: max - left });
    if (this.zoom && right > 0) this.onZoom({ from: min + right, to: max + right });
    // The scale follows with the next microtask.
    queueMicrotask(() => {
      plot.setCursor({ left: plot.valToPos(target, "x"), top: 10 });
      const texts = this.readouts.map((readout, index) => `${this.kind.lines[index]?.label} ${readout.textContent}`);
      this.said.textContent = `${this.when.textContent}: ${texts.join(", ")}`;
    });
  }

  /** Shows more or less around the crosshair, or around the middle. */
  private scale(plot: uPlot, factor: number): void {
    const { min, max } = this.range();
    const first = this.series.second[0] ?? 0;
    const width = Math.max((max - min) * factor, 10);
    if (width >= this.series.last - first) {
      this.show(undefined);
      return;
    }
    const under = (plot.cursor.left ?? -1) >= 0 ? this.series.second[plot.cursor.idx ?? -1] : undefined;
    const centre = under !== undefined && under >= min && under <= max ? under : (min + max) / 2;
    const from = centre - ((centre - min) / (max - min)) * width;
    this.show(this.within(from, width));
  }

  /** Moves what is zoomed by a share of its width. */
  private pan(share: number): void {
    if (!this.zoom) return;
    const { min, max } = this.range();
    this.show(this.within(min + (max - min) * share, max - min));
  }

  private within(from: number, width: number): Zoom {
    const first = this.series.second[0] ?? 0;
    const start = Math.min(Math.max(from, first), Math.max(this.series.last - width, first));
    return { from: start, to: start + width };
  }

  private show(zoom: Zoom | undefined): void {
    this.onZoom(zoom);
    this.said.textContent = zoom ? `From ${clock(zoom.from)} to ${clock(zoom.to)}` : "All of it";
  }

  private resize(): void {
    const width = this.plot.clientWidth;
    if (width === 0) return;
    if (!this.uplot) this.update(this.zoom);
    else if (this.uplot.width !== width) this.uplot.setSize({ width, height: this.height });
  }
}
