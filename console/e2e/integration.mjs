// From nothing to a record in Kafka by clicks alone: a connection in three steps, of which the first
// attempt fails and says why, a task in four, its exact record before it exists, a message that is
// published here, and the task's progress.
import { checkAccess, expect, figure, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, kafka, topic, existing, steps }) {
  const begun = Date.now();
  const click = async (locator) => {
    steps.clicks += 1;
    await locator.click();
  };
  const button = (name, exact = true) => page.getByRole("button", { name, exact });
  steps.clicks += 1; // of the log-in
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await click(page.getByRole("link", { name: "Connections", exact: true }));
  await page.getByText("A task needs a connection").waitFor();
  await click(button("plus New connection"));
  await heading(page, "New connection");
  await click(button(/^kafka/, false));
  await page.getByLabel("Name", { exact: true }).fill("plant");
  await page.getByLabel("Bootstrap servers").fill("127.0.0.1:9");
  await click(button("Next"));
  await page.getByText("Something does not work yet").waitFor();
  await page.getByText("Connection refused").waitFor();
  await click(button("Back"));
  await page.getByLabel("Bootstrap servers").fill(kafka);
  await click(button("Next"));
  await page.getByText("Everything works").waitFor();
  await checkAccess(page, "the verification");
  await click(button("Save"));
  await heading(page, "Connections");
  await page.getByRole("cell", { name: kafka }).waitFor();

  await click(page.getByRole("link", { name: "Tasks", exact: true }));
  await page.getByText("Make one in four steps").waitFor();
  await click(button("plus New task"));
  await heading(page, "New task");
  await page.getByLabel("Name", { exact: true }).fill("power");
  await click(button("Next"));
  await page.getByLabel("Topic filters").fill("meters/+/power, plant/#,");
  await click(button("Next"));
  await page.getByLabel("Only messages that meet a condition").fill("payload.watts > ");
  await page.getByLabel("Topic", { exact: true }).fill("meters/m1/power");
  await page.getByLabel("Payload", { exact: true }).fill('{"watts": 1300}');
  await page.getByRole("alert").getByText("/where").waitFor(); // what the server says of half a condition
  await page.getByLabel("Only messages that meet a condition").fill("payload.watts > 1000");
  await page.getByText("mqtt.topic").waitFor();
  await click(button("Next"));
  await click(button(/^kafka/, false));
  await click(page.getByLabel("Connection"));
  await click(page.getByTitle(/^plant/));
  await click(button(/Create$/, false));
  await page.getByText("is missing").first().waitFor(); // the target topic: at its field
  const target = page.locator(".schema-form").getByLabel("Topic", { exact: true });
  await target.fill(existing);
  await button("Check the right to write").click(); // nobody has to, so it is not counted
  await page.getByText("may be written to; nothing was").waitFor();
  await target.fill("${topic[2]}-of-a-template");
  await page.getByText("may write to power-of-a-template").waitFor(); // what the sample becomes
  await button("Check the right to write").click();
  await page.getByText("topic power-of-a-template: ").waitFor(); // there is none
  await target.fill(topic);
  await page.getByText(topic, { exact: true }).waitFor();
  await checkAccess(page, "the last step of a task");
  await click(button(/Create$/, false));
  await heading(page, "power");
  await page.getByText("running").waitFor();

  await click(page.getByRole("link", { name: "Messages", exact: true }));
  await click(button("Publish"));
  const drawer = page.getByRole("dialog");
  for (const [topic, watts] of [["meters/m1/power", 1300], ["meters/m2/power", 5]]) {
    await drawer.getByLabel("Topic", { exact: true }).fill(topic);
    await drawer.getByLabel("Payload", { exact: true }).fill(JSON.stringify({ watts }));
    await click(drawer.getByRole("button", { name: "Publish" }));
    await page.getByText("It is on disk:").first().waitFor();
    await page.getByText("It is on disk:").first().waitFor({ state: "detached" });
  }
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  await click(page.getByRole("link", { name: "Tasks", exact: true }));
  await click(page.getByRole("link", { name: "power", exact: true }));
  await figure(page, /^Delivered$/).getByText("1", { exact: true }).waitFor();
  await figure(page, /^Passed over by rule$/).getByText("1", { exact: true }).waitFor();
  await checkAccess(page, "a task");
  expect(steps.clicks < 25, `under 25 clicks, not ${steps.clicks}`);
  console.log(`${steps.clicks} clicks in ${((Date.now() - begun) / 1000).toFixed(1)} s of the browser`);
}
