// RFC 7396: what changes `before` into `after`.
type Document = Record<string, unknown>;

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function mergePatch(before: Document, after: Document): Document {
  const patch: Document = {};
  for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    const known = before[name];
    if (JSON.stringify(known) === JSON.stringify(value)) continue;
    patch[name] = isObject(known) && isObject(value) ? mergePatch(known, value) : value;
  }
  return patch;
}

// RFC 7396: `document` with `patch` in it.
export function applyPatch(document: Document, patch: Document): Document {
  const patched = { ...document };
  for (const [name, value] of Object.entries(patch)) {
    const known = patched[name];
    if (value === null) delete patched[name];
    else if (isObject(value)) patched[name] = applyPatch(isObject(known) ? known : {}, value);
    else patched[name] = value;
  }
  return patched;
}

export interface Change {
  pointer: string;
  before: unknown;
  after: unknown;
}

// Field by field what differs; an absent one is undefined.
export function changes(before: unknown, after: unknown, pointer = ""): Change[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ pointer, before, after }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => changes(before[name], after[name], `${pointer}/${name}`));
}
