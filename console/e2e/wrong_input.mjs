// What the server refuses stands at the field that it concerns, with what to do about it; typing
// goes on there, and the rest stays as it was typed.
import { expect, heading, logIn, refusedAt } from "./steps.mjs";

const hint = "send it again";

async function isFocused(locator) {
  await locator.and(locator.page().locator(":focus")).waitFor();
}

export default async function ({ page, url, user, password }) {
  const button = (name) => page.getByRole("button", { name });
  const drawer = page.getByRole("dialog");
  const open = (name) => page.locator("nav").getByRole("link", { name, exact: true }).click();
  const create = () => drawer.getByRole("button", { name: /Create$/ }).click();
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await open("Users");
  await button(/New user/).click();
  await drawer.getByLabel("Description").fill("kept");
  await drawer.getByLabel("Name", { exact: true }).fill("two words");
  await create();
  await refusedAt(drawer, "Name", "without spaces", hint);
  await isFocused(drawer.getByLabel("Name", { exact: true }));
  expect((await drawer.getByLabel("Description").inputValue()) === "kept", "the description");
  await drawer.getByRole("button", { name: "Close" }).click();

  await open("Policies");
  await button(/New policy/).click();
  await drawer.getByLabel("Name", { exact: true }).fill("wrong");
  await drawer.getByLabel("Resources").fill("a/#/b,");
  await create();
  await refusedAt(drawer, "Resources", "#", hint);
  await drawer.getByRole("button", { name: "Close" }).click();

  await open("Connections");
  await button(/New connection/).click();
  await heading(page, "New connection");
  await button(/^kafka/).click();
  await page.getByLabel("Name", { exact: true }).fill("wrong name");
  await page.getByLabel("Username").fill("kept");
  await button("Next").click();
  await refusedAt(page, "Name", "letters, digits", hint);
  await page.getByLabel("Name", { exact: true }).fill("right");
  await button("Next").click();
  await refusedAt(page, "Bootstrap servers", "is missing", hint);
  await isFocused(page.getByLabel("Bootstrap servers"));
  expect((await page.getByLabel("Username").inputValue()) === "kept", "what was typed");

  await open("Tasks");
  await button(/New task/).click();
  await heading(page, "New task");
  await page.getByLabel("Name", { exact: true }).fill("wrong");
  await button("Next").click();
  await page.getByLabel("Topic filters").fill("a/#/b,");
  await button("Next").click();
  await page.getByLabel("Only messages that meet a condition").fill("payload. >");
  await button("Next").click();
  await button(/^kafka/).click();
  await page.locator(".schema-form").getByLabel("Topic", { exact: true }).fill("power");
  await page.getByText("Delivery: ").click();
  await page.getByLabel("Workers").fill("65");
  await button(/Create$/).click();
  await refusedAt(page, "Connection", "is missing", hint);
  await refusedAt(page, "Workers", "64", hint);
  await page.getByLabel("Workers").fill("2");
  await button(/^file/).click();
  await page.getByLabel("Folder").fill("power");
  await button(/Create$/).click();
  await refusedAt(page, "Topic filters", "#", hint); // in the first step that has one
  await isFocused(page.getByLabel("Topic filters"));
  await page.locator(".ant-steps-item-error", { hasText: "Process or verify" }).waitFor();
  await page.getByText("Process or verify").click();
  await refusedAt(page, "Only messages that meet a condition", hint);
  await page.getByText("Target", { exact: true }).click();
  expect((await page.locator(".schema-form").getByLabel("Topic", { exact: true }).inputValue()) === "power", "the topic");

  await open("Settings");
  await page.getByRole("searchbox", { name: "Search" }).fill("mqtt.groups");
  await page.getByRole("button", { name: "Edit: mqtt.groups", exact: true }).click();
  await drawer.getByLabel("Value").fill("many");
  await drawer.getByRole("button", { name: "Save" }).click();
  await refusedAt(drawer, "Value", "whole number");
  await isFocused(drawer.getByLabel("Value"));
}
