// A wrong password shows what the server says; the right one leads to the overview, with its
// figures; and back out.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

export default async function ({ page, url, user, password }) {
  const answer = await page.goto(url);
  const policy = answer.headers()["content-security-policy"];
  expect(policy.includes("default-src 'self'") && !policy.includes("unsafe"), `a strict policy: ${policy}`);

  await logIn(page, url, user, "not the password");
  await page.getByRole("alert").getByText("user or password is wrong").waitFor();
  await page.getByText("prints the password of admin once").waitFor();

  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByText("Messages are accepted, and nothing is wrong").waitFor();
  await page.getByText("sluice-1, version").waitFor();

  await page.reload(); // the session is kept
  await heading(page, "Overview");
  await page.goto(new URL("no/such/page", url).href);
  await page.getByText("There is no such page").waitFor();
  await page.getByRole("link", { name: "To the overview" }).click();
  await heading(page, "Overview");

  await page.getByRole("button", { name: "Language" }).click();
  await page.getByRole("menuitem", { name: "简体中文" }).click();
  await heading(page, "概览");
  await page.getByRole("link", { name: "令牌", exact: true }).click();
  await page.getByRole("button", { name: "新建令牌" }).click();
  await page.getByRole("dialog").getByText("有效时长。").waitFor(); // what the server says of the field
  await page.getByRole("dialog").getByText("默认：").first().waitFor();
  await checkAccess(page, "a form in Chinese");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });

  await page.getByRole("button", { name: /administrator/ }).click();
  await page.getByRole("menuitem", { name: "退出登录" }).click();
  await page.getByRole("button", { name: "登 录" }).or(page.getByRole("button", { name: "登录" })).waitFor();
}
