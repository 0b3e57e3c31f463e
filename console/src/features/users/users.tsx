import { marked, type Counted } from "../../api/counted";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { number } from "../../components/format";
import { useNames } from "../../components/names";
import { usePasswords } from "../../components/password";
import { useLanguage, useWords, words } from "../../words/language";
import { concernedBy } from "./concerned";

const own = words(
  {
    title: "Users",
    help: "MQTT users: who may connect. What they may do is said by policies. Administrators are something else.",
    create: "New user",
    empty: "Make a user for each kind of device and for each integration, then a policy that allows it something.",
    deletion: (sessions: string, connected: string, waiting: string) =>
      `Sessions of this user: ${sessions}, connected now: ${connected}. They end at once, with their subscriptions, wills and ${waiting} waiting messages.`,
    naming: (names: string) => `Policies that name it stay: ${names}.`,
    tasks: (names: string) => `Tasks that run as it wait then: ${names}.`,
    changed: "Who is connected stays so.",
    secret: "Password of",
  },
  {
    title: "用户",
    help: "MQTT 用户：谁可以连接。能做什么由策略决定。管理员是另一回事。",
    create: "新建用户",
    empty: "为每类设备和每个集成各建一个用户，再用策略授予权限。",
    deletion: (sessions: string, connected: string, waiting: string) =>
      `该用户的会话：${sessions}，当前在线：${connected}。它们会立即结束，订阅、遗嘱和 ${waiting} 条待投递消息一并清除。`,
    naming: (names: string) => `提到它的策略保留：${names}。`,
    tasks: (names: string) => `以它运行的任务此后将等待：${names}。`,
    changed: "已连接的客户端不受影响。",
    secret: "密码：",
  },
);

interface User {
  name: string;
  description: string;
  password?: string;
}

export default function Users() {
  const word = useWords(own);
  const language = useLanguage();
  const named = useNames();
  const passwords = usePasswords("/users/{name}", () => word.changed);
  const deletion = async ({ name }: User) => {
    const { sessions, connected, waiting, policies, tasks } = await concernedBy(name);
    const figure = (value: number) => marked(number(value, language), sessions.isCut);
    const listed = ({ items, isCut }: Counted<{ name: string }>) => named(items.map((item) => item.name), isCut);
    return (
      <>
        <p>{word.deletion(sessions.text, figure(connected), figure(waiting))}</p>
        {policies.items.length > 0 && <p>{word.naming(listed(policies))}</p>}
        {tasks.items.length > 0 && <p>{word.tasks(listed(tasks))}</p>}
      </>
    );
  };
  return (
    <>
      <Crud<User>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/users"
      one="/users/{name}"
      createSchema={schemaOf("createUser")}
      columns={[]}
      deletion={deletion}
        secret="password"
        secretTitle={word.secret}
        onlyNew={["password"]}
        more={({ name }) => passwords.button(name)}
      />
      {passwords.dialog}
    </>
  );
}
