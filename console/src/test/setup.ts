// What browsers have and jsdom has not.
window.matchMedia ??= (query: string) =>
  ({ matches: false, media: query, addListener: () => {}, removeListener: () => {} }) as unknown as MediaQueryList;
