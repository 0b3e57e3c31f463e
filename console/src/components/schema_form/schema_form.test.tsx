import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";
import { choicesOf, kindOf, labelOf, split, valueOf, type Schema } from "./schema";
import { pointersOf, SchemaForm, type Document } from "./schema_form";

afterEach(cleanup);

const schema: Schema = {
  type: "object",
  required: ["url"],
  properties: {
    url: { type: "string", maxLength: 2048, description: "Where requests go." },
    password: { type: "string", maxLength: 4096, writeOnly: true },
    retry: { type: "object", properties: { initial: { type: "string", default: "200ms" } } },
  },
};

let now: Document = {};
function Form({ start = {} as Document, pointer = "" }) {
  const [value, setValue] = useState(start);
  now = value;
  const problems = pointer ? [{ pointer, detail: "is wrong here", hint: "write another" }] : [];
  return <SchemaForm schema={schema} value={value} onChange={setValue} problems={problems} prefix="/settings" />;
}

test("only what was filled in is in the document, and what is emptied is gone", () => {
  render(<Form />);
  fireEvent.change(screen.getByLabelText(/URL/), { target: { value: "http://x" } });
  fireEvent.change(screen.getByLabelText(/Initial/), { target: { value: "1s" } });
  expect(now).toEqual({ url: "http://x", retry: { initial: "1s" } });
  fireEvent.change(screen.getByLabelText(/Initial/), { target: { value: "" } });
  expect(now).toEqual({ url: "http://x" });
});

test("what the server refuses stands at its field, however deep", () => {
  render(<Form pointer="/settings/retry/initial" />);
  expect(screen.getByText("is wrong here").closest(".ant-form-item")?.textContent).toContain("Initial");
  expect(screen.getByText("write another")).toBeTruthy(); // what to do about it
});

test("a default and a help are shown, and a secret is not", () => {
  render(<Form start={{ password: "***" }} />);
  expect(screen.getByText("Where requests go.")).toBeTruthy();
  expect(screen.getByText("default: 200ms")).toBeTruthy();
  expect(screen.getByLabelText(/Password/).getAttribute("type")).toBe("password");
});

test("a field's kind comes from its declaration alone", () => {
  expect(kindOf({ enum: ["a"] })).toBe("choice");
  expect(kindOf({ type: ["string", "null"] })).toBe("text");
  expect(kindOf({ anyOf: [{ type: "integer" }, { type: "string" }] })).toBe("text");
  expect(kindOf({ type: "array", items: { type: "string" } })).toBe("texts");
  expect(kindOf({ type: "object", additionalProperties: { type: "string" } })).toBe("pairs");
  expect(kindOf({ type: ["object", "null"], additionalProperties: { type: "object" } })).toBe("any"); // as JSON
  expect(kindOf({ type: "object", additionalProperties: { type: "string" } })).toBe("pairs");
  expect(kindOf({ type: "string", writeOnly: true, maxLength: 1048576 })).toBe("secret_text");
  expect(kindOf({ description: "anything" })).toBe("any");
});

test("a number that may be null is typed as a number, and null is no choice", () => {
  expect(kindOf({ anyOf: [{ type: "integer" }, { type: "null" }] })).toBe("number");
  expect(kindOf({ anyOf: [{ type: "integer" }, { type: "string" }, { type: "null" }] })).toBe("text");
  expect(choicesOf({ enum: ["a", null] }, "en")).toEqual([{ value: "a", label: "a" }]);
});

test("anything that is typed is JSON where it looks like it", () => {
  expect(valueOf('{"time": 1}')).toEqual({ time: 1 });
  expect(valueOf("earliest")).toBe("earliest");
  expect(valueOf("{half")).toBe("{half");
  expect(valueOf(" ")).toBeUndefined();
});

test("required fields are always shown, others while there are few", () => {
  const many: Schema = { required: ["f9"], properties: {} };
  for (let i = 0; i < 10; i += 1) many.properties![`f${i}`] = { type: "string" };
  const [shown, later] = split(many, 2);
  expect(shown).toEqual(["f0", "f1", "f9"]);
  expect(later.length).toBe(7);
  expect(labelOf("bootstrap_servers")).toBe("Bootstrap servers");
  expect(labelOf("sasl_mechanism")).toBe("SASL mechanism");
});

test("a form knows which problems it shows itself", () => {
  const problems = [{ pointer: "/settings/url", detail: "" }, { pointer: "/name", detail: "" }];
  expect(pointersOf(schema, problems, "/settings")).toEqual(["/settings/url"]);
});

const typed = (label: string) => screen.queryAllByLabelText(label).map((field) => (field as HTMLInputElement).value);
const type = (label: string, at: number, value: string) =>
  fireEvent.change(screen.getAllByLabelText(label)[at]!, { target: { value } });

function OneField({ field, start }: { field: Schema; start: Document }) {
  const [value, setValue] = useState(start);
  now = value;
  return <SchemaForm schema={{ properties: { all: field } }} value={value} onChange={setValue} />;
}

const text: Schema = { type: "string" };
const list: Schema = { type: "array", items: { type: "object", properties: { name: text, value: text } } };
const map: Schema = { type: "object", additionalProperties: text };

test("rows of a list keep their order, and a name may repeat", () => {
  expect(kindOf(list)).toBe("rows");
  expect(kindOf({ type: "array", items: { type: "object", properties: { name: text } } })).toBe("any");
  render(<OneField field={list} start={{ all: [{ name: "site", value: "north" }] }} />);
  fireEvent.click(screen.getByText("Add"));
  type("Name", 1, "line");
  fireEvent.click(screen.getByText("Add"));
  type("Name", 2, "site");
  type("Value", 2, "south");
  expect(now.all).toEqual([{ name: "site", value: "north" }, { name: "line", value: "" }, { name: "site", value: "south" }]);
  expect(screen.queryByText("This name is there already")).toBeNull();
  for (const _ of typed("Name")) fireEvent.click(screen.getAllByLabelText("Delete")[0]!);
  expect(now).toEqual({});
});

test("a name of a map that is another one's for a moment takes no row away, and says so", () => {
  render(<OneField field={map} start={{ all: { site: "north" } }} />);
  fireEvent.click(screen.getByText("Add"));
  type("Name", 1, "site");
  expect(typed("Name")).toEqual(["site", "site"]);
  expect(screen.getByText("This name is there already")).toBeTruthy();
  type("Name", 1, "site-2");
  type("Value", 1, "south");
  expect(screen.queryByText("This name is there already")).toBeNull();
  expect(now.all).toEqual({ site: "north", "site-2": "south" });
});

test("rows of a map are those of the document when it was changed elsewhere", () => {
  const props = { schema: { properties: { all: map } }, onChange: () => undefined };
  const { rerender } = render(<SchemaForm {...props} value={{ all: { site: "north" } }} />);
  rerender(<SchemaForm {...props} value={{ all: { line: "4" } }} />);
  expect(typed("Name")).toEqual(["line"]);
});

test("a field in a group is called by its own label", () => {
  render(<SchemaForm schema={schema} value={{}} onChange={() => undefined} labels={{ "retry/initial": "The first wait" }} />);
  expect(screen.getByLabelText(/The first wait/)).toBeTruthy();
});
