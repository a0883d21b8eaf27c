// Numbers beside charts, as the rest of the product writes them.

/** A time in ms: three digits below 100 ms, whole ms above, seconds from ten. */
export function ms(value: number): string {
  if (value < 9.995) return `${value.toFixed(2)} ms`;
  if (value < 99.95) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** A rate: as many digits as tell something. */
export function rate(value: number): string {
  if (value >= 100_000) return compact(value);
  return value >= 100 || Number.isInteger(value) ? group(Math.round(value)) : value.toFixed(1);
}

/** A count. */
export function count(value: number): string {
  return group(Math.round(value));
}

/** A number for an axis: short. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  return trim(value);
}

/** A moment of a run: `1:02:03`, `2:03`. */
export function clock(seconds: number): string {
  const two = (number: number) => String(Math.floor(number)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

function trim(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function group(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
