import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { ConfigProvider } from "antd";
import chinese from "antd/locale/zh_CN";
import { afterEach, expect, test } from "vitest";
import { AppearanceProvider } from "./appearance";
import { TimeRange } from "./components/time_range";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  localStorage.clear();
});

test("in Chinese a calendar has Chinese months and weekdays", async () => {
  localStorage.setItem("sluice.language", "zh");
  render(
    <ConfigProvider locale={chinese}>
      <AppearanceProvider>
        <TimeRange labels={["开始", "结束"]} onChange={() => undefined} />
      </AppearanceProvider>
    </ConfigProvider>,
  );
  fireEvent.mouseDown(screen.getByPlaceholderText("开始"));
  fireEvent.click(screen.getByPlaceholderText("开始"));
  await waitFor(() => expect(document.querySelector(".ant-picker-content thead")).toBeTruthy());
  expect(document.querySelector(".ant-picker-content thead")!.textContent).toBe("一二三四五六日");
  expect(document.querySelector(".ant-picker-month-btn")!.textContent).toMatch(/^\d+月$/);
});
