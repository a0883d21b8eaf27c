// The style sheet's colours for what draws by itself.

const known = new Map<string, string>();
let probe: HTMLElement | undefined;

/** The colour of a custom property as it is in the present theme, as `rgb()`; `alpha` makes it lighter. */
export function colour(name: string, alpha = 1): string {
  const key = `${name} ${alpha}`;
  let found = known.get(key);
  if (found === undefined) {
    if (!probe) {
      probe = document.createElement("span");
      probe.hidden = true;
      document.body.append(probe);
    }
    const percent = Math.round(alpha * 100);
    probe.style.color = `color-mix(in srgb, var(--${name}) ${percent}%, transparent)`;
    found = getComputedStyle(probe).color;
    known.set(key, found);
  }
  return found;
}

/** After a change of theme. */
export function forgetColours(): void {
  known.clear();
}
