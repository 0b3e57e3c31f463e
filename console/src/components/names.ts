// Names in a sentence: the first of them, and how many there are besides.
import { marked } from "../api/counted";
import { useLanguage, useWords, words } from "../words/language";
import { number } from "./format";

const own = words(
  {
    between: ", ",
    more: (names: string, count: string) => `${names} and ${count} more`,
    perhaps: (names: string) => `${names}, and perhaps more`,
  },
  {
    between: "、",
    more: (names: string, count: string) => `${names} 以及另外 ${count} 个`,
    perhaps: (names: string) => `${names}，可能还有更多`,
  },
);
const mostNamed = 20;

// `isCut`: there may be more than these.
export function useNames() {
  const word = useWords(own);
  const language = useLanguage();
  return (names: string[], isCut = false) => {
    const shown = names.slice(0, mostNamed).join(word.between);
    const left = names.length - mostNamed;
    if (left > 0) return word.more(shown, marked(number(left, language), isCut));
    return isCut ? word.perhaps(shown) : shown;
  };
}
