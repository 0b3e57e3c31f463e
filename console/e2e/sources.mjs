// Tasks that bring in from outside, by form: from Kafka, with the exact message before the task
// exists; and from another MQTT server, where a change that leaves a session behind is read first. A
// task's workers, events and errors show as they happen.
import { ask, checkAccess, figure, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, control, topic, secret }) {
  const button = (name) => page.getByRole("button", { name });
  const next = () => page.getByRole("button", { name: "Next", exact: true }).click();
  const target = () => page.locator(".schema-form").getByLabel("Topic", { exact: true });
  const begin = async (name, kind, connection) => {
    await page.locator("nav").getByRole("link", { name: "Tasks", exact: true }).click();
    await button(/New task/).click();
    await heading(page, "New task");
    await page.getByLabel("Name", { exact: true }).fill(name);
    await next();
    await button(kind).click();
    await page.getByLabel("Connection").click();
    await page.getByTitle(connection).click();
  };
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await begin("commands", /^kafka/, /^plant/);
  await page.getByLabel("Topics").fill(`${topic},`);
  await page.getByText("at the oldest that is still there").click();
  await checkAccess(page, "a source outside");
  await next();
  await page.getByLabel("Topic", { exact: true }).fill(topic);
  await page.getByLabel("Key", { exact: true }).fill("d1");
  await page.getByLabel("Payload", { exact: true }).fill('{"on": true}');
  await next();
  await page.getByText("What comes is published in this server").waitFor();
  await target().fill("devices/${key}/commands");
  await page.getByText("devices/d1/commands").waitFor(); // the exact message
  await checkAccess(page, "the target of a source outside");
  await button(/Create$/).click();
  await heading(page, "commands");
  await page.getByText("running").first().waitFor();
  await ask(control, "produce");
  await figure(page, /^Delivered$/).getByText("1", { exact: true }).waitFor();

  await page.getByRole("tab", { name: "Workers (1)" }).click();
  await page.getByRole("cell", { name: "plant-commands-0" }).waitFor();
  await page.getByRole("tab", { name: "Errors" }).click();
  await page.getByText("Nothing went wrong").waitFor();
  await ask(control, "spoil"); // a key that is no topic level
  await page.getByRole("row").filter({ hasText: "task.rejected" }).first().waitFor(); // nobody clicked
  await checkAccess(page, "a task's errors");
  await page.getByRole("tab", { name: "Events" }).click();
  await page.getByRole("cell", { name: "task.running" }).first().waitFor();
  await page.getByRole("cell", { name: "task.rejected" }).first().waitFor();

  await begin("copies", /^mqtt/, /^self/);
  await page.getByLabel("Filters").fill("plant/#,");
  await page.getByText("More settings").click();
  await page.getByLabel("Client id").fill("copies-1");
  await page.getByLabel("Shared", { exact: true }).click(); // the group of a task is nobody else's, here
  await page.getByText("Basics", { exact: true }).click();
  await page.getByLabel("Start at once").click();
  await page.getByText("Target", { exact: true }).click();
  await target().fill("copy/${topic}");
  await button(/Create$/).click();
  await heading(page, "copies");
  await page.getByText("paused").first().waitFor();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByText("running").first().waitFor();
  await ask(control, "publish");
  await figure(page, /^Delivered$/).getByText("1", { exact: true }).waitFor();

  const saveWhatLeaves = async (what) => {
    await page.getByRole("button", { name: /Save$/ }).click();
    const asked = page.getByRole("dialog");
    await asked.getByText(`the task \`copies\` would leave behind the session \`${what}\``).waitFor();
    await checkAccess(page, "a session that would stay behind");
    return asked;
  };
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByText("Source", { exact: true }).click();
  await page.getByText("More settings").click();
  await page.getByLabel("Client id").fill("copies-2");
  const refused = await saveWhatLeaves("copies-1");
  await refused.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alert").getByText("would leave behind").waitFor(); // and nothing is changed
  await (await saveWhatLeaves("copies-1")).getByRole("button", { name: "Save all the same" }).click();
  await heading(page, "copies");
  await page.getByText("running").first().waitFor();

  await page.goto(new URL("connections/self/edit", url).href);
  await page.getByLabel("Host", { exact: true }).fill("localhost");
  await page.getByLabel("Password", { exact: true }).fill(secret); // none goes to another address by itself
  await (await saveWhatLeaves("copies-2")).getByRole("button", { name: "Save all the same" }).click();
  await heading(page, "Connections");

  await page.goto(new URL("tasks/commands", url).href); // how it was, since it was made
  await heading(page, "commands");
  await page.getByRole("img", { name: /^Waiting messages: Waiting messages \d/ }).waitFor();
  await page.getByRole("img", { name: /^Rejected and retried per second: Rejected \d.*, Retried \d/ }).waitFor();
  await checkAccess(page, "a task's last day");
}
