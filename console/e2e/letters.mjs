// A message that the target can never take is a dead letter: found in the list of all tasks, seen
// with its payload and the reason, those that a filter shows deleted after their number was said, the
// other one sent again once the task is changed, a part of the log goes again by a task of its own,
// and a task goes only after saying what goes with it.
import { checkAccess, expect, heading, logIn } from "./steps.mjs";

// Two letters: what is not JSON goes.
async function filter(page, button) {
  const rows = page.getByRole("row").filter({ hasText: "plant/" });
  await page.getByRole("searchbox", { name: "Topic filter" }).fill("plant/b/#");
  await page.getByText("plant/a", { exact: true }).waitFor({ state: "detached" });
  expect((await rows.count()) === 1, "the filter shows one letter");
  await button("Delete what matches").click();
  await page.getByText("Dead letters that match: 1. Their messages are given up").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("1 deleted, 1 left").waitFor();
  await page.getByText("Nothing matches the filter").waitFor();
  await page.getByRole("searchbox", { name: "Topic filter" }).fill("");
  await page.getByText("plant/a", { exact: true }).waitFor();
  await page.getByText("plant/b", { exact: true }).waitFor({ state: "detached" }); // known from before
}

export default async function ({ page, url, user, password }) {
  const button = (name) => page.getByRole("button", { name, exact: true });
  await logIn(page, url, user, password);
  await heading(page, "Overview");
  await page.getByRole("link", { name: "Dead letters", exact: true }).click();
  await heading(page, "Dead letters");
  await page.getByText("Now there are 2, which take").waitFor();
  await checkAccess(page, "dead letters of all tasks");
  await page.locator("td").getByRole("link", { name: "strict", exact: true }).click();
  await heading(page, "strict");
  await page.getByText("Missing required property 'watts'").first().waitFor();
  await filter(page, button);
  await page.getByRole("button", { name: "Expand row" }).click();
  await page.getByText('"volts": 230').waitFor();

  await page.getByRole("tab", { name: "Errors" }).click();
  const row = page.getByRole("row").filter({ hasText: "task.rejected" }).filter({ hasText: "watts" });
  await row.getByRole("cell", { name: "1", exact: true }).waitFor(); // how often
  await row.getByRole("link").click(); // the example
  await page.getByText('"volts": 230').waitFor();
  await page.goBack();

  await button("Edit").click();
  await heading(page, "Edit strict");
  await page.getByText("Process or verify").click();
  await page.getByLabel("Check the payload against a JSON Schema").fill("");
  await button("Save").click();
  await heading(page, "strict");
  await page.getByRole("tab", { name: /Dead letters/ }).click();
  await button("Send all again (1)").click();
  await page.getByText("1 sent, 0 refused again, 0 left").waitFor();
  await page.getByText("No message was refused").waitFor();

  await button("strict: …").click();
  await page.getByRole("menuitem", { name: "Send a part again" }).click();
  await page.getByText("A task of its own maps these messages").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "OK" }).click();
  await heading(page, "strict-replay");
  await page.getByText("finished").first().waitFor();
  await page.goto(new URL("tasks/strict", url).href);
  await heading(page, "strict");

  await button("strict: …").click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByText("0 messages wait for it and 0 dead letters are kept").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await heading(page, "Tasks");
  await page.getByRole("link", { name: "strict-replay" }).waitFor();
}
