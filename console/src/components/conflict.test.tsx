import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Conflict } from "./conflict";

afterEach(cleanup);

test("what the other one changed stands beside what was and what is written here", () => {
  const goOn = vi.fn();
  const base = { where: "a", map: { topic: "t" }, description: "" };
  const theirs = { where: "b", map: { topic: "u" }, description: "" };
  const mine = { where: "c", map: { topic: "t" }, description: "mine" };
  render(<Conflict base={base} theirs={theirs} mine={mine} onGoOn={goOn} />);

  const rows = screen.getAllByRole("row").map((row) => row.textContent);
  expect(rows).toEqual(["FieldWasIs nowYou wrote", "/whereabc", "/map/topictu"]);
  fireEvent.click(screen.getByRole("button"));
  expect(goOn).toHaveBeenCalledOnce();
});

test("a change that is not shown is told, too", () => {
  render(<Conflict base={{ password: "***" }} theirs={{ password: "***" }} mine={{}} onGoOn={() => undefined} />);
  expect(screen.getByText(/not shown here/)).toBeTruthy();
});
