// Every page, once: its address, and where it stands in the menu. A page is a folder in features/
// and an entry here. What has no entry is not there.
import {
  ApiOutlined,
  AuditOutlined,
  ClusterOutlined,
  DashboardOutlined,
  DeploymentUnitOutlined,
  ExceptionOutlined,
  InfoCircleOutlined,
  KeyOutlined,
  LineChartOutlined,
  LinkOutlined,
  MailOutlined,
  NotificationOutlined,
  PlusSquareOutlined,
  PushpinOutlined,
  SafetyOutlined,
  SettingOutlined,
  ShareAltOutlined,
  StopOutlined,
  TagsOutlined,
  TeamOutlined,
  ThunderboltOutlined,
  UserOutlined,
} from "@ant-design/icons";
import type { QueryClient } from "@tanstack/react-query";
import { lazy, type ComponentType, type ReactNode } from "react";
import { patiently } from "./api/patience";
import { words } from "./words/language";

export const menuWords = words(
  {
    overview: "Overview",
    monitoring: "Monitoring",
    events: "Events",
    integration: "Integration",
    connections: "Connections",
    tasks: "Tasks",
    deadLetters: "Dead letters",
    access: "Access",
    users: "Users",
    policies: "Policies",
    administration: "Administration",
    administrators: "Administrators",
    tokens: "Tokens",
    audit: "Audit",
    clientsGroup: "Messaging",
    clients: "Clients",
    subscriptions: "Subscriptions",
    groups: "Shared groups",
    topics: "Topics",
    messages: "Messages",
    retained: "Retained",
    webSocket: "WebSocket client",
    rules: "Rules",
    blockRules: "Block rules",
    enrichmentRules: "Enrichment rules",
    autoSubscriptions: "Auto-subscriptions",
    settings: "Settings",
    about: "About",
  },
  {
    overview: "概览",
    monitoring: "监控",
    events: "事件",
    integration: "数据集成",
    connections: "连接",
    tasks: "任务",
    deadLetters: "死信",
    access: "访问控制",
    users: "用户",
    policies: "策略",
    administration: "系统管理",
    administrators: "管理员",
    tokens: "令牌",
    audit: "审计",
    clientsGroup: "消息",
    clients: "客户端",
    subscriptions: "订阅",
    groups: "共享组",
    topics: "主题",
    messages: "消息查询",
    retained: "保留消息",
    webSocket: "WebSocket 客户端",
    rules: "规则",
    blockRules: "拦截规则",
    enrichmentRules: "增强规则",
    autoSubscriptions: "自动订阅",
    settings: "设置",
    about: "关于",
  },
);

type MenuWord = keyof typeof menuWords.en;

export interface PageFile {
  default: ComponentType;
  ahead?: (client: QueryClient) => Promise<unknown>; // asks for what the page shows
}

export interface PageEntry {
  path: string;
  Component: ComponentType;
  begin: () => Promise<PageFile>; // to load it
  menu?: { word: MenuWord; group?: MenuWord; icon: ReactNode };
  under?: string; // the page that the menu shows as chosen, where the address does not say it
}

// React shows for half a second at least that something is being loaded, once it shows it. What is
// there already it has to be given at once, not as a promise, or it would show it for that, too.
function page(load: () => Promise<PageFile>): Pick<PageEntry, "Component" | "begin"> {
  let file: PageFile | undefined;
  const begin = async () => (file = await patiently(load));
  const there = { then: (use: (file?: PageFile) => void) => use(file) } as unknown as Promise<PageFile>;
  return { Component: lazy(() => (file ? there : begin())), begin };
}

// Several pages in one file.
function only<Name extends string>(name: Name) {
  return (file: Record<Name, ComponentType>) => ({ default: file[name] });
}

