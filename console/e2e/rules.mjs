// What the server does by rule: each kind is made, changed and, two of them, deleted; and what it
// does shows with clients, outside the browser. A token is shown once, works, and is refused once it
// is deleted.
import { ask, checkAccess, expect, heading, logIn, refusedAt } from "./steps.mjs";

const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const gone = (locator) => locator.waitFor({ state: "detached" });

async function begin(page, kind, create) {
  await page.locator("nav").getByRole("link", { name: kind, exact: true }).click();
  await page.getByRole("button", { name: create }).click();
  return page.getByRole("dialog");
}

const done = (place, name) => place.getByRole("button", { name: new RegExp(`${name}$`) }).click();

async function choose(page, form, label, value) {
  await form.getByLabel(label, { exact: true }).click({ force: true }); // what is chosen lies over it
  await page.locator(".ant-select-dropdown:visible").getByTitle(value, { exact: true }).click();
}

async function change(page, name) {
  await page.getByRole("button", { name: `Edit: ${name}`, exact: true }).click();
  return page.getByRole("dialog");
}

async function remove(page, name, text) {
  const button = page.getByRole("button", { name: `Delete: ${name}`, exact: true });
  await button.click();
  const question = page.getByRole("dialog");
  await question.getByText(text).waitFor();
  await checkAccess(page, `what the end of ${name} means`);
  await question.getByRole("button", { name: "Delete", exact: true }).click();
  await gone(button);
}

async function blockRule(page, control) {
  const form = await begin(page, "Block rules", /New block rule/);
  await form.getByLabel("Name", { exact: true }).fill("stolen");
  await choose(page, form, "Type", "address");
  await form.getByLabel("Value", { exact: true }).fill("thief-*");
  await done(form, "Create"); // whom it would keep out is asked first, but of an address nobody can say
  const asked = page.getByRole("dialog").filter({ hasText: "Create: stolen?" });
  await asked.getByRole("button", { name: "Create", exact: true }).click();
  await refusedAt(form, "Value", "must be an address");
  await checkAccess(page, "a refused block rule");
  await choose(page, form, "Type", "client_id");
  await done(form, "Create");
  await asked.getByText("connected now and that it keeps out: 1.").waitFor();
  await asked.getByRole("button", { name: "Create", exact: true }).click();
  await row(page, "stolen").getByText("thief-*").waitFor();
  await ask(control, "blocked");

  const known = await change(page, "stolen");
  await known.getByLabel("Except").fill("thief-honest,");
  await done(known, "Save");
  await gone(known);
  await ask(control, "excepted");
}

async function enrichmentRule(page, control) {
  const form = await begin(page, "Enrichment rules", /New enrichment rule/);
  await form.getByLabel("Name", { exact: true }).fill("site");
  await form.getByLabel("Topics").fill("plant/#/x,");
  await form.getByRole("button", { name: /Add$/ }).click();
  await form.getByLabel("Name", { exact: true }).last().fill("site");
  await form.getByLabel("Value", { exact: true }).fill("north");
  await done(form, "Create");
  await refusedAt(form, "Topics", "#");
  await checkAccess(page, "a refused enrichment rule");
  await form.locator(".ant-select-selection-item-remove").click();
  await form.getByLabel("Topics").fill("plant/#,");
  await done(form, "Create");
  await row(page, "site").getByText("plant/#").waitFor();
  await ask(control, "enriched");

  const known = await change(page, "site");
  await known.getByLabel("Enabled").click();
  await done(known, "Save");
  await row(page, "site").getByRole("cell", { name: "no", exact: true }).waitFor();
  await ask(control, "plain");
  await remove(page, "site", "topic filters (1)");
}

async function autoSubscription(page, control) {
  const form = await begin(page, "Auto-subscriptions", /New auto-subscription/);
  await form.getByLabel("Name", { exact: true }).fill("inbox");
  await form.getByLabel("Filters").fill("inbox/#/x,");
  await done(form, "Create");
  await refusedAt(form, "Filters", "#");
  await form.locator(".ant-select-selection-item-remove").click();
  await form.getByLabel("Filters").fill("inbox/${client_id},");
  await done(form, "Create");
  await row(page, "inbox/${client_id}").waitFor();
  await checkAccess(page, "auto-subscriptions");
  await ask(control, "subscribed");

  const known = await change(page, "inbox");
  await known.getByLabel("QoS", { exact: true }).fill("2");
  await done(known, "Save");
  await row(page, "inbox/${client_id}").getByRole("cell", { name: "2", exact: true }).waitFor();
  await ask(control, "exactly");
  await remove(page, "inbox", "its filters (1)");
}

async function token(page, url) {
  const form = await begin(page, "Tokens", /New token/);
  await form.getByLabel("Name", { exact: true }).fill("reader");
  await choose(page, form, "Role", "viewer");
  await form.getByLabel("Expires in").fill("1s");
  await done(form, "Create");
  await refusedAt(form, "Expires in", "from 1m to 366d");
  await checkAccess(page, "a refused token");
  await form.getByLabel("Expires in").fill("1h");
  await done(form, "Create");
  const shown = page.getByRole("dialog").filter({ hasText: "Token reader" });
  await shown.getByText("It is shown now and never again").waitFor();
  await checkAccess(page, "a token that is shown");
  const secret = (await shown.locator("code").innerText()).trim();
  await shown.getByRole("button", { name: "OK", exact: true }).click();
  await gone(shown);

  const asks = async (method) => {
    const headers = { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" };
    const body = method === "POST" ? '{"name": "more"}' : undefined;
    return (await fetch(new URL("api/v1/users", url), { method, headers, body })).status;
  };
  expect((await asks("GET")) === 200, "the token works");
  expect((await asks("POST")) === 403, "it may no more than its role");
  await page.reload();
  await row(page, "reader").waitFor();
  expect(!(await page.locator("body").innerText()).includes(secret), "the token is shown once");
  await remove(page, "reader", "Whatever program uses the token reader is refused");
  expect((await asks("GET")) === 401, "the token works no more");
  console.log(secret);
}

export default async function ({ page, url, user, password, control }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await blockRule(page, control);
  await enrichmentRule(page, control);
  await autoSubscription(page, control);
  await token(page, url);
}
