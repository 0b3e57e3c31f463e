// Two connections of the WebSocket client: one subscribes with an identifier, the other has a will and
// publishes with the properties of MQTT 5, which the test reads, too; then a thousand messages come
// within a second or so, and the page goes on drawing.
import mqtt from "mqtt";
import { checkAccess, expect, heading, logIn, refusedAt } from "./steps.mjs";

async function giveWill(panel) {
  await panel.getByRole("button", { name: "More settings" }).click();
  await panel.getByLabel("Topic", { exact: true }).fill("meters/will");
  await panel.getByLabel("Payload", { exact: true }).fill("00 ff");
  await panel.getByLabel("Payload is hex").click();
  await panel.getByRole("button", { name: "More settings" }).last().click();
  await panel.getByLabel("Content type").fill("bytes");
}

async function give(panel, properties) {
  for (const [at, [name, value]] of properties.entries()) {
    await panel.getByRole("button", { name: "Add" }).click();
    await panel.getByLabel("Name", { exact: true }).nth(at).fill(name);
    await panel.getByLabel("Value", { exact: true }).nth(at).fill(value);
  }
}

async function connect(page, { ws, client, password }) {
  const panel = page.getByRole("tabpanel");
  await panel.getByLabel("Address").fill(ws);
  await panel.getByLabel("Client id").fill(client);
  await panel.getByLabel("User", { exact: true }).fill("meter");
  await panel.getByLabel("Password").fill(password);
  await panel.getByRole("button", { name: "Connect", exact: true }).click();
}

// Messages at about 1,000 a second from outside, and what the page does meanwhile.
async function flood(page, { ws, password, count }) {
  await page.evaluate(() => {
    globalThis.drawn = { frames: 0, longest: 0, last: performance.now(), going: true };
    const tick = (now) => {
      const { drawn } = globalThis;
      drawn.frames += 1;
      drawn.longest = Math.max(drawn.longest, now - drawn.last);
      drawn.last = now;
      if (drawn.going) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const publisher = await mqtt.connectAsync(ws, { clientId: "flood", username: "meter", password });
  const started = Date.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.ceil(Date.now() - started) + 1);
    for (; sent < due; sent += 1) publisher.publish(`meters/${sent % 100}`, JSON.stringify({ number: sent }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await publisher.endAsync();
  await page.getByText(`${(count + 1).toLocaleString("en-GB")} received`).waitFor();
  const seconds = (Date.now() - started) / 1000;
  const { frames, longest } = await page.evaluate(() => {
    globalThis.drawn.going = false;
    return globalThis.drawn;
  });
  console.log(
    `${count} messages in ${seconds.toFixed(1)} s: ${(frames / seconds).toFixed(0)} frames a second, ` +
      `the longest took ${longest.toFixed(0)} ms`,
  );
}

export default async function ({ page, url, user, password, ws, meter, properties }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "WebSocket client" }).click();
  await heading(page, "WebSocket client");
  await checkAccess(page, "a connection that is not made yet");

  await connect(page, { ws, client: "console-a", password: "wrong" });
  await page.getByRole("alert").getByText("Connection refused").waitFor();
  await connect(page, { ws, client: "console-a", password: meter });
  const panel = page.getByRole("tabpanel");
  await panel.getByLabel("Topic filter").fill("meters/#");
  await panel.getByRole("button", { name: "Identifier and user properties" }).click();
  await panel.getByLabel("Subscription identifier").fill("0");
  await panel.getByRole("button", { name: "Subscribe", exact: true }).click();
  await refusedAt(panel, "Subscription identifier", "Must be a whole number from 1 to 268435455");
  await panel.getByLabel("Subscription identifier").fill("7");
  await panel.getByRole("button", { name: "Subscribe", exact: true }).click();
  await panel.getByRole("cell", { name: "meters/# 7", exact: true }).waitFor();

  await page.getByRole("button", { name: "New connection" }).click();
  await giveWill(panel);
  await connect(page, { ws, client: "console-b", password: meter });
  await panel.getByLabel("Topic", { exact: true }).fill("meters/1");
  await panel.getByLabel("Payload", { exact: true }).fill('{"watt": 21}');
  await panel.getByRole("button", { name: "MQTT 5 properties" }).click();
  await panel.getByLabel("Content type").fill("application/json");
  await panel.getByLabel("Response topic").fill("meters/answers");
  await panel.getByLabel("Correlation data", { exact: true }).fill("c-1");
  await give(panel, properties);
  await panel.getByLabel("Message expiry (s)").fill("soon");
  await panel.getByRole("button", { name: "Publish", exact: true }).click();
  await refusedAt(panel, "Message expiry (s)", "Must be a whole number from 0 to 4294967295");
  await panel.getByLabel("Message expiry (s)").fill("3600");
  await panel.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByText("0 received, 1 sent").waitFor();
  await checkAccess(page, "a connection");
  await panel.getByLabel("Topic", { exact: true }).fill("forbidden/a");
  await panel.getByRole("button", { name: "Publish", exact: true }).click();
  await panel.getByRole("alert").getByText("Not authorized").waitFor();

  await page.getByRole("tab", { name: "console-a" }).click();
  await panel.getByRole("button", { name: /meters\/1/ }).click();
  const message = page.getByRole("dialog");
  const parts = ["application/json", "meters/answers", "c-1", '"subscriptionIdentifier": 7', '"watt": 21'];
  for (const part of [...parts, ...properties.map((pair) => pair.join(": "))])
    await message.getByText(part).first().waitFor();
  await checkAccess(page, "a message");
  await message.getByRole("button", { name: "Close" }).click();

  await flood(page, { ws, password: meter, count: 5000 });
  const rows = panel.getByRole("list", { name: "Messages" }).getByRole("button");
  expect((await rows.count()) < 60, "only the rows in view are in the page");
  await rows.filter({ hasText: '"number":4999' }).waitFor(); // the newest is the first
  await panel.getByText("The newest 5,000 are kept.").waitFor();

  await page.getByRole("tab", { name: "console-b" }).click(); // what was sent can be sent again
  await panel.getByRole("button", { name: "Published before" }).click();
  await panel.getByRole("button", { name: /meters\/1/ }).last().waitFor();

  await page.getByRole("link", { name: "Overview" }).click(); // they go on while another page is shown
  await heading(page, "Overview");
  await page.getByRole("link", { name: "WebSocket client" }).click();
  await panel.getByText("connected", { exact: true }).waitFor();
}