export const pages: PageEntry[] = [
  {
    path: "/",
    ...page(() => import("./features/overview/overview")),
    menu: { word: "overview", icon: <DashboardOutlined /> },
  },
  {
    path: "/monitoring",
    ...page(() => import("./features/monitoring/monitoring")),
    menu: { word: "monitoring", icon: <LineChartOutlined /> },
  },
  {
    path: "/events",
    ...page(() => import("./features/events/events")),
    menu: { word: "events", icon: <ThunderboltOutlined /> },
  },
  {
    path: "/clients",
    ...page(() => import("./features/clients/clients")),
    menu: { word: "clients", group: "clientsGroup", icon: <ClusterOutlined /> },
  },
  { path: "/clients/:id", ...page(() => import("./features/clients/client")) },
  {
    path: "/subscriptions",
    ...page(() => import("./features/subscriptions/subscriptions")),
    menu: { word: "subscriptions", group: "clientsGroup", icon: <NotificationOutlined /> },
  },
  {
    path: "/groups",
    ...page(() => import("./features/groups/groups")),
    menu: { word: "groups", group: "clientsGroup", icon: <ShareAltOutlined /> },
  },
  {
    path: "/topics",
    ...page(() => import("./features/messages/messages").then(only("Topics"))),
    menu: { word: "topics", group: "clientsGroup", icon: <TagsOutlined /> },
  },
  {
    path: "/messages",
    ...page(() => import("./features/messages/messages").then(only("Messages"))),
    menu: { word: "messages", group: "clientsGroup", icon: <MailOutlined /> },
  },
  { path: "/messages/:id", ...page(() => import("./features/messages/message").then(only("MessagePage"))) },
  {
    path: "/retained",
    ...page(() => import("./features/retained/retained")),
    menu: { word: "retained", group: "clientsGroup", icon: <PushpinOutlined /> },
  },
  {
    path: "/web-socket",
    ...page(() => import("./features/web_socket/web_socket")),
    menu: { word: "webSocket", group: "clientsGroup", icon: <ApiOutlined /> },
  },
  {
    path: "/connections",
    ...page(() => import("./features/connections/connections")),
    menu: { word: "connections", group: "integration", icon: <LinkOutlined /> },
  },
  {
    path: "/connections/new",
    ...page(() => import("./features/connections/connection_form").then(only("NewConnection"))),
  },
  {
    path: "/connections/:name/edit",
    ...page(() => import("./features/connections/connection_form").then(only("EditConnection"))),
  },
  {
    path: "/tasks",
    ...page(() => import("./features/tasks/tasks")),
    menu: { word: "tasks", group: "integration", icon: <DeploymentUnitOutlined /> },
  },
  { path: "/tasks/new", ...page(() => import("./features/tasks/task_form").then(only("NewTask"))) },
  {
    path: "/tasks/:name/edit",
    ...page(() => import("./features/tasks/task_form").then(only("EditTask"))),
  },
  { path: "/tasks/:name", ...page(() => import("./features/tasks/task")) },
  {
    path: "/dead-letters",
    ...page(() => import("./features/dead_letters/dead_letters")),
    menu: { word: "deadLetters", group: "integration", icon: <ExceptionOutlined /> },
  },
  { path: "/imports", under: "/tasks", ...page(() => import("./features/tasks/imports")) },
  {
    path: "/users",
    ...page(() => import("./features/users/users")),
    menu: { word: "users", group: "access", icon: <UserOutlined /> },
  },
  {
    path: "/policies",
    ...page(() => import("./features/policies/policies")),
    menu: { word: "policies", group: "access", icon: <SafetyOutlined /> },
  },
  {
    path: "/block-rules",
    ...page(() => import("./features/rules/rules").then(only("BlockRules"))),
    menu: { word: "blockRules", group: "rules", icon: <StopOutlined /> },
  },
  {
    path: "/enrichment-rules",
    ...page(() => import("./features/rules/rules").then(only("EnrichmentRules"))),
    menu: { word: "enrichmentRules", group: "rules", icon: <PlusSquareOutlined /> },
  },
  {
    path: "/auto-subscriptions",
    ...page(() => import("./features/rules/rules").then(only("AutoSubscriptions"))),
    menu: { word: "autoSubscriptions", group: "rules", icon: <ThunderboltOutlined /> },
  },
  {
    path: "/administrators",
    ...page(() => import("./features/administrators/administrators")),
    menu: { word: "administrators", group: "administration", icon: <TeamOutlined /> },
  },
  {
    path: "/tokens",
    ...page(() => import("./features/tokens/tokens")),
    menu: { word: "tokens", group: "administration", icon: <KeyOutlined /> },
  },
  {
    path: "/audit",
    ...page(() => import("./features/audit/audit")),
    menu: { word: "audit", group: "administration", icon: <AuditOutlined /> },
  },
  {
    path: "/settings",
    ...page(() => import("./features/settings/settings")),
    menu: { word: "settings", group: "administration", icon: <SettingOutlined /> },
  },
  {
    path: "/about",
    ...page(() => import("./features/about/about")),
    menu: { word: "about", group: "administration", icon: <InfoCircleOutlined /> },
  },
];
