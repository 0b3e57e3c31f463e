// English and Simplified Chinese. Each folder has its own words; a word that lacks a language does
// not compile.
import { createContext, useContext, type ReactNode } from "react";

export type Language = "en" | "zh";
const Current = createContext<Language>("en");

type Word = string | ((...values: never[]) => string);
type Same<T> = { [K in keyof T]: T[K] extends string ? string : T[K] };

export interface Words<T> {
  en: T;
  zh: Same<T>;
}

export function words<T extends Record<string, Word>>(en: T, zh: Same<T>): Words<T> {
  return { en, zh };
}

export function useLanguage() {
  return useContext(Current);
}

export function useWords<T>(all: Words<T>): Same<T> {
  return all[useLanguage()] as Same<T>;
}

export function LanguageProvider({ language, children }: { language: Language; children: ReactNode }) {
  return <Current.Provider value={language}>{children}</Current.Provider>;
}

export function preferredLanguage(): Language {
  return navigator.languages.some((name) => name.toLowerCase().startsWith("zh")) ? "zh" : "en";
}
