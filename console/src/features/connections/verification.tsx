// What was tried at the other side, step by step.
import { CheckCircleFilled, CloseCircleFilled } from "@ant-design/icons";
import { Alert, Spin, theme } from "antd";
import { useWords } from "../../words/language";
import { own } from "./words";

export interface Verified {
  ok: boolean;
  steps: { name: string; ok: boolean; ms: number; detail: string; hint: string }[];
}

export function Verification({ verified, isBusy }: { verified?: Verified; isBusy: boolean }) {
  const word = useWords(own);
  const { token } = theme.useToken();
  if (isBusy) return <Spin className="loading-part" />;
  if (!verified) return null;
  return (
    <>
      <Alert
        className="problem"
        type={verified.ok ? "success" : "error"}
        showIcon
        role="status"
        message={verified.ok ? word.works : word.fails}
      />
      <ol className="verification">
        {verified.steps.map((step) => (
          <li key={step.name}>
            {step.ok ? (
              <CheckCircleFilled style={{ color: token.colorSuccess }} />
            ) : (
              <CloseCircleFilled style={{ color: token.colorError }} />
            )}{" "}
            <strong>{step.name}</strong> · {step.detail} <span className="quiet">{word.took(step.ms)}</span>
            {step.hint && <div className="hint">{step.hint}</div>}
          </li>
        ))}
      </ol>
    </>
  );
}
