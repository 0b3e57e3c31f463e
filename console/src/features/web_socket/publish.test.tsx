import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App } from "antd";
import type { IClientPublishOptions } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { Connection } from "./connection";
import { Publish } from "./publish";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
Element.prototype.scrollIntoView = () => undefined; // jsdom has none
afterEach(() => {
  cleanup();
  localStorage.clear();
});

class Connected extends Connection {
  override status = "connected" as const;
  override answer = { topicAliasMaximum: 64 };
  readonly given: IClientPublishOptions[] = [];

  override async publish(_: string, __: Uint8Array, options: IClientPublishOptions) {
    this.given.push(options);
  }
}

function show() {
  const connection = new Connected({ url: "ws://a", client_id: "a" });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <Publish connection={connection} />
      </App>
    </QueryClientProvider>,
  );
  return connection;
}

const clears = () => screen.queryByText("This clears the retained message of plant/1");
const type = (label: string | RegExp, value: string, at = 0) =>
  fireEvent.change(screen.getAllByLabelText(label)[at]!, { target: { value } });
const openProperties = () => fireEvent.click(screen.getByText("MQTT 5 properties"));
const publish = () => fireEvent.click(screen.getByText("Publish", { selector: "button span" }));

test("a retained message without a payload clears the topic's: said beside the button, before it happens", () => {
  show();
  type("Topic", "plant/1");
  type("Payload", "");
  expect(clears()).toBeNull();
  fireEvent.click(screen.getByLabelText("Retain"));
  expect(clears()).not.toBeNull();

  type("Payload", " ");
  expect(clears()).toBeNull(); // it has a byte
  fireEvent.click(screen.getByLabelText("Payload is hex"));
  expect(clears()).not.toBeNull(); // and as digits none
});

test("a user property may be given twice, and correlation data as bytes", async () => {
  const connection = show();
  openProperties();
  for (const at of [0, 1]) {
    fireEvent.click(screen.getByText("Add"));
    type("Name", "site", at);
    type("Value", ["north", "south"][at]!, at);
  }
  type("Correlation data", "00 fe");
  fireEvent.click(screen.getByLabelText("Correlation data is hex"));
  publish();
  await waitFor(() => expect(connection.given).toHaveLength(1));
  expect(connection.given[0]!.properties).toEqual({
    userProperties: [{ site: "north" }, { site: "south" }],
    correlationData: Uint8Array.of(0, 0xfe),
  });
});

test("what is wrong stands at its field, also where it is folded away, and nothing is sent until it is right", async () => {
  const connection = show();
  openProperties();
  type("Message expiry (s)", "soon");
  openProperties(); // folds it
  publish();
  const wrong = await screen.findByText("Must be a whole number from 0 to 4294967295");
  expect(wrong.closest(".ant-form-item")?.textContent).toContain("Message expiry (s)");
  expect(screen.getByText("One field needs a change")).toBeTruthy();
  await waitFor(() => expect(wrong.closest(".ant-collapse-item-active")).toBeTruthy());
  expect((screen.getByLabelText("Message expiry (s)") as HTMLInputElement).value).toBe("soon");
  expect(connection.given).toEqual([]);

  type("Message expiry (s)", "60");
  type("Payload", "0g");
  fireEvent.click(screen.getByLabelText("Payload is hex"));
  publish();
  const notHex = await screen.findByText("Must be pairs of hexadecimal digits, such as 01 fe");
  expect(notHex.closest(".ant-form-item")?.textContent).toContain("Payload");
  type("Payload", "0a");
  publish();
  await waitFor(() => expect(connection.given).toHaveLength(1));
  expect(connection.given[0]!.properties).toEqual({ messageExpiryInterval: 60 });
});

test("a message that goes by its alias alone is said to go to its topic", async () => {
  const connection = show();
  connection.aliases.set(3, "plant/1");
  openProperties();
  type("Topic", "");
  type("Topic alias", "3");
  publish();
  expect(await screen.findByText("Published to plant/1")).toBeTruthy();
  expect(connection.given[0]!.properties).toEqual({ topicAlias: 3 });
});

test("a QoS that was remembered and is none is refused", async () => {
  localStorage.setItem("sluice.websocket.published", JSON.stringify([{ topic: "old", qos: 3 }]));
  const connection = show();
  fireEvent.click(screen.getByText("Published before"));
  fireEvent.click(screen.getByText("old"));
  publish();
  expect(await screen.findByText("Must be one of 0, 1, 2")).toBeTruthy();
  expect(connection.given).toEqual([]);
});
