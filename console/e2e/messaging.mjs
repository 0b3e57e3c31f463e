// Who would get a message of a topic; a shared group is made, changed and deleted; topics, and the
// messages of a time and of an id; a retained message is forgotten, a client's subscription and
// another one's session end.
import { ask, checkAccess, expect, heading, logIn, refusedAt } from "./steps.mjs";

const open = (page, name) => page.locator("nav").getByRole("link", { name, exact: true }).click();
const search = (page, name) => page.getByRole("searchbox", { name, exact: true });
const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const gone = (locator) => locator.waitFor({ state: "detached" });

// Of the question that was asked: it says what goes, then it is done.
async function answer(page, name, ...texts) {
  const question = page.getByRole("dialog");
  for (const text of texts) await question.getByText(text).waitFor();
  await question.getByRole("button", { name, exact: true }).click();
  await gone(question);
}

async function subscriptions(page) {
  await open(page, "Subscriptions");
  await heading(page, "Subscriptions");
  await row(page, "meter-2").getByText("other/#").waitFor();
  await search(page, "Topic that is matched").fill("plant/+");
  await page.getByRole("alert").getByText("wildcard").waitFor(); // in the server's words
  await search(page, "Topic that is matched").fill("plant/a/power");
  await gone(page.getByRole("alert"));
  await gone(row(page, "meter-2"));
  await row(page, "meter-1").getByText("plant/+/power").waitFor();
  await checkAccess(page, "subscriptions of a topic");
}

async function groups(page, control) {
  const drawer = page.getByRole("dialog");
  await open(page, "Shared groups");
  await page.getByRole("button", { name: /New group/ }).click();
  await drawer.getByLabel("Name", { exact: true }).fill("workers");
  await drawer.getByLabel("Strategy", { exact: true }).click();
  await page.locator(".ant-select-dropdown:visible").getByTitle("hash_topic", { exact: true }).click();
  await drawer.getByLabel("Strategy latency seconds").fill("601");
  await drawer.getByRole("button", { name: /Create$/ }).click();
  await refusedAt(drawer, "Strategy latency seconds", "600");
  await checkAccess(page, "a refused group");
  await drawer.getByLabel("Strategy latency seconds").fill("5");
  await drawer.getByRole("button", { name: /Create$/ }).click();
  await row(page, "workers").getByText("hash_topic").waitFor();
  await ask(control, "join");

  await page.reload();
  await row(page, "workers").getByText("jobs/#").waitFor();
  await search(page, "Name").fill("nobody");
  await page.getByText("Nothing matches the filter").waitFor();
  await search(page, "Name").fill("ork");
  await page.getByRole("columnheader", { name: "Members" }).click();
  await page.waitForURL(/name_contains=ork&sort=-members/);
  await row(page, "workers").waitFor();
  await checkAccess(page, "groups of a part of a name, by their members");
  await row(page, "workers").getByRole("button", { name: "Expand row" }).click();
  for (const member of ["worker-1", "worker-2"]) await page.getByRole("link", { name: member }).waitFor();
  await checkAccess(page, "the members of a group");
  await page.getByRole("button", { name: "Edit: workers" }).click();
  await drawer.getByLabel("Description").fill("they share the work");
  await drawer.getByRole("button", { name: /Save$/ }).click();
  await row(page, "workers").getByText("they share the work").waitFor();
  await ask(control, "grouped");

  await page.getByRole("button", { name: "Delete: workers" }).click();
  await answer(page, "Delete", "Members: 2.", "3 waiting messages");
  await gone(page.getByRole("button", { name: "Delete: workers" }));
}

