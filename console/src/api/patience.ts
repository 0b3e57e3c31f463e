// Files of the console that are loaded when they are needed, from a server that may be away just then.
import { health } from "./client";

const again = 1500; // ms
const onceIn = 60_000; // ms: a page that cannot be loaded is not loaded anew for ever
const mark = "sluice.loaded_anew";

const pause = () => new Promise((resolve) => setTimeout(resolve, again));

async function answering() {
  for (;;) {
    try {
      await health();
      return;
    } catch {
      await pause();
    }
  }
}

// A server of another version has other files: the page is loaded anew from that one.
function loadAnew(error: unknown): Promise<never> {
  const last = Number(sessionStorage.getItem(mark) ?? 0);
  if (Date.now() - last < onceIn) throw error;
  sessionStorage.setItem(mark, String(Date.now()));
  window.location.reload();
  return new Promise(() => undefined);
}

export async function patiently<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    await answering();
    return load().catch(loadAnew);
  }
}
