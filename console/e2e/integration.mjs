// From nothing to a record in Kafka by clicks alone: a connection in three steps, of which the first
// attempt fails and says why, a task in four, its exact record before it exists, and its progress.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, kafka, steps }) {
  const click = async (locator) => {
    steps.clicks += 1;
    await locator.click();
  };
  const button = (name, exact = true) => page.getByRole("button", { name, exact });
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await click(page.getByRole("link", { name: "Connections" }));
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

  await click(page.getByRole("link", { name: "Tasks" }));
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
  await page.locator(".schema-form").getByLabel("Topic", { exact: true }).fill("power");
  await page.getByText("power", { exact: true }).waitFor();
  await checkAccess(page, "the last step of a task");
  await click(button(/Create$/, false));
  await heading(page, "power");
  await page.getByText("running").waitFor();

  for (const [topic, watts] of [["meters/m1/power", 1300], ["meters/m2/power", 5], ["plant/a", 1400]])
    await page.evaluate(
      (body) => fetch("api/v1/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body }),
      JSON.stringify({ topic, payload: JSON.stringify({ watts }) }),
    );
  const figure = (name) => page.locator("dt", { hasText: name }).locator("+ dd");
  await figure(/^Delivered$/).getByText("2", { exact: true }).waitFor();
  await figure(/^Passed over by rule$/).waitFor();
  await checkAccess(page, "a task");
  expect(steps.clicks <= 25, `at most 25 clicks, not ${steps.clicks}`);
  console.log(`clicks: ${steps.clicks}`);
}
