// The server falls silent and comes back; it is killed and started again, twice. The page says so,
// keeps what was typed, and goes on with live values; a login that ended with the server is asked for over the page.
import { ask, checkAccess, expect, figure, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, control }) {
  const away = page.locator(".ant-alert-banner").filter({ hasText: "The server does not answer" });
  const back = () => away.waitFor({ state: "detached" });
  const button = (name) => page.getByRole("button", { name });
  const stored = async () => Number((await figure(page, /^Messages since the start$/).innerText()).replaceAll(",", ""));
  const logInAgain = async () => {
    const dialog = page.getByRole("dialog").filter({ hasText: "The login has ended" });
    await dialog.getByLabel("Password").fill(password);
    expect((await dialog.getByLabel("User").inputValue()) === user, "the user is known");
    await checkAccess(page, "a login that has ended");
    await dialog.getByRole("button", { name: "Log in" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await figure(page, /^Messages since the start$/).waitFor();
  const before = await stored();
  await ask(control, "freeze");
  await away.waitFor();
  await checkAccess(page, "a server that is away");
  await ask(control, "thaw");
  await back();
  await ask(control, "publish");
  // Asked from here: a condition that the page itself evaluates its policy refuses.
  while ((await stored()) <= before) await page.waitForTimeout(200);

  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await button(/New task/).click();
  await heading(page, "New task");
  await page.getByLabel("Name", { exact: true }).fill("kept");
  await button("Next").click();
  await page.getByLabel("Topic filters").fill("plant/#,");
  await ask(control, "kill");
  await away.waitFor(); // though nothing on this page changes by itself
  await button("Next").click();
  await page.getByLabel("Only messages that meet a condition").fill("payload.watts > 1");
  await ask(control, "start");
  await logInAgain();
  await back();
  expect((await page.getByLabel("Only messages that meet a condition").inputValue()) === "payload.watts > 1", "the condition");
  await button("Next").click();
  await button(/^file/).click();
  await page.locator(".schema-form").getByLabel("Topic", { exact: true }).fill("kept");
  await page.getByLabel("Folder").fill("kept");

  await ask(control, "kill");
  await away.waitFor();
  await button(/Create$/).click(); // nobody takes it
  await page.getByText("Whether this was done is not known").waitFor();
  await ask(control, "start");
  await logInAgain();
  await back();
  await button(/Create$/).click();
  await heading(page, "kept");
  await ask(control, "publish");
  await figure(page, /^Delivered$/).getByText("1", { exact: true }).waitFor(); // without a click
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await ask(control, "publish");
  await figure(page, /^Delivered$/).getByText("2", { exact: true }).waitFor();
  expect(!asked.some((address) => address.endsWith("/tasks/kept")), `the stream told it, and nobody asked: ${asked}`);

  await ask(control, "kill");
  await away.waitFor();
  await page.getByRole("link", { name: "Audit", exact: true }).click(); // whose files are not loaded yet
  await ask(control, "start");
  await logInAgain();
  await heading(page, "Audit");
  await back();
}
