// What went wrong, in the server's own words, with what to do about it. In Chinese what its code
// means comes first.
import { Alert } from "antd";
import { useCallback, useEffect } from "react";
import { ApiError, unreachable, type FieldProblem, type Problem } from "../api/client";
import { common } from "../words/common";
import codes, { ofTheConsole } from "../words/codes_zh";
import { useLanguage, useWords } from "../words/language";

export function problemOf(error: unknown): Problem | undefined {
  if (!error) return undefined;
  if (error instanceof ApiError) return error.problem;
  return { status: 0, code: "console", detail: error instanceof Error ? error.message : String(error) };
}

// Each with what kind of problem it is, and what to do about it.
export function fieldsOf(error: unknown): FieldProblem[] {
  const problem = problemOf(error);
  return (problem?.fields ?? []).map((field) => ({ ...field, code: problem?.code, hint: problem?.hint }));
}

// Undefined where the server's own words say it: in English.
export function useMeaning() {
  const isChinese = useLanguage() === "zh";
  return useCallback(
    (code = "") => (isChinese ? (codes[code] ?? ofTheConsole[code]) : undefined),
    [isChinese],
  );
}

// For what is asked for again by itself: that the server is away stands above the page.
export function unlessAway(error: unknown) {
  return problemOf(error)?.code === unreachable ? undefined : error;
}

// The first field of a form that was refused is brought into view, and typing goes on there.
export function useFirstWrong(error: unknown) {
  useEffect(() => {
    if (fieldsOf(error).length === 0) return undefined;
    const timer = setTimeout(() => {
      const [inDialog, anywhere] = ["[role=dialog] ", ""].map((place) =>
        document.querySelector(`${place}.ant-form-item-has-error`),
      );
      const wrong = inDialog ?? anywhere;
      wrong?.scrollIntoView({ block: "center" });
      wrong?.querySelector<HTMLElement>("input, textarea, button")?.focus({ preventScroll: true });
    });
    return () => clearTimeout(timer);
  }, [error]);
}

// `shown`: pointers of fields that show their own problem already, with the hint.
export function ProblemAlert({ error, shown = [] }: { error: unknown; shown?: string[] }) {
  const word = useWords(common);
  const meaningOf = useMeaning();
  const problem = problemOf(error);
  if (!problem) return null;
  const isAway = problem.code === unreachable;
  const all = problem.fields ?? [];
  const fields = all.filter((field) => !shown.includes(field.pointer));
  const away = problem.isChange ? word.unreachableChange : word.unreachableHint;
  const hint = isAway ? away : all.length > 0 && fields.length === 0 ? undefined : problem.hint;
  const meaning = meaningOf(problem.code);
  const description = (
    <>
      {meaning && <div>{problem.detail}</div>}
      {hint}
      {fields.length > 0 && (
        <ul className="problem-fields">
          {fields.map((field) => (
            <li key={field.pointer + field.detail}>
              {field.pointer && <code>{field.pointer}</code>} {field.detail}
            </li>
          ))}
        </ul>
      )}
    </>
  );
  return (
    <Alert
      className="problem"
      type="error"
      showIcon
      role="alert"
      message={isAway ? word.unreachable : (meaning ?? problem.detail)}
      description={meaning || hint || fields.length > 0 ? description : undefined}
    />
  );
}
