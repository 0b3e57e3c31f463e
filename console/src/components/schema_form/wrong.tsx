// What the server refuses about a field stands at it, with what to do about it.
import type { FieldProblem } from "../../api/client";
import { useMeaning } from "../problem";

export function covers(pointer: string, other: string) {
  return other === pointer || other.startsWith(`${pointer}/`);
}

function Wrong({ problems }: { problems: FieldProblem[] }) {
  const meaning = useMeaning()(problems[0]?.code);
  const hint = problems.find((problem) => problem.hint)?.hint;
  return (
    <>
      {meaning && <div>{meaning}</div>}
      {problems.map(({ detail }) => detail).join("; ")}
      {hint && <div className="field-hint">{hint}</div>}
    </>
  );
}

// For a Form.Item.
export function wrongAt(problems: FieldProblem[], pointer: string) {
  const wrong = problems.filter((problem) => covers(pointer, problem.pointer));
  if (wrong.length === 0) return {};
  return { validateStatus: "error" as const, help: <Wrong problems={wrong} /> };
}
