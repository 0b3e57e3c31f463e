import { theme } from "antd";

// Text of machines, as it is.
export function Code({ children, label }: { children: string; label?: string }) {
  const { token } = theme.useToken();
  return (
    <pre className="code" aria-label={label} tabIndex={0} style={{ background: token.colorFillQuaternary }}>
      {children}
    </pre>
  );
}

export function pretty(value: unknown) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2) ?? "";
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
