import { cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ApiError } from "../api/client";
import { PasswordDialog } from "./password";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
Element.prototype.scrollIntoView = () => undefined; // jsdom has none
afterEach(cleanup);

const wrong = new ApiError({ status: 401, code: "wrong_credentials", detail: "user or password is wrong", hint: "ask" });
const short = new ApiError({
  status: 422,
  code: "invalid_document",
  detail: "both passwords are needed",
  fields: [{ pointer: "/new_password", detail: "is too short" }],
});

async function refuse(error: ApiError) {
  render(<PasswordDialog isOwn title="mine" help="" send={() => Promise.reject(error)} onClose={() => undefined} />);
  fireEvent.change(screen.getByLabelText("Password that holds now"), { target: { value: "old one" } });
  fireEvent.change(screen.getByLabelText("New password"), { target: { value: "new one" } });
  fireEvent.click(screen.getByText("Change password"));
  await screen.findByRole("alert");
  return [...document.querySelectorAll(".ant-form-item-has-error")];
}

test("the own password, wrongly typed: the refusal stands at it, and what was typed stays", async () => {
  const refused = await refuse(wrong);
  expect(refused.length).toBe(1);
  expect(refused[0]!.contains(screen.getByLabelText("Password that holds now"))).toBe(true);
  expect(refused[0]!.textContent).toContain("user or password is wrong");
  const typed = ["Password that holds now", "New password"].map((label) => (screen.getByLabelText(label) as HTMLInputElement).value);
  expect(typed).toEqual(["old one", "new one"]);
});

test("a new password that the server does not take: at the new one alone", async () => {
  const refused = await refuse(short);
  expect(refused.length).toBe(1);
  expect(refused[0]!.contains(screen.getByLabelText("New password"))).toBe(true);
});
