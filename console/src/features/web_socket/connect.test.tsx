import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { LanguageProvider, type Language } from "../../words/language";
import { Connect } from "./connect";
import { Connection, type Settings } from "./connection";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
Element.prototype.scrollIntoView = () => undefined; // jsdom has none
afterEach(cleanup);

class Idle extends Connection {
  tries = 0;

  override async connect() {
    this.tries += 1;
  }
}

function show(more: Partial<Settings> = {}, language: Language = "en") {
  const connection = new Idle({ url: "ws://127.0.0.1:8083/mqtt", client_id: "a", ...more });
  render(
    <LanguageProvider language={language}>
      <Connect connection={connection} onChange={() => undefined} onForget={() => undefined} />
    </LanguageProvider>,
  );
  return connection;
}

const type = (label: string | RegExp, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
const unfold = () => {
  for (const more of screen.getAllByText("More settings")) fireEvent.click(more); // the connection's
  fireEvent.click(screen.getAllByText("More settings").at(-1)!); // the will's
};
const connect = () => fireEvent.click(screen.getByText("Connect"));

test("a will is given all of its properties", async () => {
  const connection = show({ will: { topic: "t" } });
  unfold();
  type("Will delay (s)", "5");
  type("Content type", "text/plain");
  type("Message expiry (s)", "60");
  type("Response topic", "answers");
  type("Correlation data", "c-1");
  fireEvent.click(screen.getByLabelText("Payload is UTF-8 text"));
  connect();
  await waitFor(() => expect(connection.tries).toBe(1));
  expect(connection.settings.will).toEqual({
    topic: "t",
    delay: "5",
    content_type: "text/plain",
    message_expiry: "60",
    response_topic: "answers",
    correlation_data: "c-1",
    payload_is_text: true,
  });
});

test("what is wrong stands at its field, however deep, and no connection is made", async () => {
  const connection = show({ keep_alive: "-1", will: { payload: "gone", delay: "late" } });
  connect();
  const at = async (text: string) => (await screen.findByText(text)).closest(".ant-form-item")?.textContent;
  expect(await at("Must be a whole number from 0 to 65535")).toContain("Keep alive (s)");
  expect(await at("A will needs a topic; without a will, leave its fields empty")).toContain("Topic");
  expect(await at("Must be a whole number from 0 to 4294967295")).toContain("Will delay (s)");
  expect(screen.getByText("3 fields need a change")).toBeTruthy();
  expect(connection.tries).toBe(0);
});

test("MQTT 3.1.1 is asked for nothing that it has not", () => {
  show({ version: "3.1.1", will: { topic: "t" } });
  fireEvent.click(screen.getByText("More settings"));
  expect(screen.getByLabelText("Payload is hex")).toBeTruthy(); // of the will
  for (const five of ["Receive maximum", "Maximum packet size (bytes)", "Will delay (s)", "Content type"])
    expect(screen.queryByLabelText(five)).toBeNull();
});

test("each field of a connection and its will is Chinese in Chinese", () => {
  show({}, "zh");
  for (const more of screen.getAllByText("更多设置")) fireEvent.click(more);
  fireEvent.click(screen.getAllByText("更多设置").at(-1)!);
  const labels = [...document.querySelectorAll("label, legend")].map(({ textContent }) => textContent!);
  expect(labels.length).toBeGreaterThan(25);
  expect(labels.filter((label) => !/\p{Script=Han}/u.test(label))).toEqual(["QoS"]);
});
