// The table behind the charts: one row a second, columns of equal length, growing.
//
// In: what `view::series` describes, whole or in part. Out: arrays for the charts, with a row of nothing where seconds are
// missing, so that gaps are seen as gaps; and marks, with saturated seconds in a row made one.

export const COLUMNS = [
  "users",
  "requests",
  "failures",
  "p50",
  "p90",
  "p95",
  "p99",
  "average",
  "late",
  "planned",
  "started_per_sec",
  "dropped",
] as const;
export type Column = (typeof COLUMNS)[number];
export type MarkKind = "saturated" | "worker_lost" | "reset" | "edit" | "stop" | "steady" | "threshold";

export interface Mark {
  second: number;
  /** Its last second, when it takes more than one. */
  until?: number;
  kind: MarkKind;
  text: string;
}

/** A mark with its end: the same second for all but saturation. */
export interface Span extends Mark {
  end: number;
}

export type SeriesData = { run: string; started: number; revision: number; second: number[]; marks: Mark[] } & Partial<
  Record<Column, (number | null)[]>
>;

/** What open charts do not show yet: seconds that are new, and older ones that are not what they were. */
export type FreshData = SeriesData & {
  /** The revision charts must have for this to make them whole. */
  builds_on: number;
  /** The last second told before; absent at the start of a run. */
  follows?: number;
};

export class Series {
  run = "";
  started = 0;
  /** Rises when seconds long past have changed. */
  revision = 0;
  readonly second: number[] = [];
  readonly columns = Object.fromEntries(COLUMNS.map((name) => [name, []])) as unknown as Record<
    Column,
    (number | null)[]
  >;
  spans: Span[] = [];
  private readonly marks = new Map<string, Mark>();

  /** The last second there is; -1 without any. */
  get last(): number {
    return this.second.at(-1) ?? -1;
  }

  clear(): void {
    this.second.length = 0;
    for (const name of COLUMNS) this.columns[name].length = 0;
    this.marks.clear();
    this.spans = [];
  }

  /** Adds rows; a row for a second that is there replaces it. Another run's rows replace all. */
  add(data: SeriesData): void {
    if (data.run !== this.run) this.clear();
    this.run = data.run;
    this.started = data.started;
    this.revision = data.revision;
    data.second.forEach((second, index) => {
      const row = second > this.last ? this.grow(data.second, index) : this.find(second);
      if (row < 0) return;
      for (const name of COLUMNS) this.columns[name][row] = data[name]?.[index] ?? null;
    });
    for (const mark of data.marks ?? []) {
      const key = `${mark.second} ${mark.kind} ${mark.text}`;
      const known = this.marks.get(key);
      this.marks.set(key, { ...mark, until: Math.max(mark.until ?? mark.second, known?.until ?? 0) });
    }
    if (data.marks?.length) this.spans = spans([...this.marks.values()]);
  }

  /** Whether a column holds anything but nothing and zeros. */
  has(name: Column): boolean {
    return this.columns[name].some((value) => value);
  }

  /** Whether anybody has filled a column, be it with zeros. */
  knows(name: Column): boolean {
    return this.columns[name].some((value) => value !== null);
  }

  private grow(seconds: number[], index: number): number {
    const second = seconds[index] ?? 0;
    const step = second - this.last;
    const before = this.last - (this.second.at(-2) ?? this.last - 1);
    const after = (seconds[index + 1] ?? second + 1) - second;
    // Old points stand for several seconds each: a step as long as its neighbours is no gap.
    if (this.second.length > 0 && step > 1 && step !== before && step !== after) this.push(this.last + 1);
    return this.push(second);
  }

  private push(second: number): number {
    for (const name of COLUMNS) this.columns[name].push(null);
    return this.second.push(second) - 1;
  }

  private find(second: number): number {
    let [low, high] = [0, this.second.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.second[middle] ?? 0;
      if (found === second) return middle;
      if (found < second) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

function spans(marks: Mark[]): Span[] {
  const sorted = marks.sort((a, b) => a.second - b.second);
  const found: Span[] = [];
  let band: Span | undefined;
  for (const mark of sorted) {
    const end = mark.until ?? mark.second;
    if (mark.kind !== "saturated") {
      found.push({ ...mark, end });
    } else if (band && mark.second <= band.end + 2) {
      band.end = Math.max(band.end, end);
    } else {
      band = { ...mark, end };
      found.push(band);
    }
  }
  return found;
}
