// On a tablet no page is wider than the screen; and whatever can be clicked can be reached and used
// by keyboard alone.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

const typed = ["Overview", "Events", "Messages", "Tasks", "Policies", "WebSocket client"]; // of each kind of page one

const menuButton = (page) => page.getByRole("button", { name: "Pages" });

async function choose(page, name) {
  if (await menuButton(page).isVisible()) await menuButton(page).click();
  await page.locator("nav").getByRole("link", { name, exact: true }).click();
}

async function settled(page) {
  await page.locator(".page h1").waitFor();
  await page.locator(".ant-spin-spinning, .ant-skeleton").waitFor({ state: "detached" });
}

// What is wider than the room there is.
async function checkWidth(page, where) {
  const wide = await page.evaluate(() => {
    const room = document.getElementById("page");
    const whole = document.documentElement;
    if (room.scrollWidth <= room.clientWidth && whole.scrollWidth <= whole.clientWidth) return "";
    const right = room.getBoundingClientRect().right;
    const out = [...room.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > right + 1);
    return `${room.scrollWidth} > ${room.clientWidth}: ${out.slice(0, 4).map(({ className, tagName }) => `${tagName}.${className}`)}`;
  });
  expect(wide === "", `${where} fits, but ${wide}`);
}

// Everything that can be clicked is come to by the Tab key. Of radio buttons and tabs one is; arrows lead to the others.
async function checkKeys(page, where) {
  const count = await page.evaluate(() => {
    document.getElementById("page").focus();
    const all = document.querySelectorAll("#page a[href], #page button, #page input, #page textarea, #page [role=switch]");
    const wanted = [...all].filter(
      (each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0 && each.type !== "radio" && !each.closest("[role=tablist], [aria-hidden=true]"),
    );
    for (const each of wanted) each.dataset.wanted = "";
    document.addEventListener("focusin", ({ target }) => delete target.dataset.wanted);
    return wanted.length;
  });
  const left = () => page.evaluate(() => document.querySelectorAll("[data-wanted]").length);
  for (let presses = 0; presses < 2 * count + 30; presses += 1) {
    await page.keyboard.press("Tab");
    if (presses % 10 === 9 && (await left()) === 0) break;
  }
  await page.evaluate(() => document.activeElement.blur()); // the link that comes first lies over others
  const missed = await page.evaluate(() => [...document.querySelectorAll("[data-wanted]")].map(({ outerHTML }) => outerHTML.slice(0, 200)));
  expect(missed.length === 0, `all of ${where} is reached by keyboard, but\n${missed.join("\n")}`);
}

async function byKeyboardAlone(page) {
  await menuButton(page).focus();
  await page.keyboard.press("Enter");
  await page.locator("nav").getByRole("link", { name: "Tasks", exact: true }).focus();
  await page.keyboard.press("Enter");
  await heading(page, "Tasks");
  await page.getByRole("button", { name: "plant: …" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Delete" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  for (let presses = 0; presses < 20 && (await focused()) !== "Delete"; presses += 1) {
    await page.keyboard.press("ArrowDown");
    await page.waitForTimeout(50);
  }
  await page.keyboard.press("Enter");
  await page.getByText("messages wait for it").waitFor();
  await checkAccess(page, "a question");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "plant", exact: true }).waitFor(); // nothing was done
}

export default async function ({ page, url, user, password }) {
  await page.setViewportSize({ width: 1024, height: 768 });
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  const names = await page.locator("nav a").allInnerTexts();
  for (const [width, height] of [[1024, 768], [768, 1024]]) {
    await page.setViewportSize({ width, height });
    await (width < 992 ? menuButton(page) : page.locator("nav")).waitFor(); // the page has noticed
    for (const name of names) {
      await choose(page, name);
      await settled(page);
      await checkWidth(page, `${name} at ${width}`);
      if (width === 768 && typed.includes(name)) await checkKeys(page, name);
    }
    for (const path of ["tasks/plant", "tasks/plant?tab=workers", "tasks/new", "connections/new", "imports"]) {
      await page.goto(new URL(path, url).href);
      await settled(page);
      await checkWidth(page, `${path} at ${width}`);
    }
  }
  await checkAccess(page, "a narrow page");
  await byKeyboardAlone(page);
}
