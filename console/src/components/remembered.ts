// What somebody chose of how pages look: this browser remembers it.
export function remembered(name: string) {
  try {
    return localStorage.getItem(`sluice.${name}`);
  } catch {
    return null; // a browser that keeps nothing
  }
}

export function remember(name: string, value: string) {
  try {
    localStorage.setItem(`sluice.${name}`, value);
  } catch {
    // it is asked again next time
  }
}
