import { expect, test } from "vitest";
import { bytesIn, messagePropertiesOf, userPropertiesOf } from "./properties";
import { hasSeveralNames, readable, textOrHex } from "./shown";

test("hex is bytes, and what is no hex is not", () => {
  expect(bytesIn("00 ff\n1A", true)).toEqual(Uint8Array.of(0, 255, 26));
  expect(bytesIn("0g", true)).toBeUndefined();
  expect(bytesIn("abc", true)).toBeUndefined();
  expect([...bytesIn("é", false)!]).toEqual([0xc3, 0xa9]);
});

test("each property of a message goes to MQTT.js under its name, numbers as numbers", () => {
  const document = {
    content_type: "text/plain",
    user_properties: [{ name: "site", value: "north" }],
    message_expiry: "60",
    response_topic: "answers",
    correlation_data: "00 ff",
    correlation_data_is_hex: true,
    payload_is_text: true,
  };
  expect(messagePropertiesOf(document)).toEqual({
    contentType: "text/plain",
    userProperties: [{ site: "north" }],
    messageExpiryInterval: 60,
    responseTopic: "answers",
    correlationData: Uint8Array.of(0, 255),
    payloadFormatIndicator: true,
  });
  expect(messagePropertiesOf({ correlation_data: "00 ff" }).correlationData).toHaveLength(5); // as text
  expect(messagePropertiesOf({ message_expiry: "", payload_is_text: false })).toEqual({});
});

test("rows that were left empty are no user properties, and none at all are not there", () => {
  const rows = [{ name: "", value: "" }, { name: "", value: "of no name" }, { name: "site", value: "" }];
  expect(userPropertiesOf(rows)).toEqual([{ "": "of no name" }, { site: "" }]);
  expect(userPropertiesOf(rows.slice(0, 1))).toBeUndefined();
});

test("user properties are shown one by one, as they were sent and as MQTT.js gives those received", () => {
  const shown = (properties: object) => JSON.parse(JSON.stringify(properties, readable)) as unknown;
  const sent = { userProperties: [{ site: "north" }, { line: "4" }, { site: "south" }] };
  expect(shown(sent)).toEqual({ userProperties: ["site: north", "line: 4", "site: south"] });
  const received = { userProperties: { site: ["north", "south"], line: "4" } };
  expect(shown(received)).toEqual({ userProperties: ["site: north", "site: south", "line: 4"] });
  expect(hasSeveralNames(received)).toBe(true);
  expect(hasSeveralNames({ userProperties: { site: ["north", "south"] } })).toBe(false);
});

test("correlation data is shown as text where it is some, else as digits", () => {
  expect(textOrHex(Uint8Array.of(0x63, 0x2d, 0x31))).toBe("c-1");
  expect(textOrHex(Uint8Array.of(0, 0xff))).toBe("00 ff");
  expect(textOrHex(Uint8Array.of(0xc3))).toBe("c3");
  expect(JSON.stringify({ correlationData: { type: "Buffer", data: [0, 1] } }, readable)).toBe('{"correlationData":"00 01"}');
});
