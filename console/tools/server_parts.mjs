// What the server is made of besides our own code, with licences: docs/dependencies.md, which a test
// holds against the program. Versions are those that Debian has here; without dpkg there are none.
// On its own it prints them.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = readFileSync(new URL("../../docs/dependencies.md", import.meta.url), "utf8");
const rows = page.split("\n## Web console")[0].matchAll(/^\| `(.+?)` \| (.+?) \|/gm);
const parts = [...rows].map(([, name, license]) => ({ name, license }));
const asked = ["-W", "-f", "${Package} ${Version}\n", ...parts.map(({ name }) => name)];
const { stdout } = spawnSync("dpkg-query", asked, { encoding: "utf8" });
const versions = new Map((stdout ?? "").split("\n").map((line) => line.split(" ")));

export const serverParts = parts.map(({ name, license }) => ({ name, version: versions.get(name) ?? "", license }));

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(serverParts));
