// A setting that can change while running is changed, refused in the server's words when it is
// wrong, and taken back.
import { checkAccess, expect, heading, logIn, refusedAt } from "./steps.mjs";

export default async function ({ page, url, user, password }) {
  const row = page.getByRole("row").filter({ hasText: "mqtt.groups" }).first();
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await heading(page, "Settings");
  await page.getByRole("searchbox", { name: "Search" }).fill("mqtt.groups");
  await page.getByRole("button", { name: "Edit: mqtt.groups", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Value").fill("many");
  await dialog.getByRole("button", { name: "Save" }).click();
  await refusedAt(dialog, "Value", "whole number");
  await checkAccess(page, "a refused setting");
  await dialog.getByLabel("Value").fill("17");
  await dialog.getByRole("button", { name: "Save" }).click();
  await row.getByText("PATCH /settings").waitFor();
  await row.getByText("17", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Take back: mqtt.groups", exact: true }).click();
  await page.getByText("1 change is taken back").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await row.getByText("PATCH /settings").waitFor({ state: "detached" });
  expect(await row.getByText("1000", { exact: true }).count(), "the default again");
}
