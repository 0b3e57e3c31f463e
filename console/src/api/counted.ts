// How many there are, counted on the server's lists: `12`, or `10000+` where it has more than are read.
import { api, type Entity, type Page, type Path, type Query } from "./client";

const most = 1000; // of one answer
const mostPages = 10;

export interface Counted<T> {
  items: T[];
  text: string;
  read: number; // so many were looked at
  isCut: boolean; // there are more: what is made of `items` is a least figure
}

export async function counted<T = Entity>(path: Path, query: Query, which?: (item: T) => boolean): Promise<Counted<T>> {
  const items: T[] = [];
  let read = 0;
  let page: string | undefined;
  for (let pages = 0; pages < mostPages && (pages === 0 || page); pages += 1) {
    const answer = await api.get<Page<T>>(path, { query: { ...query, limit: most, page } });
    read += answer.items.length;
    items.push(...(which ? answer.items.filter(which) : answer.items));
    page = answer.next ?? undefined;
  }
  const isCut = page !== undefined;
  return { items, text: marked(String(items.length), isCut), read, isCut };
}

// A figure made of what was counted.
export function marked(figure: string, isCut: boolean) {
  return isCut ? `${figure}+` : figure;
}
