import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { App, Form } from "antd";
import type { ReactElement } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import { LanguageProvider, type Language } from "../words/language";
import { useAction } from "./action";
import { Fault } from "./fault";
import { fieldsOf, ProblemAlert } from "./problem";
import { wrongAt } from "./schema_form/wrong";

afterEach(cleanup);

const taken = new ApiError({
  status: 409,
  code: "name_taken",
  detail: "there is a user `meter`",
  hint: "choose another name",
  fields: [{ pointer: "/name", detail: "is taken" }],
});

function show(language: Language, what: ReactElement) {
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <LanguageProvider language={language}>
        <App>{what}</App>
      </LanguageProvider>
    </QueryClientProvider>,
  );
}

function Do() {
  const act = useAction();
  return <button onClick={() => void act(() => Promise.reject(taken))}>do</button>;
}

test("in Chinese a problem begins with the meaning of its code, and the server's words follow", () => {
  show("zh", <ProblemAlert error={taken} />);
  expect(screen.getByRole("alert").textContent).toBe(
    "名称已被占用there is a user `meter`choose another name/name is taken",
  );
});

test("in English a problem is the server's words alone", () => {
  show("en", <ProblemAlert error={taken} />);
  expect(screen.getByRole("alert").textContent).toBe("there is a user `meter`choose another name/name is taken");
});

test("a code without a meaning leaves the server's words", () => {
  show("zh", <ProblemAlert error={new ApiError({ status: 500, code: "of_a_later_version", detail: "odd" })} />);
  expect(screen.getByRole("alert").textContent).toBe("odd");
});

test.each<[Language, string]>([
  ["zh", "名称已被占用is takenchoose another name"],
  ["en", "is takenchoose another name"],
])("what is wrong with a field stands at it (%s)", (language, text) => {
  const { container } = show(language, <Form.Item {...wrongAt(fieldsOf(taken), "/name")} />);
  expect(container.querySelector(".ant-form-item-explain-error")?.textContent).toBe(text);
});

test.each<[Language, string]>([
  ["zh", "名称已被占用there is a user `meter`choose another name; /name is taken"],
  ["en", "there is a user `meter`choose another name; /name is taken"],
])("an action that is refused is told with the same words (%s)", async (language, text) => {
  show(language, <Do />);
  fireEvent.click(screen.getByText("do"));
  expect((await screen.findByRole("alert")).textContent).toBe(text);
});

test.each<[Language, string]>([
  ["zh", "此页面出错it broke"],
  ["en", "it broke"],
])("a page that failed says so (%s)", (language, text) => {
  const quiet = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const Broken = () => {
    throw new Error("it broke");
  };
  show(language, <Fault><Broken /></Fault>);
  expect(screen.getByRole("alert").textContent).toBe(text);
  quiet.mockRestore();
});
