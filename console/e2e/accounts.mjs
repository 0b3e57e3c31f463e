// Passwords are changed, by the server or by hand; a deletion says in numbers what goes with it; the
// audit shows what was before and after; a viewer may change nothing but the own password.
import mqtt from "mqtt";
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

async function secretShown(page, title) {
  const dialog = page.getByRole("dialog").filter({ hasText: title });
  await dialog.getByText("It is shown now and never again").waitFor();
  const secret = (await dialog.locator("code").innerText()).trim();
  expect(secret.length > 15, `a made secret: ${secret}`);
  await dialog.getByRole("button", { name: "OK" }).click();
  await dialog.waitFor({ state: "detached" });
  return secret;
}

async function open(page, name) {
  await page.locator("nav").getByRole("link", { name, exact: true }).click();
  await page.locator("nav .ant-menu-item-selected", { hasText: name }).waitFor();
}

// What the role of a new one begins with is chosen by hand.
async function choose(dialog, page, label, value) {
  await dialog.getByLabel(label, { exact: true }).click();
  await page.locator(".ant-select-dropdown:visible").getByTitle(value, { exact: true }).click();
}

async function users(page, { tcp }) {
  await open(page, "Users");
  await page.getByRole("button", { name: "Change password: meter" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Who is connected stays so.").waitFor();
  await dialog.getByRole("button", { name: "Change password" }).click();
  const password = await secretShown(page, "Password of meter");
  const [host, port] = tcp.split(":");
  const options = { host, port: Number(port), username: "meter", password, clientId: "meter-1" };
  const client = await mqtt.connectAsync({ ...options, protocol: "mqtt", reconnectPeriod: 0 });

  await page.getByRole("button", { name: "Delete: meter" }).click();
  const question = page.getByRole("dialog");
  await question.getByText("Sessions of this user: 1, connected now: 1.").waitFor();
  await question.getByText("Policies that name it stay: meters.").waitFor();
  await checkAccess(page, "what a deletion takes along");
  await question.getByRole("button", { name: "Cancel" }).click();
  await question.waitFor({ state: "detached" });
  await blockRule(page);
  await open(page, "Users");
  await page.getByRole("button", { name: "Delete: meter" }).click();
  await question.getByText("Sessions of this user: 1, connected now: 1.").waitFor();
  const ended = new Promise((resolve) => client.once("close", resolve));
  await question.getByRole("button", { name: "Delete" }).click();
  await ended;
  client.end(true);
}

async function blockRule(page) {
  await open(page, "Block rules");
  await page.getByRole("button", { name: "Delete: stolen" }).click();
  const question = page.getByRole("dialog");
  await question.getByText("refused since the server started: 1, the last at").waitFor();
  await question.getByText("not connected: 1, with 0 waiting messages").waitFor();
  await checkAccess(page, "what the end of a block rule means");
  await question.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nobody is kept out").waitFor();

  await page.getByRole("button", { name: /New block rule/ }).click();
  await question.getByLabel("Name", { exact: true }).fill("everybody");
  await choose(question, page, "Type", "user");
  await question.getByLabel("Value", { exact: true }).fill("met?r");
  await question.getByRole("button", { name: /Create$/ }).click();
  await page.getByText("connected now and that it keeps out: 1.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await question.getByRole("button", { name: "Close" }).click();
  await page.getByText("Nobody is kept out").waitFor(); // nothing was done
}

async function administrators(page) {
  await open(page, "Administrators");
  await page.getByRole("button", { name: /New administrator/ }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByLabel("Name", { exact: true }).fill("watcher");
  await choose(drawer, page, "Role", "viewer");
  await drawer.getByRole("button", { name: /Create$/ }).click();
  const password = await secretShown(page, "Password of watcher");
  await page.getByRole("button", { name: "Delete: watcher" }).click();
  await page.getByRole("dialog").getByText("and its tokens: 0").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  return password;
}

async function changeOwn(page, old, fresh) {
  await open(page, "Administrators");
  await page.getByRole("button", { name: "Change my password" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Password that holds now").fill("not this one");
  await dialog.getByLabel("New password").fill(fresh);
  await dialog.getByRole("button", { name: "Change my password" }).or(dialog.getByRole("button", { name: "Change password" })).click();
  await dialog.getByRole("alert").waitFor(); // in the server's words
  await dialog.getByLabel("Password that holds now").fill(old);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await dialog.waitFor({ state: "detached" });
}

export default async function ({ page, url, user, password, tcp }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await users(page, { tcp });
  const watchword = await administrators(page);

  await open(page, "Audit");
  await page.getByRole("searchbox", { name: "What" }).fill("meters");
  await page.getByRole("cell", { name: "changePolicy" }).waitFor();
  await page.getByRole("cell", { name: "changeUser" }).waitFor({ state: "detached" }); // the server filters
  await page.getByRole("row").filter({ hasText: "changePolicy" }).getByRole("button").click();
  await page.getByLabel("Before", { exact: true }).getByText("old words").waitFor();
  await page.getByLabel("After", { exact: true }).getByText("new words").waitFor();
  await checkAccess(page, "the audit");

  await page.getByRole("button", { name: /administrator$/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await logIn(page, url, "watcher", watchword);
  await heading(page, "Overview");
  await changeOwn(page, watchword, "a new password");
  expect((await page.getByRole("button", { name: /New administrator/ }).count()) === 0, "a viewer makes no account");
  await page.getByRole("button", { name: /viewer$/ }).click(); // the new one holds
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await logIn(page, url, "watcher", "a new password");
  await heading(page, "Overview");
}
