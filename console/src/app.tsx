import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider, Form, Spin, theme } from "antd";
import english from "antd/locale/en_US";
import chinese from "antd/locale/zh_CN";
import { lazy, Suspense, useEffect, useState } from "react";
import { BrowserRouter, matchPath, Route, Routes, useLocation } from "react-router-dom";
import { ApiError } from "./api/client";
import { SessionProvider, useSessionQuery } from "./api/session";
import { ProblemAlert } from "./components/problem";
import { Login, LoginAgain } from "./features/login/login";
import { Layout } from "./layout";
import { pages, type PageFile } from "./pages";
import { AppearanceProvider, useAppearance } from "./appearance";
import { LanguageProvider } from "./words/language";

const NotFound = lazy(() => import("./features/not_found/not_found"));

// What the server refused is not asked again; a server that is away is.
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => !(error instanceof ApiError) || (error.problem.status === 0 && count < 1),
      refetchOnWindowFocus: true,
    },
  },
});

// The console may begin under any prefix of a proxy.
const basename = new URL(document.baseURI).pathname.replace(/\/$/, "");

const patience = 1000; // ms that a page waits for its file and figures before it shows that it does
const pause = () => new Promise((resolve) => setTimeout(resolve, patience));

// The file of the page that the address names comes while it is asked who is logged in; what it shows
// is asked for then, so that it is drawn once, with its figures.
function useFirstPage(isLoggedIn: boolean) {
  const { pathname } = useLocation();
  const client = useQueryClient();
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    const show = () => isLoggedIn && setThere(true); // a page that could not be loaded says so itself
    const first = pages.find(({ path }) => matchPath(path, pathname));
    const ask = (file: PageFile) => isLoggedIn && file.ahead?.(client);
    Promise.race([first?.begin().then(ask), pause()]).then(show, show);
  }, [isLoggedIn]);
  return isThere;
}

function Pages() {
  const session = useSessionQuery();
  const isThere = useFirstPage(Boolean(session.data));
  if (session.isPending || (session.data && !isThere)) return <Spin fullscreen />;
  if (session.error && !session.data)
    return (
      <main className="alone">
        <ProblemAlert error={session.error} />
      </main>
    );
  if (!session.data) return <Login />;
  return (
    <SessionProvider session={session.data}>
      <Routes>
        <Route element={<Layout />}>
          {pages.map(({ path, Component }) => (
            <Route key={path} path={path} element={<Component />} />
          ))}
          <Route path="*" element={<NotFound />} />
        </Route>
      </Routes>
      {session.data.isOver && <LoginAgain user={session.data.user} />}
    </SessionProvider>
  );
}

function Themed() {
  const { language, isDark } = useAppearance();
  const ink = (strength: number) =>
    isDark ? `rgba(255, 255, 255, ${strength})` : `rgba(0, 0, 0, ${strength})`;
  const tint = isDark ? "#22a6c4" : "#0e7490";
  return (
    <ConfigProvider
      locale={language === "zh" ? chinese : english}
      button={{ autoInsertSpace: false }} // what is read aloud begins with what is seen
      theme={{
        algorithm: isDark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: {
          colorPrimary: tint,
          colorLink: tint,
          ...(isDark
            ? { colorPrimaryHover: "#4cc3de", colorLinkHover: "#4cc3de" } // brighter, on black
            : {
                // Under the pointer darker, not paler: a word on it can still be read.
                colorPrimaryHover: "#0b5f77",
                colorLinkHover: "#0b5f77",
                colorError: "#cf1322",
                colorErrorHover: "#a8071a",
                colorSuccess: "#2f8512",
                colorSuccessBg: "#f1f9ec", // what is made of so dark a green is grey
                colorSuccessBorder: "#b5d8a3",
              }),
          borderRadius: 6,
          fontSize: 14,
          motion: !matchMedia("(prefers-reduced-motion: reduce)").matches,
          // As pale as can be read by everybody (WCAG AA).
          colorTextDescription: ink(0.65),
          colorTextTertiary: ink(0.65),
          colorTextPlaceholder: ink(0.58),
          colorTextDisabled: ink(0.6),
        },
        components: {
          Button: isDark
            ? { primaryColor: "#03181e", colorPrimary: "#4cc3de", colorError: "#ff7875", dangerColor: "#1a0505" }
            : {},
          Form: isDark ? { colorError: "#ff7875" } : {}, // what is wrong with a field, on black
          Menu: isDark
            ? { itemHeight: 34, groupTitleColor: ink(0.65), itemSelectedBg: "#12343d", itemSelectedColor: "#5fd0ea" }
            : { itemHeight: 34, groupTitleColor: ink(0.65), itemSelectedBg: "#dff1f6", itemSelectedColor: "#0b5468" },
        },
      }}
    >
      <LanguageProvider language={language}>
        <AntApp className="app">
          {/* So that the label of a field stands above it everywhere, also where no form is around it. */}
          <Form component={false} layout="vertical">
            <Suspense fallback={<Spin fullscreen />}>
              <Pages />
            </Suspense>
          </Form>
        </AntApp>
      </LanguageProvider>
    </ConfigProvider>
  );
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <AppearanceProvider>
        <BrowserRouter basename={basename} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
          <Themed />
        </BrowserRouter>
      </AppearanceProvider>
    </QueryClientProvider>
  );
}
