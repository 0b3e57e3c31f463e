import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { IClientSubscribeOptions } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { Connection } from "./connection";
import { Subscriptions } from "./subscriptions";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
Element.prototype.scrollIntoView = () => undefined; // jsdom has none
afterEach(cleanup);

class Connected extends Connection {
  override status = "connected" as const;
  readonly given: IClientSubscribeOptions[] = [];

  override async subscribe(_: string, options: IClientSubscribeOptions) {
    this.given.push(options);
  }
}

function show(version: "5.0" | "3.1.1" = "5.0") {
  const connection = new Connected({ url: "ws://a", client_id: "a", version });
  connection.subscriptions.set("plant/#", { filter: "plant/#", qos: 1, identifier: 7 });
  render(<Subscriptions connection={connection} />);
  return connection;
}

const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const subscribe = () => fireEvent.click(screen.getByText("Subscribe"));
const unfold = () => fireEvent.click(screen.getByText("Identifier and user properties"));

test("a subscription has an identifier and user properties, and says which it has", async () => {
  const connection = show();
  expect(screen.getByTitle("Subscription identifier").textContent).toBe("7");
  unfold();
  type("Subscription identifier", "8");
  fireEvent.click(screen.getByText("Add"));
  type("Name", "$where");
  type("Value", "watts > 3");
  subscribe();
  await waitFor(() => expect(connection.given).toHaveLength(1));
  expect(connection.given[0]!.properties).toEqual({
    subscriptionIdentifier: 8,
    userProperties: [{ $where: "watts > 3" }],
  });
});

test("an identifier of 0 is refused at its field; without one there are no properties", async () => {
  const connection = show();
  unfold();
  type("Subscription identifier", "0");
  subscribe();
  const wrong = await screen.findByText("Must be a whole number from 1 to 268435455");
  expect(wrong.closest(".ant-form-item")?.textContent).toContain("Subscription identifier");
  expect(connection.given).toEqual([]);
  type("Subscription identifier", "");
  subscribe();
  await waitFor(() => expect(connection.given).toHaveLength(1));
  expect(connection.given[0]!.properties).toBeUndefined();
});

test("a shared subscription without own messages is refused at the filter", async () => {
  const connection = show();
  type("Topic filter", "$share/workers/jobs/#");
  fireEvent.click(screen.getByLabelText("Not my own"));
  subscribe();
  expect(await screen.findByText("A shared subscription cannot be one without own messages")).toBeTruthy();
  expect(connection.given).toEqual([]);
});

test("a subscription of MQTT 3.1.1 is asked for no properties", async () => {
  const connection = show("3.1.1");
  expect(screen.queryByText("Identifier and user properties")).toBeNull();
  subscribe();
  await waitFor(() => expect(connection.given).toEqual([{ qos: 1 }]));
});
