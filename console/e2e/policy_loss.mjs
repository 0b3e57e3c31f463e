// What a change of a policy takes away is read in numbers before it is made: a deletion that is not meant, and
// a narrower policy that is.
import { checkAccess, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password }) {
  const button = (name) => page.getByRole("button", { name });
  const drawer = page.getByRole("dialog");
  const json = drawer.getByLabel("JSON", { exact: true });
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Policies", exact: true }).click();
  await button("Delete: doors").click();
  await page.getByText("Clients that are disconnected at once: 1. Subscriptions that end: 2.").waitFor();
  await page.getByText("first of all: r-1").waitFor();
  await checkAccess(page, "what a policy takes away");
  await page.getByRole("button", { name: "Cancel" }).click();
  await button("Edit: doors").click();
  await json.fill((await json.inputValue()).replace("doors/#", "doors/3"));
  await drawer.getByRole("button", { name: /Save$/ }).click();
  const question = page.getByRole("dialog").filter({ hasText: "Clients that are disconnected at once: 1." });
  await question.getByText("Subscriptions that end: 2.").waitFor();
  await question.getByRole("button", { name: /Save$/ }).click();
  await page.getByRole("cell", { name: "doors/3" }).waitFor();
}
