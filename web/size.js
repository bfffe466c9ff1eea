// Fails when what a first visit must load grows past its budget. Run after `vite build`.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_KB_MAX = 60;
const built = new URL("../cadence/web/", import.meta.url);
const page = readFileSync(new URL("index.html", built), "utf8");
const first = readdirSync(new URL("assets/", built)).filter((name) => name.endsWith(".js") && page.includes(name));
const bytes = first.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(`assets/${name}`, built))).length, 0);
const kb = bytes / 1000;
if (first.length === 0 || kb > FIRST_LOAD_KB_MAX) {
  console.error(
    `first load: expected 1 or more scripts of at most ${FIRST_LOAD_KB_MAX} kB gzip, got ${kb.toFixed(1)} kB`,
  );
  process.exit(1);
}
console.log(`first load: ${kb.toFixed(1)} kB of JavaScript gzip (at most ${FIRST_LOAD_KB_MAX})`);
