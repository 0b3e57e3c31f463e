// Language, and light or dark: as the browser has it until somebody chooses, then as they chose.

// What antd needs, beside it in node_modules: its calendars take their months and weekdays from here.
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { remember, remembered } from "./components/remembered";
import { preferredLanguage, type Language } from "./words/language";

interface Appearance {
  language: Language;
  isDark: boolean;
  setLanguage: (language: Language) => void;
  setDark: (isDark: boolean) => void;
}

const Current = createContext<Appearance | null>(null);

function initialDark() {
  const kept = remembered("theme");
  return kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function AppearanceProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(
    () => (remembered("language") as Language | null) ?? preferredLanguage(),
  );
  const [isDark, setDark] = useState(initialDark);
  useEffect(() => {
    dayjs.locale(language === "zh" ? "zh-cn" : "en");
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  }, [language, isDark]);
  const value = useMemo(
    () => ({
      language,
      isDark,
      setLanguage: (chosen: Language) => {
        remember("language", chosen);
        setLanguage(chosen);
      },
      setDark: (chosen: boolean) => {
        remember("theme", chosen ? "dark" : "light");
        setDark(chosen);
      },
    }),
    [language, isDark],
  );
  return <Current.Provider value={value}>{children}</Current.Provider>;
}

export function useAppearance() {
  const appearance = useContext(Current);
  if (!appearance) throw new Error("no appearance here");
  return appearance;
}
