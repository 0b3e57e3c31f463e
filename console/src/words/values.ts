// A value of the server as it is shown: in English itself, in Chinese what it means.
import type { Language } from "./language";
import chinese from "./values_zh";

export function valueWord(value: string, language: Language) {
  return (language === "zh" && chinese[value]) || value;
}

// In a form, whose help and JSON name the value itself.
export function choiceWord(value: string, language: Language) {
  const word = valueWord(value, language);
  return word.includes(value) ? word : `${word}（${value}）`;
}
