import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { App } from "antd";
import { afterEach, expect, test } from "vitest";
import type { Connection } from "./connection";
import { Publish } from "./publish";

afterEach(cleanup);

const connection = { status: "connected", settings: { version: "5.0" } } as unknown as Connection;
const clears = () => screen.queryByText("This clears the retained message of plant/1");

test("a retained message without a payload clears the topic's: said beside the button, before it happens", () => {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <Publish connection={connection} />
      </App>
    </QueryClientProvider>,
  );
  fireEvent.change(screen.getByLabelText("Topic"), { target: { value: "plant/1" } });
  fireEvent.change(screen.getByLabelText("Payload"), { target: { value: "" } });
  expect(clears()).toBeNull();
  fireEvent.click(screen.getByLabelText("Retain"));
  expect(clears()).not.toBeNull();

  fireEvent.change(screen.getByLabelText("Payload"), { target: { value: " " } });
  expect(clears()).toBeNull(); // it has a byte
  fireEvent.click(screen.getByLabelText("Payload is hex"));
  expect(clears()).not.toBeNull(); // and as digits none
});
