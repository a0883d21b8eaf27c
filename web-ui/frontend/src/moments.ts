// Moments in the reader's time zone. The server writes them in UTC and says so, for where no script runs.
//
// In: `<time datetime data-local="seconds|clock">`. Out: the same with the local time as its text, UTC as its title.

const MOMENT = /<time datetime="([^"]*)" data-local="(\w+)">([^<]*)<\/time>/g;

/** HTML with local times. */
export function localMoments(html: string): string {
  return html.replace(MOMENT, (all, at: string, form: string, utc: string) => {
    const text = local(at, form);
    return text ? `<time datetime="${at}" data-local="${form}" title="${utc}">${text}</time>` : all;
  });
}

/** Makes the moments of the page as it came local ones. */
export function startMoments(): void {
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-local]:not([title])")) {
    const text = local(element.dateTime, element.dataset.local ?? "");
    if (!text) continue;
    element.title = element.textContent ?? "";
    element.textContent = text;
  }
}

function local(at: string, form: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return form === "clock" ? clock : `${day} ${clock}`;
}
