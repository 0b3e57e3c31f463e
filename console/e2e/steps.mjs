// What several scripts do.
import { readFileSync } from "node:fs";

// Run by the browser's own tools: the page's policy takes no script from elsewhere.
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export async function logIn(page, url, user, password) {
  await page.goto(url);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

export async function heading(page, name) {
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

export function expect(is, what) {
  if (!is) throw new Error(`expected: ${what}`);
}

// Axe's findings that keep somebody from using the page. A passing note is still fading in.
export async function checkAccess(page, where) {
  await page.evaluate(axe);
  let grave = [];
  // Again for a while: colours are on their way when a theme or a page has just changed.
  for (let tries = 0; tries < 10; tries += 1) {
    const found = await page.evaluate(() => globalThis.axe.run({ exclude: [".ant-message"] }, { resultTypes: ["violations"] }));
    grave = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    if (grave.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const told = grave.map(
    ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`,
  );
  expect(grave.length === 0, `no grave finding of axe on ${where}, but\n${told.join("\n")}`);
}

// What the test does outside the browser: it has done so when it answers.
export async function ask(control, what) {
  const answer = await fetch(`${control}/${what}`, { method: "POST" });
  expect(answer.ok, `${what}: ${await answer.text()}`);
}

// A value of a page's figures, by its name.
export function figure(page, name) {
  return page.locator("dt", { hasText: name }).locator("+ dd");
}

// A field that was refused: its label, and what stands at it.
export async function refusedAt(place, label, ...texts) {
  const page = place.page?.() ?? place;
  const field = place.locator(".ant-form-item-has-error").filter({ has: page.locator("label", { hasText: label }) });
  for (const text of texts) await field.locator(".ant-form-item-explain-error").getByText(text).first().waitFor();
}
