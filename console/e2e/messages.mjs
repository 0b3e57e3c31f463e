// A client is found by a part of its id and traced, its message is found and seen on its way, byte by
// byte; the client's page says that it was sent it. It is disconnected.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password }) {
  const button = (name) => page.getByRole("button", { name });
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Clients", exact: true }).click();
  await page.getByRole("columnheader", { name: "Certificate serial number" }).waitFor({ state: "detached" });
  await page.getByRole("combobox", { name: "More columns" }).click({ force: true });
  for (const column of ["Protocol", "Certificate serial number", "Created"]) await page.getByTitle(column, { exact: true }).click();
  await page.keyboard.press("Escape");
  await page.reload(); // the choice is remembered
  await page.getByRole("columnheader", { name: "Certificate serial number" }).waitFor();
  await page.getByRole("cell", { name: "MQTT 5.0" }).waitFor();
  await checkAccess(page, "clients with all columns");
  await page.getByRole("searchbox", { name: "Client id" }).fill("eter");
  await page.waitForURL(/client_id_contains=eter/);
  await page.getByRole("link", { name: "meter-1" }).click();
  await heading(page, "meter-1");
  await page.goBack();
  await heading(page, "Clients");
  expect((await page.getByRole("searchbox", { name: "Client id" }).inputValue()) === "eter", "the filter after a visit to a client");
  await page.getByRole("link", { name: "meter-1" }).click();
  await heading(page, "meter-1");
  await page.getByLabel("Filter").fill("commands/#");
  await button("Subscribe it").click();
  await page.getByRole("cell", { name: "commands/#" }).first().waitFor(); // its events name it, too
  await page.getByText("for: billing").waitFor(); // what its SUBSCRIBE said
  await button("Trace it").click();
  await button("Trace it no more").waitFor();
  await checkAccess(page, "a client");

  await page.getByRole("link", { name: "Messages", exact: true }).click();
  await button("Publish").click();
  const drawer = page.getByRole("dialog");
  await drawer.getByLabel("Topic", { exact: true }).fill("commands/#");
  await drawer.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("dialog").locator(".ant-form-item-explain-error").waitFor();
  await drawer.getByLabel("Topic", { exact: true }).fill("commands/go");
  await drawer.getByLabel("Payload", { exact: true }).fill('{"go": true}');
  await drawer.getByRole("button", { name: "Publish" }).click();
  await page.getByText("It is on disk:").waitFor();
  await drawer.getByRole("button", { name: "Close" }).click();

  const filter = page.getByRole("searchbox", { name: "Topic filter" });
  await filter.fill("commands/#/x"); // wrong: the server says so
  await page.getByRole("alert").waitFor();
  await filter.fill("commands/#");
  await page.getByRole("cell", { name: "commands/go" }).first().waitFor();
  await page.locator("td a").first().click();
  await heading(page, "Message");
  await page.getByText('"go": true').waitFor();
  await page.getByText("Hex").click();
  await page.getByText("7b 22 67 6f 22").waitFor();
  await page.getByRole("link", { name: "Client meter-1" }).click();
  await heading(page, "meter-1");
  await page.getByRole("row", { name: /sent commands\/go/ }).waitFor();
  await button("Disconnect").click();
  await page.getByText("Its session stays").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("meter-1 is disconnected").waitFor();
}
