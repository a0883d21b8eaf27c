// A table as it is read. In: its selector. Out: its rows, footer included, as objects by column; or null without one.
const table = document.querySelector(arguments[0]);
if (!table) return null;
const words = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
const columns = [...table.tHead.rows[0].cells].map(words);
const rows = [...table.rows].filter((row) => row.parentElement !== table.tHead && row.cells.length === columns.length);
return rows.map((row) => Object.fromEntries([...row.cells].map((cell, index) => [columns[index], words(cell)])));
