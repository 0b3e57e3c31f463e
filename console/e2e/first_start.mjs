// The first log-in with the password that the first start printed: another one is asked for at once, later
// above every page; a wrong old one stands in the dialogue; the new one holds, the printed one does not.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, own }) {
  const dialog = page.getByRole("dialog", { name: "Set a password of your own" });
  const change = () => dialog.getByRole("button", { name: "Change password" }).click();
  await logIn(page, url, user, password);
  await dialog.waitFor();
  await checkAccess(page, "a first password");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await heading(page, "Overview");
  await page.getByText("still the one that the first start printed").waitFor();

  await page.getByRole("button", { name: "Set a password of your own" }).click();
  await dialog.getByLabel("Password that holds now").fill("not the password");
  await dialog.getByLabel("New password").fill(own);
  await change();
  await dialog.getByText("user or password is wrong").first().waitFor(); // above, and at the field
  await dialog.getByLabel("Password that holds now").fill(password);
  await dialog.getByLabel("New password").fill("short");
  await change();
  await dialog.locator(".ant-form-item-explain-error").first().waitFor(); // at the new password
  await dialog.getByLabel("New password").fill(own);
  await change();
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("still the one that the first start printed").waitFor({ state: "hidden" });

  await page.getByRole("button", { name: /administrator/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await logIn(page, url, user, password);
  await page.getByRole("alert").getByText("user or password is wrong").waitFor();
  await logIn(page, url, user, own);
  await heading(page, "Overview");
  expect((await dialog.count()) === 0, "no dialogue any more");
}
