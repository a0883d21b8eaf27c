// What keeps a series whole: the newest seconds as they are told, everything else fetched.
//
// In: what is told (`take`), ticks (`fetch`), and a way to ask for the seconds from one on. Out: the series filled, and
// `changed` called after each change. Knows no page, so that it can be tried without one.

import type { FreshData, Series, SeriesData } from "./series";

/** Seconds asked for again, as late samples change what was told of them; the server counts no revision for these. */
const OVERLAP = 10;

export class Feed {
  private busy = false;
  /** Whether all seconds are to be fetched. */
  private stale = true;
  /** Whether something was told while a fetch was under way, which may have left before it. */
  private missed = false;
  /** How often something else was asked for. */
  private choice = 0;

  constructor(
    private readonly series: Series,
    private readonly ask: (from: number) => Promise<SeriesData>,
    private readonly changed: () => void,
  ) {}

  /** Whether the series is not what it should be, and nothing will be told that mends it. */
  get wanting(): boolean {
    return this.stale;
  }

  /** Begins anew: another request is asked for from now on. */
  restart(): Promise<void> {
    this.choice += 1;
    this.busy = false;
    return this.renew();
  }

  /** Fetches everything again. */
  renew(): Promise<void> {
    this.stale = true;
    return this.fetch();
  }

  /** Fetches what is new, or everything after a loss. What fails is tried again when this is called again, not before. */
  async fetch(): Promise<void> {
    if (this.busy) {
      this.missed = true;
      return;
    }
    const { choice, series, stale: whole } = this;
    this.busy = true;
    this.missed = false;
    this.stale = false;
    let again = false;
    try {
      const data = await this.ask(whole ? 0 : Math.max(0, series.last - OVERLAP));
      if (choice !== this.choice) return;
      if (whole) series.clear();
      // Of another run, or of a past that has changed, the last seconds are not enough.
      this.stale ||= !whole && (data.run !== series.run || data.revision !== series.revision);
      again = this.stale || this.missed;
      series.add(data);
      this.changed();
    } catch {
      if (choice === this.choice) this.stale ||= whole;
    } finally {
      if (choice === this.choice) this.busy = false;
    }
    if (again) await this.fetch();
  }

  /** Takes what is new and what has changed, as told; what was missed is fetched. */
  take(data: FreshData): void {
    const { series } = this;
    if (this.busy) {
      this.missed = true;
    } else if (data.run !== series.run || data.builds_on > series.revision) {
      // The tick that follows fetches.
      this.stale = true;
    } else if ((data.follows ?? -1) > series.last) {
      void this.fetch();
    } else if (data.revision >= series.revision && !this.stale) {
      series.add(data);
      this.changed();
    }
  }
}
