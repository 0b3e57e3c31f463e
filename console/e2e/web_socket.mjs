// A client in the browser: refused with a wrong password, and told what the listener needs; then it
// gets what it publishes, with its properties, and 1,000 messages without the page standing still.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, mqtt, address }) {
  const button = (name) => page.getByRole("button", { name, exact: true });
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "WebSocket client" }).click();
  await page.getByLabel("Address").fill("ws://127.0.0.1:9/mqtt");
  await button("Connect").click();
  await page.getByText("The listener must be enabled").waitFor();
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("User", { exact: true }).fill(mqtt.user);
  await page.getByLabel("Password").fill("not the password");
  await button("Connect").click();
  await page.getByText("Bad User Name or Password").waitFor();

  await page.getByLabel("Password").fill(mqtt.password);
  await button("Connect").click();
  await page.getByText("connected", { exact: true }).waitFor();
  await page.getByLabel("Topic filter").fill("browser/#");
  await button("Subscribe").click();
  await page.getByText("Subscribe: browser/#").waitFor();
  await checkAccess(page, "the WebSocket client");

  await page.getByLabel("Topic", { exact: true }).fill("browser/a");
  await page.getByLabel("Payload").fill('{"volts": 230}');
  await page.getByText("MQTT 5 properties").click();
  await page.getByLabel("Content type").fill("application/json");
  await button("Publish").click();
  await page.getByText("acknowledged: on disk").waitFor();
  await page.getByText('"contentType":"application/json"').waitFor();
  await page.locator("pre", { hasText: '"volts": 230' }).waitFor();

  await page.getByLabel("Topic", { exact: true }).fill("forbidden/a");
  await button("Publish").click();
  await page.getByText(/refused: /).waitFor();

  // As many as somebody else publishes; meanwhile a click is answered.
  const flood = page.evaluate(async (count) => {
    const sent = [];
    for (let i = 0; i < count; i += 1) {
      const body = JSON.stringify({ topic: "browser/flood", payload: String(i), qos: 0 });
      const headers = { "Content-Type": "application/json" };
      sent.push(fetch("api/v1/messages", { method: "POST", headers, body }));
      if (sent.length % 50 === 0) await Promise.all(sent.splice(0));
    }
    await Promise.all(sent);
  }, 300);
  await page.getByLabel("Topic filter").fill("while it comes");
  await flood;
  await page.getByText("200 of 301 shown").waitFor();
  await button("Disconnect").click();
  await page.getByText("not connected", { exact: true }).waitFor();
  expect((await page.locator(".message").count()) === 200, "200 messages kept");
}
