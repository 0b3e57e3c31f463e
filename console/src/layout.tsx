import {
  GlobalOutlined,
  LogoutOutlined,
  MoonOutlined,
  SunOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { Button, Dropdown, Layout as AntLayout, Menu, Spin, theme, Tooltip, type MenuProps } from "antd";
import { Suspense, useMemo } from "react";
import { Link, Outlet, useLocation } from "react-router-dom";
import { useLogin, useSession } from "./api/session";
import { useStream } from "./api/stream";
import { useAppearance } from "./appearance";
import { menuWords, pages } from "./pages";
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

export function Layout() {
  useStream();
  const word = useWords(own);
  const { token } = theme.useToken();
  const { pathname } = useLocation();
  const menu = useMenu();
  const here = pages
    .filter(({ path, menu: shown }) => shown && (pathname === path || pathname.startsWith(`${path}/`)))
    .map(({ path }) => path);
  return (
    <AntLayout className="frame">
      <a className="skip" href="#page">
        {word.skip}
      </a>
      <AntLayout.Sider
        theme="light"
        breakpoint="lg"
        collapsedWidth={0}
        width={216}
        className="side"
        style={{ borderRight: `1px solid ${token.colorBorderSecondary}` }}
      >
        <Link to="/" className="brand" style={{ color: token.colorText }}>
          <img src="favicon.svg" alt="" width={28} height={28} /> Sluice
        </Link>
        <nav aria-label={word.menu}>
          <Menu
            mode="inline"
            selectedKeys={here}
            items={menu}
            style={{ borderInlineEnd: 0 }}
          />
        </nav>
      </AntLayout.Sider>
      <AntLayout>
        <AntLayout.Header
          className="top"
          style={{ background: token.colorBgContainer, borderBottom: `1px solid ${token.colorBorderSecondary}` }}
        >
          <Tools />
        </AntLayout.Header>
        <AntLayout.Content id="page" className="content" role="main" tabIndex={0}>
          <Suspense fallback={<Spin className="loading" />}>
            <Outlet />
          </Suspense>
        </AntLayout.Content>
      </AntLayout>
    </AntLayout>
  );
}
