// Every page of the menu opens, in both themes, with nothing that the browser refuses, and axe has
// no grave finding. What the role does not allow is not offered.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password, viewer }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  const names = await page.locator("nav a").allInnerTexts();
  expect(names.length > 15, `the whole menu, not ${names}`);
  for (const theme of ["Dark", "Light"]) {
    await page.getByRole("button", { name: theme, exact: true }).click();
    for (const name of names) {
      await page.locator("nav").getByRole("link", { name, exact: true }).click();
      await page.locator("nav .ant-menu-item-selected", { hasText: name }).waitFor();
      await page.locator(".page h1").waitFor();
      await page.locator(".ant-spin-spinning, .ant-skeleton").waitFor({ state: "detached" });
      await checkAccess(page, `${name}, ${theme}`);
    }
  }

  await page.goto(new URL("imports", url).href);
  await heading(page, "Take over from another server");
  await page.locator("nav .ant-menu-item-selected", { hasText: "Tasks" }).waitFor();

  await page.getByRole("button", { name: /administrator/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await logIn(page, url, viewer.user, viewer.password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await heading(page, "Tasks");
  expect((await page.getByRole("button", { name: /New task/ }).count()) === 0, "no new task for a viewer");
}
