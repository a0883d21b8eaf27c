// Bundles and minifies what the pages need, each file beside itself packed with gzip.
//
// In: the folder to write to. Out: one file per entry below, and `<file>.gz`.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const out = argv[2];
if (!out) {
  console.error("usage: node bundle.mjs <folder>");
  exit(1);
}

const entries = {
  "app.css": "css/app.css",
  "app.js": "src/app.ts",
  "report.css": "css/report.css",
  "report.js": "src/report.ts",
  "theme.js": "src/theme-boot.ts",
};

await mkdir(out, { recursive: true });
await Promise.all(
  Object.entries(entries).map(([file, entry]) =>
    build({
      entryPoints: [entry],
      outfile: join(out, file),
      bundle: true,
      minify: true,
      format: "iife",
      target: "es2022",
      // Characters beyond ASCII would depend on how the report is read.
      charset: "ascii",
      legalComments: "none",
      logLevel: "error",
    }),
  ),
);
await writeFile(join(out, "icon.svg"), await readFile("icon.svg"));
for (const file of [...Object.keys(entries), "icon.svg"]) {
  const path = join(out, file);
  await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
}
