// Two administrators edit the same task, connection and policy. Who saves second is told what the
// other one changed; nothing that was typed is lost, and nothing of the other one is undone.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

const conflict = (page) => page.getByRole("alert").filter({ hasText: "Somebody else has changed this meanwhile" });

async function rowsOf(page) {
  const rows = await conflict(page).locator("tbody tr").all();
  return Promise.all(rows.map(async (row) => (await row.locator("th, td").allInnerTexts()).join("|")));
}

async function goOn(page) {
  await page.getByRole("button", { name: "Put my changes onto it" }).click();
  await conflict(page).waitFor({ state: "detached" });
}

const save = (page) => page.getByRole("button", { name: /Save$/ }).click(); // its sign of work may still be fading

async function task(first, second) {
  for (const page of [first, second]) {
    await page.locator("nav").getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByRole("link", { name: "plant", exact: true }).click();
    await page.getByText("running").first().waitFor();
  }
  // Told by the stream meanwhile: what the page holds then is not what was answered, and has no tag.
  await second.waitForTimeout(3000);
  for (const page of [first, second]) {
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await heading(page, "Edit plant");
  }
  await first.getByLabel("Description").fill("of the first");
  await save(first);
  await heading(first, "plant");

  await second.getByText("Process or verify").click();
  await second.getByLabel("Only messages that meet a condition").fill("payload.watts > 5");
  await save(second);
  await conflict(second).waitFor();
  expect((await rowsOf(second)).join() === "/description|none|of the first|", `what was changed, not ${await rowsOf(second)}`);
  await checkAccess(second, "a conflict");
  expect((await second.getByLabel("Only messages that meet a condition").inputValue()) === "payload.watts > 5", "what was typed");
  await goOn(second);
  await save(second);
  await heading(second, "plant");
  await second.getByText("of the first").waitFor();
}

async function connection(first, second, url) {
  for (const page of [first, second]) {
    await page.locator("nav").getByRole("link", { name: "Connections", exact: true }).click();
    await page.getByRole("button", { name: "main: …" }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await heading(page, "Edit main");
  }
  await first.getByLabel("Description").fill("of the first");
  await first.getByText("Restart the task of this connection").waitFor();
  await save(first);
  await heading(first, "Connections");
  await second.getByLabel("Description").fill("of the second");
  await save(second);
  await conflict(second).waitFor();
  expect((await rowsOf(second)).join() === "/description|of a test|of the first|of the second", `both, not ${await rowsOf(second)}`);
  await goOn(second);
  await save(second);
  await heading(second, "Connections");
  await second.getByRole("cell", { name: "of the second" }).waitFor();

  const { id } = await (await second.request.get(new URL("api/v1/connections/main", url).href)).json();
  await second.getByRole("searchbox", { name: "Id" }).fill("another");
  await second.getByText("Nothing matches the filter").waitFor();
  await second.getByRole("searchbox", { name: "Id" }).fill(id);
  await second.getByRole("button", { name: "main: …" }).click();
  await second.getByRole("menuitem", { name: "Delete" }).click();
  const told = second.getByRole("dialog");
  await told.getByText("1 task uses it, and 0 messages wait for that task").waitFor();
  await checkAccess(second, "a connection in use");
  await told.getByRole("link", { name: "to-main" }).click(); // the way on
  await heading(second, "to-main");
  await told.waitFor({ state: "detached" });
}

async function policy(first, second) {
  for (const page of [first, second]) {
    await page.locator("nav").getByRole("link", { name: "Policies", exact: true }).click();
    await page.getByRole("button", { name: "Edit: meters" }).click();
    await page.getByRole("dialog").getByLabel("Description").waitFor();
  }
  const field = (page) => page.getByRole("dialog").getByLabel("Description");
  await field(first).fill("of the first");
  await save(first);
  await first.getByRole("cell", { name: "of the first" }).waitFor();
  await field(second).fill("of the second");
  await save(second);
  await conflict(second).waitFor();
  expect((await field(second).inputValue()) === "of the second", "what was typed");
}

export default async function ({ page, browser, url, user, password, other }) {
  const context = await browser.newContext({ locale: "en-GB", reducedMotion: "reduce" });
  const second = await context.newPage();
  second.setDefaultTimeout(60_000);
  await logIn(page, url, user, password);
  await logIn(second, url, other.user, other.password);
  await Promise.all([page, second].map((each) => heading(each, "Overview")));
  await task(page, second);
  await connection(page, second, url);
  await policy(page, second);
}
