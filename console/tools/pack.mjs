// Packs build/console/dist into one file that the server takes in, and measures the first load.
// The format is read by src/admin/console.cpp.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const dist = process.argv[2] ?? "../build/console/dist";
const pack = process.argv[3] ?? "../build/console/console.pack";
const firstLoadMaximum = 600 * 1000;

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));

// The page, and all that its first script imports: what a browser loads before it shows anything.
function firstLoad() {
  const names = new Set(["index.html"]);
  const visit = (key) => {
    const chunk = manifest[key];
    if (names.has(chunk.file)) return;
    names.add(chunk.file);
    (chunk.css ?? []).forEach((name) => names.add(name));
    (chunk.imports ?? []).forEach(visit);
  };
  visit("index.html");
  return names;
}

const paths = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== "manifest.json")
  .map((entry) => relative(dist, join(entry.path, entry.name)).split(sep).join("/"))
  .sort();

const first = firstLoad();
let firstBytes = 0;
let head = "sluice-console 1\n";
const bodies = [];
for (const path of paths) {
  const plain = readFileSync(join(dist, path));
  const type = types[extname(path)];
  if (!type) throw new Error(`${path}: pack.mjs knows no content type for it`);
  const compressed = gzipSync(plain, { level: 9 });
  // The server fills the page in, so that one stays as it is.
  const isCompressed = path !== "index.html" && compressed.length < plain.length;
  const body = isCompressed ? compressed : plain;
  const etag = createHash("sha256").update(plain).digest("hex").slice(0, 20);
  head += `${etag} ${isCompressed ? "gzip" : "identity"} ${body.length} ${path} ${type}\n`;
  bodies.push(body);
  if (first.has(path)) firstBytes += body.length;
}
writeFileSync(pack, Buffer.concat([Buffer.from(`${head}\n`), ...bodies]));

const kb = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
const total = bodies.reduce((sum, body) => sum + body.length, 0);
console.log(`console: ${paths.length} files, ${kb(total)}; the first load takes ${kb(firstBytes)}`);
if (firstBytes > firstLoadMaximum) {
  console.error(`the first load is over ${kb(firstLoadMaximum)}: import lazily what pages need`);
  process.exit(1);
}
