// The pictures of the guide, of the pages in picture_list.mjs: `./dev docs pictures` runs this against
// the scene of tools/pictures. Each in light and dark; those in Chinese in light alone.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pictures, pagesInChinese } from "./picture_list.mjs";
import { logIn } from "./steps.mjs";

const size = { width: 1280, height: 800 };
const changedAtLeast = 0.02; // of all pixels, for a picture to be written anew

// In a page of its own: packs a PNG as WebP, and says how much of the picture that was there is other.
// A pixel is other when a person might see it.
async function pack(laboratory, png, before) {
  return laboratory.evaluate(
    async ({ png: fresh, before: old }) => {
      const draw = async (data, type) => {
        const blob = await (await fetch(`data:${type};base64,${data}`)).blob();
        const image = await createImageBitmap(blob);
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return { canvas, pixels: context.getImageData(0, 0, image.width, image.height).data };
      };
      const { canvas, pixels } = await draw(fresh, "image/png");
      let changed = 1;
      if (old) {
        const known = (await draw(old, "image/webp")).pixels;
        let count = known.length === pixels.length ? 0 : pixels.length;
        for (let at = 0; at < pixels.length && count < pixels.length; at += 4)
          if ([0, 1, 2].some((part) => Math.abs(pixels[at + part] - known[at + part]) > 48)) count += 4;
        changed = count / pixels.length;
      }
      const packed = await canvas.convertToBlob({ type: "image/webp", quality: 0.82 });
      const bytes = new Uint8Array(await packed.arrayBuffer());
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      return { webp: btoa(text), changed };
    },
    { png: png.toString("base64"), before },
  );
}

function contentOf(file) {
  try {
    return readFileSync(file).toString("base64");
  } catch {
    return undefined;
  }
}

function camera(laboratory, { into, names, png: folder }) {
  return async function shoot(page, name, from) {
    // From the top; a click has scrolled to what it needed.
    await page.evaluate(() => document.querySelector(".content")?.scrollTo(0, 0));
    await from?.(page).evaluate((part) => part.scrollIntoView());
    // What moves comes to rest: fonts, charts, notes that fade, a cursor that blinks.
    await page.evaluate(() => document.fonts.ready);
    await page.locator(".ant-spin-spinning, .ant-skeleton").first().waitFor({ state: "detached" });
    await page.locator(".ant-message-notice").waitFor({ state: "detached" });
    await new Promise((resolve) => setTimeout(resolve, 600));
    const png = await page.screenshot({ caret: "hide" });
    if (folder) writeFileSync(join(folder, `${name}.png`), png);
    const file = join(into, `${name}.webp`);
    const { webp, changed } = await pack(laboratory, png, contentOf(file));
    const isWritten = names.length > 0 || changed >= changedAtLeast;
    if (isWritten) writeFileSync(file, Buffer.from(webp, "base64"));
    console.log(`${isWritten ? "written" : "as before"} ${name} ${(changed * 100).toFixed(1)} %`);
  };
}

// By its own click: what lies over the button, a dialog for one, would be in the way of a mouse.
const choose = (page, theme) =>
  page.locator(`button[aria-label="${theme}"], button[aria-label="${{ Dark: "深色", Light: "浅色" }[theme]}"]`).evaluate((button) => button.click());

export default async function ({ browser, url, user, password, names, ...given }) {
  const laboratory = await (await browser.newContext()).newPage();
  const shoot = camera(laboratory, { names, ...given });
  const isWanted = (name) => names.length === 0 || names.some((wanted) => name.startsWith(wanted));
  const open = async (locale) => {
    const context = await browser.newContext({ locale, viewport: size, colorScheme: "light", reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    return page;
  };

  const page = await open("en-GB");
  await page.goto(url);
  if (isWanted("login"))
    for (const [colorScheme, name] of [["dark", "login-dark"], ["light", "login"]]) {
      await page.emulateMedia({ colorScheme });
      await page.reload();
      await page.getByLabel("User").fill(user);
      await shoot(page, name);
    }
  await logIn(page, url, user, password);
  await page.locator(".page h1").waitFor();
  const goTo = async (path) => {
    await page.goto(new URL(path, url).href);
    await page.locator(".page h1").waitFor();
  };
  for (const [at, { name, path, act, from }] of pictures.entries()) {
    const next = pictures.findIndex((other, index) => index > at && other.path !== undefined);
    const chain = pictures.slice(at, next < 0 ? undefined : next); // it, and what goes on from it
    if (!chain.some((one) => isWanted(one.name))) continue;
    if (path !== undefined) await goTo(path);
    await act?.(page, given);
    if (!isWanted(name)) continue;
    await shoot(page, name, from);
    await choose(page, "Dark");
    await shoot(page, `${name}-dark`, from);
    await choose(page, "Light");
  }

  const chinese = await open("zh-CN");
  await chinese.goto(url);
  await chinese.getByLabel("用户").fill(user);
  await chinese.getByLabel("密码").fill(password);
  await chinese.locator("button[type=submit]").click();
  await chinese.locator(".page h1").waitFor();
  for (const { name, path, act } of pagesInChinese) {
    if (!isWanted(`${name}-zh`)) continue;
    if (path !== undefined) await chinese.goto(new URL(path, url).href);
    await chinese.locator(".page h1").waitFor();
    await act?.(chinese, given);
    await shoot(chinese, `${name}-zh`);
  }
}
