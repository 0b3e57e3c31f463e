// How long the overview takes that nothing is kept of yet, and what is loaded for it.
import { heading, logIn } from "./steps.mjs";

async function opened(context, url) {
  const page = await context.newPage();
  let bytes = 0;
  const sizes = [];
  page.on("response", (answer) => {
    if (answer.url().includes("/api/")) return; // the stream has no end
    const counted = answer.request().sizes().then(({ responseBodySize }) => (bytes += responseBodySize));
    sizes.push(counted.catch(() => undefined)); // what comes as the page is closed, the charts
  });
  const begun = Date.now();
  await page.goto(url);
  await page.locator(".big").first().waitFor();
  await page.getByText("Messages are accepted, and nothing is wrong").waitFor();
  const usable = Date.now() - begun;
  await Promise.all(sizes);
  return { usable, bytes, files: sizes.length };
}

export default async function ({ page, context, browser, url, user, password }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  const storageState = await context.storageState();
  await page.close();
  const runs = [];
  for (let times = 0; times < 3; times += 1) {
    const cold = await browser.newContext({ storageState, locale: "en-GB", viewport: { width: 1280, height: 800 } });
    runs.push(await opened(cold, url));
    await cold.close();
  }
  const { bytes, files } = runs.reduce((most, run) => (run.bytes > most.bytes ? run : most)); // the charts may come late
  const times = runs.map(({ usable }) => usable).sort((one, other) => one - other);
  console.log(JSON.stringify({ usable_ms: times, bytes, files }));
}
