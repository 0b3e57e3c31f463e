// What the server says of a field or a connector, in the language of the page.
import { useEffect, useState } from "react";
import { useLanguage } from "../../words/language";

type Catalogue = Record<string, string>;
let chinese: Catalogue | undefined; // loaded when it is needed first

export function useHelp() {
  const isChinese = useLanguage() === "zh";
  const [catalogue, setCatalogue] = useState(chinese);
  useEffect(() => {
    if (!isChinese || catalogue) return undefined;
    let isGone = false;
    void import("./help_zh").then((file) => {
      chinese = file.default;
      if (!isGone) setCatalogue(chinese);
    });
    return () => {
      isGone = true;
    };
  }, [isChinese, catalogue]);
  return (text: string | undefined) => (isChinese && text ? (catalogue?.[text] ?? text) : text);
}
