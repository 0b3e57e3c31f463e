// What went wrong, in the server's own words, with what to do about it.
import { Alert } from "antd";
import { ApiError, unreachable, type Problem } from "../api/client";
import { common } from "../words/common";
import { useWords } from "../words/language";

export function problemOf(error: unknown): Problem | undefined {
  if (!error) return undefined;
  if (error instanceof ApiError) return error.problem;
  return { status: 0, code: "console", detail: error instanceof Error ? error.message : String(error) };
}

// `shown`: pointers of fields that show their own problem already.
export function ProblemAlert({ error, shown = [] }: { error: unknown; shown?: string[] }) {
  const word = useWords(common);
  const problem = problemOf(error);
  if (!problem) return null;
  const isAway = problem.code === unreachable;
  const fields = (problem.fields ?? []).filter((field) => !shown.includes(field.pointer));
  const description = (
    <>
      {isAway ? word.unreachableHint : problem.hint}
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
  const hasMore = isAway || problem.hint || fields.length > 0;
  return (
    <Alert
      className="problem"
      type="error"
      showIcon
      role="alert"
      message={isAway ? word.unreachable : problem.detail}
      description={hasMore ? description : undefined}
    />
  );
}
