// What is done with a task and a connection that are there: paused, started, copied, sent back to
// where the log begins, and past what waits; verified, and deleted when nothing uses it. And what
// another server has is taken over from its own JSON.
import { ask, checkAccess, figure, heading, logIn, refusedAt } from "./steps.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const open = (page, name) => page.locator("nav").getByRole("link", { name, exact: true }).click();
const shows = (page, name, value) => figure(page, name).getByText(String(value), { exact: true }).waitFor();

async function fromMenu(page, name, item) {
  await button(page, `${name}: …`).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
  return page.getByRole("dialog");
}

async function pauseAndStart(page, control) {
  await open(page, "Tasks");
  await button(page, "Pause: plant").click();
  await button(page, "Start: plant").waitFor();
  await ask(control, "paused"); // and three messages come meanwhile
  await page.getByRole("link", { name: "plant", exact: true }).click();
  await heading(page, "plant");
  await shows(page, /^Waiting messages$/, 3);
  await button(page, "Start").click();
  await button(page, "Pause").waitFor();
  await shows(page, /^Delivered$/, 3);
  await shows(page, /^Waiting messages$/, 0);
}

async function seek(page, control) {
  const back = await fromMenu(page, "plant", "Go to another place");
  await back.getByRole("radio", { name: "At the earliest message" }).check();
  await back.getByText("3 messages that were delivered go once more").waitFor();
  await checkAccess(page, "where a task goes on");
  await back.getByRole("button").last().click();
  await back.waitFor({ state: "detached" });
  await shows(page, /^Delivered$/, 6);
  await ask(control, "again");

  await button(page, "Pause").click();
  await button(page, "Start").waitFor();
  await ask(control, "paused");
  await shows(page, /^Waiting messages$/, 3);
  const on = await fromMenu(page, "plant", "Go to another place");
  await on.getByRole("radio", { name: "With the next message that comes" }).check();
  await on.getByText("3 messages that wait are passed over").waitFor();
  await on.getByRole("button").last().click();
  await on.waitFor({ state: "detached" });
  await shows(page, /^Waiting messages$/, 0);
  await button(page, "Start").click();
  await button(page, "Pause").waitFor();
}

async function copy(page) {
  await button(page, "Copy").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name of the new task").fill("plant copy");
  await dialog.getByRole("button", { name: /Create$/ }).click();
  await refusedAt(dialog, "Name of the new task", "letters, digits");
  await checkAccess(page, "a refused copy");
  await dialog.getByLabel("Name of the new task").fill("plant-copy");
  await dialog.getByRole("button", { name: /Create$/ }).click();
  await heading(page, "plant-copy");
  await page.getByText("paused").first().waitFor();
}

async function connection(page) {
  await open(page, "Connections");
  await heading(page, "Connections");
  const verification = await fromMenu(page, "spare", "Verify");
  await verification.getByText("Everything works").waitFor();
  await checkAccess(page, "what was verified");
  await verification.getByRole("button").last().click();
  await verification.waitFor({ state: "detached" });

  const question = await fromMenu(page, "spare", "Delete");
  await question.getByText("No task uses it").waitFor();
  await question.getByRole("button", { name: "Delete", exact: true }).click();
  await button(page, "spare: …").waitFor({ state: "detached" });
}

async function imports(page, { tbmq, emqx }) {
  const take = () => button(page, "Take over").click();
  const given = page.getByLabel("JSON", { exact: true });
  const begin = async () => {
    await open(page, "Tasks");
    await button(page, "From TBMQ or EMQX").click();
    await heading(page, "Take over from another server");
  };
  await begin();
  await given.fill('{"name": "half');
  await take();
  await page.getByRole("alert").getByText("This is not JSON").waitFor();
  const wrong = structuredClone(tbmq);
  wrong.configuration.clientConfiguration.otherProperties = { "ssl.truststore.location": "/etc/passwd" };
  await given.fill(JSON.stringify(wrong, null, 2));
  await take();
  await page.getByRole("alert").getByText(/ssl\.truststore\.location$/).waitFor(); // in the server's words
  await checkAccess(page, "a refused import");
  await given.fill(JSON.stringify(tbmq, null, 2));
  await take();
  await page.getByText("Connection Plant-telemetry and task Plant-telemetry are made").waitFor();
  await page.getByRole("listitem").filter({ hasText: "acks" }).waitFor(); // what is not as it was
  await checkAccess(page, "what was taken over");
  await button(page, "To the task").click();
  await heading(page, "Plant-telemetry");
  await page.getByText("running").first().waitFor();

  await begin();
  await page.getByRole("radio", { name: /^EMQX/ }).check();
  await given.fill(JSON.stringify({ ...emqx, rule: { sql: 'SELECT clientid FROM "meters/#"' } }));
  await take();
  await page.getByRole("alert").getByText("/rule/sql").waitFor(); // where it is in what was pasted
  await given.fill(JSON.stringify(emqx, null, 2));
  await take();
  await page.getByRole("alert").getByText("Connection refused").first().waitFor(); // nobody is there
  await page.getByLabel("Save it only when the other side answers").uncheck();
  await take();
  await page.getByText("Connection meters and task meters are made").waitFor();
}

export default async function ({ page, url, user, password, control, tbmq, emqx }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await pauseAndStart(page, control);
  await seek(page, control);
  await copy(page);
  await connection(page);
  await imports(page, { tbmq, emqx });
}
