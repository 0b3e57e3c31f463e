import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { Button, DatePicker } from "antd";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { Entry, focusFirst, useFirstOfStep } from "./entry";

afterEach(cleanup);

test("a button elsewhere sends what was typed, and a form around it is not sent with it", () => {
  const [inner, outer] = [vi.fn(), vi.fn()];
  render(
    <form onSubmit={outer}>
      <Entry id="inner" onSubmit={inner}>
        <input />
      </Entry>
    </form>,
  );
  render(
    <Button htmlType="submit" form="inner">
      Save
    </Button>,
  );
  fireEvent.click(screen.getByText("Save"));
  expect(inner).toHaveBeenCalledOnce();
  expect(outer).not.toHaveBeenCalled();
});

test("typing begins in the first field that can be typed into", () => {
  render(
    <Entry id="one" onSubmit={() => undefined}>
      <input disabled />
      <textarea aria-label="second" />
    </Entry>,
  );
  focusFirst("one");
  expect(document.activeElement).toBe(screen.getByLabelText("second"));
});

function Steps() {
  const [step, setStep] = useState(0);
  useFirstOfStep("steps", step);
  return (
    <Entry id="steps" onSubmit={() => setStep(1)}>
      <input key={step} aria-label={`field of ${step}`} />
      <button>Next</button>
    </Entry>
  );
}

test("it goes on in the next step, and nothing is taken from where a page begins", () => {
  render(<Steps />);
  expect(document.activeElement).toBe(document.body);
  fireEvent.click(screen.getByText("Next"));
  expect(document.activeElement).toBe(screen.getByLabelText("field of 1"));
});

test("Enter in a field for a time is of the time alone: nothing is sent with half of one", () => {
  render(
    <Entry onSubmit={() => undefined}>
      <DatePicker aria-label="from" showTime />
      <input aria-label="name" />
    </Entry>,
  );
  const goesOn = (label: string) => fireEvent.keyDown(screen.getByLabelText(label), { key: "Enter" }); // a browser sends the form
  expect(goesOn("name")).toBe(true);
  expect(goesOn("from")).toBe(false);
});
