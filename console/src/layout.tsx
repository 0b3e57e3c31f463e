import {
  GlobalOutlined,
  LogoutOutlined,
  MenuOutlined,
  MoonOutlined,
  SunOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { Alert, Button, Dropdown, Layout as AntLayout, Menu, Spin, theme, Tooltip, type MenuProps } from "antd";
import { Suspense, useEffect, useMemo, useRef, useState } from "react";
import { Link, Outlet, useLocation, useNavigate } from "react-router-dom";
import { useIsAway } from "./api/reach";
import { useIsOver, useLogin, useSession } from "./api/session";
import { useStream } from "./api/stream";
import { useAppearance } from "./appearance";
import { Fault } from "./components/fault";
import { FirstPassword } from "./components/first_password";
import { menuWords, pages } from "./pages";
import { common } from "./words/common";
import { useWords, words } from "./words/language";

const own = words(
  {
    skip: "Skip to the page",
    menu: "Pages",
    light: "Light",
    dark: "Dark",
    logOut: "Log out",
    language: "Language",
  },
  {
    skip: "跳到正文",
    menu: "页面",
    light: "浅色",
    dark: "深色",
    logOut: "退出登录",
    language: "语言",
  },
);

type Entry = NonNullable<MenuProps["items"]>[number];
type Group = { key: string; type: "group"; label: string; children: Entry[] };

function useMenu() {
  const word = useWords(menuWords);
  return useMemo(() => {
    const entries: Entry[] = [];
    const groups = new Map<string, Group>();
    for (const { path, menu } of pages) {
      if (!menu) continue;
      const entry = { key: path, icon: menu.icon, label: <Link to={path}>{word[menu.word]}</Link> };
      if (!menu.group) {
        entries.push(entry);
        continue;
      }
      let group = groups.get(menu.group);
      if (!group) {
        group = { key: menu.group, type: "group", label: word[menu.group], children: [] };
        groups.set(menu.group, group);
        entries.push(group);
      }
      group.children.push(entry);
    }
    return entries;
  }, [word]);
}

function Tools() {
  const word = useWords(own);
  const { language, isDark, setLanguage, setDark } = useAppearance();
  const session = useSession();
  const { logOut } = useLogin();
  return (
    <div className="tools">
      <Tooltip title={isDark ? word.light : word.dark}>
        <Button
          type="text"
          aria-label={isDark ? word.light : word.dark}
          icon={isDark ? <SunOutlined /> : <MoonOutlined />}
          onClick={() => setDark(!isDark)}
        />
      </Tooltip>
      <Dropdown
        autoFocus
        trigger={["click"]}
        menu={{
          selectedKeys: [language],
          items: [
            { key: "en", label: "English" },
            { key: "zh", label: "简体中文" },
          ],
          onClick: ({ key }) => setLanguage(key === "zh" ? "zh" : "en"),
        }}
      >
        <Button type="text" aria-label={word.language} icon={<GlobalOutlined />} />
      </Dropdown>
      <Dropdown
        autoFocus
        trigger={["click"]}
        menu={{
          items: [{ key: "out", icon: <LogoutOutlined />, label: word.logOut, onClick: logOut }],
        }}
      >
        <Button type="text" icon={<UserOutlined />}>
          {session.user} <span className="role">{session.role}</span>
        </Button>
      </Dropdown>
    </div>
  );
}

// Whatever page is open: it may have no values that would show it.
function Away() {
  const all = useWords(common);
  return useIsAway() ? (
    <Alert banner type="error" role="alert" message={all.unreachable} description={all.unreachableHint} />
  ) : null;
}

export function Layout() {
  useStream(!useIsOver());
  const word = useWords(own);
  const { token } = theme.useToken();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const menu = useMenu();
  // Beside the page where there is room; else above it, opened by a button and closed by a choice.
  const [isNarrow, setNarrow] = useState(false);
  const [isOpen, setOpen] = useState(true);
  const here = pages
    .filter(({ path, menu: shown, under }) => (shown ?? under) && (pathname === path || pathname.startsWith(`${path}/`)))
    .map(({ path, under }) => under ?? path);
  const nav = useRef<HTMLElement>(null);
  const chosen = here.join();
  useEffect(() => {
    nav.current?.querySelector(".ant-menu-item-selected")?.scrollIntoView({ block: "nearest" });
  }, [chosen, isOpen]);
  return (
    <AntLayout className="frame">
      <a className="skip" href="#page">
        {word.skip}
      </a>
      <AntLayout.Sider
        theme="light"
        breakpoint="lg"
        collapsed={!isOpen}
        collapsedWidth={0}
        trigger={null}
        width={216}
        className={isNarrow ? "side over" : "side"}
        style={{ borderRight: `1px solid ${token.colorBorderSecondary}` }}
        onBreakpoint={(narrow) => {
          setNarrow(narrow);
          setOpen(!narrow);
        }}
      >
        <Link to="/" className="brand" style={{ color: token.colorText }}>
          <img src="favicon.svg" alt="" width={28} height={28} /> Sluice
        </Link>
        <nav ref={nav} id="menu" aria-label={word.menu} hidden={!isOpen}>
          <Menu
            mode="inline"
            selectedKeys={here}
            items={menu}
            style={{ borderInlineEnd: 0 }}
            onClick={({ key, domEvent }) => {
              if (domEvent.type !== "click") navigate(key); // by keyboard: no link was followed
              setOpen(!isNarrow);
            }}
          />
        </nav>
      </AntLayout.Sider>
      <AntLayout>
        <AntLayout.Header
          className="top"
          style={{ background: token.colorBgContainer, borderBottom: `1px solid ${token.colorBorderSecondary}` }}
        >
          {isNarrow && (
            <Button
              type="text"
              className="menu-button"
              aria-label={word.menu}
              aria-expanded={isOpen}
              aria-controls="menu"
              icon={<MenuOutlined />}
              onClick={() => setOpen(!isOpen)}
            />
          )}
          <Tools />
        </AntLayout.Header>
        <Away />
        <FirstPassword />
        <AntLayout.Content id="page" className="content" role="main" tabIndex={0}>
          <Suspense fallback={<Spin className="loading" />}>
            <Fault key={pathname}>
              <Outlet />
            </Fault>
          </Suspense>
        </AntLayout.Content>
      </AntLayout>
    </AntLayout>
  );
}
