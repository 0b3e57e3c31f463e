// The log-in, every page of the menu and those behind it open with something on them, in one theme
// and language, with nothing that the browser refuses, and axe has no grave finding. What the role
// does not allow is not offered.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

async function settled(page) {
  await page.locator(".page h1").waitFor();
  await page.locator(".ant-spin-spinning, .ant-skeleton").first().waitFor({ state: "detached" });
}

async function look(page, url, more, how) {
  const names = await page.locator("nav a").allInnerTexts();
  expect(names.length > 15, `the whole menu, not ${names}`);
  for (const name of names) {
    await page.locator("nav").getByRole("link", { name, exact: true }).click();
    await page.locator("nav .ant-menu-item-selected", { hasText: name }).waitFor();
    await settled(page);
    await checkAccess(page, `${name}, ${how}`);
  }
  for (const [path, text] of more) {
    await page.goto(new URL(path, url).href);
    await settled(page);
    await page.getByText(text).first().waitFor(); // it is not empty
    await checkAccess(page, `${path}, ${how}`);
  }
}

async function firstSteps(page, url) {
  await page.goto(new URL("tasks/new", url).href);
  await page.getByLabel("Name", { exact: true }).fill("power");
  for (const field of ["Topic filters", "Only messages that meet a condition"]) {
    await page.getByRole("button", { name: "Next", exact: true }).click();
    await page.getByLabel(field).waitFor();
    await checkAccess(page, `a new task: ${field}`);
  }
}

async function inChinese(page) {
  await page.getByRole("button", { name: "Language" }).click();
  await page.getByRole("menuitem", { name: "简体中文" }).click();
  await heading(page, "概览");
}

async function outInChinese(page) {
  await page.getByRole("button", { name: /administrator$/ }).click();
  await page.getByRole("menuitem", { name: "退出登录" }).click();
  await page.getByLabel("密码").waitFor();
  await checkAccess(page, "the log-in, Dark, in Chinese");
}

async function asViewer(page, url, viewer) {
  await page.getByRole("button", { name: /administrator$/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await logIn(page, url, viewer.user, viewer.password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  await heading(page, "Tasks");
  expect((await page.getByRole("button", { name: /New task/ }).count()) === 0, "no new task for a viewer");
}

export default async function ({ page, url, user, password, viewer, more, isDarkAndChinese }) {
  await page.goto(url);
  await page.getByLabel("Password").waitFor();
  await checkAccess(page, "the log-in");
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  if (isDarkAndChinese) {
    await page.getByRole("button", { name: "Dark", exact: true }).click();
    await inChinese(page);
    await look(page, url, more, "Dark, in Chinese");
    await outInChinese(page);
    return;
  }
  await look(page, url, more, "Light");
  await firstSteps(page, url);
  await page.goto(new URL("imports", url).href);
  await heading(page, "Take over from another server");
  await page.locator("nav .ant-menu-item-selected", { hasText: "Tasks" }).waitFor();
  await asViewer(page, url, viewer);
}
