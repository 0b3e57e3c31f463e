// How many there are, counted on the server's lists: `12`, or `1000+` where it has more.
import { api, type Entity, type Page, type Path, type Query } from "./client";

const most = 1000; // of one answer

export interface Counted<T> {
  items: T[];
  text: string;
}

export async function counted<T = Entity>(path: Path, query: Query, which?: (item: T) => boolean): Promise<Counted<T>> {
  const { items, next } = await api.get<Page<T>>(path, { query: { ...query, limit: most } });
  const found = which ? items.filter(which) : items;
  return { items: found, text: `${found.length}${next ? "+" : ""}` };
}
