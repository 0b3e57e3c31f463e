// What the server refuses about a field stands at it, with what to do about it.
import type { FieldProblem } from "../../api/client";

export function covers(pointer: string, other: string) {
  return other === pointer || other.startsWith(`${pointer}/`);
}

// For a Form.Item.
export function wrongAt(problems: FieldProblem[], pointer: string) {
  const wrong = problems.filter((problem) => covers(pointer, problem.pointer));
  const hint = wrong.find((problem) => problem.hint)?.hint;
  if (wrong.length === 0) return {};
  return {
    validateStatus: "error" as const,
    help: (
      <>
        {wrong.map(({ detail }) => detail).join("; ")}
        {hint && <div className="field-hint">{hint}</div>}
      </>
    ),
  };
}
