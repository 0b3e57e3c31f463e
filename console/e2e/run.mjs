// Runs one script of this folder in a real browser against a running server:
//   node e2e/run.mjs SCRIPT URL '{"user": ..., "password": ...}' [PICTURES]
// It fails when the script does, and when the page says something is wrong: a script that threw, a
// style or a request that its policy refused. PICTURES: a folder for what a failed page looked like.
import { join } from "node:path";
import { chromium } from "playwright-core";

const [script, url, given, pictures] = process.argv.slice(2);
const { default: run } = await import(new URL(`${script}.mjs`, import.meta.url));

const browser = await chromium.launch({
  executablePath: process.env.SLUICE_TEST_CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [], // root has no sandbox
});
const faults = [];
try {
  // A dialogue that still moves takes a click for nothing, now and then.
  const context = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // a busy machine
  page.on("pageerror", (error) => faults.push(`threw: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // Answers with an error status, and servers that are not there, are what some scripts are about.
    const isAnswer = text.startsWith("Failed to load resource") || text.startsWith("WebSocket connection to");
    if (message.type() === "error" && !isAnswer) faults.push(text);
  });
  const steps = { clicks: 0 };
  try {
    await run({ page, context, browser, url, ...JSON.parse(given ?? "{}"), steps });
  } catch (error) {
    faults.push(error.message);
    if (pictures) await page.screenshot({ path: join(pictures, `${script}.png`) });
    faults.push((await page.locator("body").innerText()).slice(0, 3000));
  }
} finally {
  await browser.close();
}
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
