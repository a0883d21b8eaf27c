// Which columns of the table of requests are hidden: known to this browser alone, applied as a style sheet, so that it
// holds for whatever the server sends.

const KEY = "katydid.hidden-columns";

let sheet: CSSStyleSheet | undefined;

/** The hidden columns' numbers, from 1. */
export function hiddenColumns(): number[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((column): column is number => Number.isInteger(column) && column > 2) : [];
  } catch {
    return [];
  }
}

/** Remembers which columns are hidden, and hides them. */
export function setHiddenColumns(columns: number[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(columns));
  } catch {
    // Then it holds for this page only.
  }
  applyHiddenColumns(columns);
}

/** Hides columns. */
export function applyHiddenColumns(columns = hiddenColumns()): void {
  if (!sheet) {
    if (columns.length === 0) return;
    sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  const cells = columns.map((column) => `#statistics-table tr:not(.section) > :nth-child(${column})`);
  sheet.replaceSync(cells.length > 0 ? `${cells.join(",")}{display:none}` : "");
}
