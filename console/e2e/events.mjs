// Events are shown as they happen, without anybody asking again; a client's own stand on its page.
import mqtt from "mqtt";
import { checkAccess, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, tcp, meter }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Events", exact: true }).click();
  await heading(page, "Events");
  await page.getByText("Connect a client or start a task").waitFor();
  const [host, port] = tcp.split(":");
  const client = await mqtt.connectAsync({
    protocol: "mqtt", host, port: Number(port), username: "meter", password: meter, clientId: "meter-1", reconnectPeriod: 0,
  });
  await page.getByRole("cell", { name: "client.connected" }).waitFor(); // nobody clicked
  await checkAccess(page, "events");
  await page.getByRole("searchbox", { name: "Event" }).fill("client.connected");
  await page.getByRole("cell", { name: "session.created" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "meter-1" }).click();
  await heading(page, "meter-1");
  await page.getByRole("cell", { name: "session.created" }).waitFor();
  await client.endAsync();
  await page.getByRole("link", { name: "Monitoring", exact: true }).click();
  await page.getByRole("img", { name: "Messages per second" }).waitFor();
  await checkAccess(page, "monitoring");
}
