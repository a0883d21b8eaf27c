// Numbers of charts as text. They are written in the browser, as the rest is on the server: `protocol/src/format.rs` has the
// same functions, and a test compares what both write.

/** A time in ms: three digits below 100 ms, whole ms above. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return "-";
  return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** A rate: two decimals. */
export function rate(value: number): string {
  return Number.isFinite(value) ? fixed(value, 2) : "-";
}

/** A count: `1,234,567`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A moment of a run: `02:03`, `1:02:03`. */
export function clock(seconds: number): string {
  const two = (number: number) => String(Math.floor(number)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** A number beside an axis: short, as it only marks a place. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Like `toFixed`, but what lies exactly between two becomes the even one, as in Rust. */
function fixed(value: number, digits: number): string {
  // Only an odd multiple of a power of two can lie between two decimals.
  const parts = value * 2 ** (digits + 1);
  if (!Number.isInteger(parts) || parts % 2 === 0) return value.toFixed(digits);
  const scale = 10 ** digits;
  const below = Math.floor(value * scale);
  return ((below % 2 === 0 ? below : below + 1) / scale).toFixed(digits);
}
