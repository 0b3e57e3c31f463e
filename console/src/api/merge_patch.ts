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
