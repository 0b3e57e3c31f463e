// A user whose password is shown once, a policy by form and by JSON that the server corrects, and what
// the policies say of that user.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password }) {
  const button = (name) => page.getByRole("button", { name });
  const create = () => page.getByRole("dialog").getByRole("button", { name: /Create$/ });
  await logIn(page, url, user, password);
  await heading(page, "Overview");

  await page.getByRole("link", { name: "Users", exact: true }).click();
  await page.getByText("Make a user for each kind of device").waitFor();
  await button(/New user/).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByLabel("Name", { exact: true }).fill("two words");
  await create().click();
  await drawer.locator(".ant-form-item-explain-error").first().waitFor(); // at the name
  await drawer.getByLabel("Name", { exact: true }).fill("meter");
  await page.keyboard.press("Enter");
  await page.getByText("It is shown now and never again").waitFor();
  await checkAccess(page, "a password that is shown");
  await button("OK").click();
  await page.getByRole("cell", { name: "meter" }).first().waitFor();

  await page.getByRole("link", { name: "Policies", exact: true }).click();
  await heading(page, "Policies");
  await page.getByText("Access control is on").waitFor();
  await button(/New policy/).click();
  await drawer.getByLabel("Name", { exact: true }).fill("meters");
  const json = drawer.getByLabel("JSON", { exact: true });
  expect((await json.inputValue()).includes('"meters"'), "the form's name in the JSON");
  await json.fill('{"name": "meters", "effect": "allow"');
  await drawer.getByText("This is not JSON").waitFor();
  await json.fill('{"name": "meters", "effect": "allow", "operations": ["publish"], "users": ["meter"], "resources": ["meters/#/x"]}');
  await checkAccess(page, "the editor of a policy");
  await create().click();
  await drawer.locator(".ant-form-item-explain-error").first().waitFor(); // at the topics
  await json.fill('{"name": "meters", "effect": "allow", "operations": ["publish"], "users": ["meter"], "resources": ["meters/#"]}');
  await create().click();
  await page.getByRole("cell", { name: "meters/#" }).waitFor();

  await page.getByText("Ask the policies").click();
  const panel = page.locator(".ant-collapse-content");
  await panel.getByLabel("Topic", { exact: true }).fill("meters/m1");
  await panel.getByLabel("User", { exact: true }).fill("meter");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByText("policy `meters` allows it").waitFor();
  await panel.getByLabel("Topic", { exact: true }).fill("other");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByText("Denied", { exact: true }).waitFor();

  await button("Delete: meters").click();
  await page.getByText("What this policy alone allows is denied at once").waitFor();
  await page.getByText("no subscription ends and no task has to wait").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("cell", { name: "meters/#" }).waitFor(); // nothing was done
}