async function topics(page) {
  await open(page, "Topics");
  await heading(page, "Topics");
  await page.getByRole("link", { name: "jobs" }).waitFor();
  await search(page, "Topic filter").fill("plant/#");
  await gone(page.getByRole("link", { name: "jobs" }));
  await page.getByRole("combobox", { name: "Levels" }).click({ force: true });
  await page.getByTitle("2", { exact: true }).click();
  await row(page, "plant/a").getByRole("cell", { name: "2", exact: true }).waitFor(); // messages
  await checkAccess(page, "topics of two levels");
  await page.getByRole("link", { name: "plant/a", exact: true }).click();
  await heading(page, "Messages");
  await page.getByRole("cell", { name: "plant/a/power" }).first().waitFor();
}

// As the field for a time shows it, where the browser is.
const shownTime = (time) => {
  const at = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
};

async function giveTimes(page, from, to) {
  for (const [field, time] of [["From", from], ["To", to]]) {
    await page.getByPlaceholder(field, { exact: true }).fill(shownTime(time));
    await page.getByPlaceholder(field, { exact: true }).press("Enter");
  }
}

async function messages(page, { between, id }) {
  const [day, sizes] = [24 * 3600 * 1000, (bytes) => page.getByRole("cell", { name: String(bytes), exact: true })];
  await open(page, "Messages");
  await search(page, "Topic filter").fill("plant/a/#");
  await sizes(5).waitFor(); // "first"
  await sizes(6).waitFor(); // "second"
  await giveTimes(page, between - day, between);
  await gone(sizes(6));
  await sizes(5).waitFor();
  await giveTimes(page, between, between + day);
  await gone(sizes(5));
  await sizes(6).waitFor();
  await checkAccess(page, "messages of a time");

  const field = search(page, "Message id");
  await field.fill("no-such-id");
  await page.getByRole("button", { name: "Open" }).click();
  await heading(page, "Message");
  await page.getByRole("alert").waitFor(); // in the server's words
  await page.goBack();
  await field.fill(id);
  await field.press("Enter");
  await page.getByText(id).waitFor();
  await page.getByText("first", { exact: true }).waitFor();
  await checkAccess(page, "a message");
}

async function retained(page) {
  await open(page, "Retained");
  await heading(page, "Retained messages");
  await row(page, "state/kept").waitFor();
  await search(page, "Topic filter").fill("state/+/#/x");
  await page.getByRole("alert").waitFor();
  await search(page, "Topic filter").fill("state/old");
  await gone(row(page, "state/kept"));
  await row(page, "state/old").getByRole("button", { name: "Expand row" }).click();
  await page.getByText('"open": 1').waitFor();
  await checkAccess(page, "a retained message");
  await page.getByRole("button", { name: "Delete: state/old" }).click();
  await answer(page, "Delete", "1 retained message is forgotten");
  await gone(page.getByRole("button", { name: "Delete: state/old" }));
}

async function clients(page, url) {
  await page.goto(new URL("clients/meter-1", url).href);
  await heading(page, "meter-1");
  await page.getByLabel("Filter").fill("a/#/b");
  await page.getByRole("button", { name: "Subscribe it" }).click();
  await page.getByText("`a/#/b` is no topic filter").first().waitFor(); // in the server's words
  const ending = row(page, "plant/+/power").getByRole("button", { name: "End subscription" }); // its events name it, too
  await ending.click();
  await answer(page, "End subscription", "1 subscription ends, 1 stay");
  await gone(ending);

  await page.goto(new URL("clients/meter-2", url).href);
  await heading(page, "meter-2");
  await page.getByRole("button", { name: "End session" }).click();
  await page.getByRole("dialog").getByText(/1 subscriptions? and 0 waiting messages/).waitFor();
  await checkAccess(page, "what the end of a session takes along");
  await answer(page, "End session");
  await heading(page, "Clients");
  await page.getByRole("link", { name: "meter-1" }).waitFor();
  expect((await page.getByRole("link", { name: "meter-2" }).count()) === 0, "no client whose session has ended");
}

export default async function ({ page, url, user, password, control, between, id }) {
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await subscriptions(page);
  await groups(page, control);
  await topics(page);
  await messages(page, { between, id });
  await retained(page);
  await clients(page, url);
}
