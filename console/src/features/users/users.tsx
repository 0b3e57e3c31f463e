import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Users",
    help: "MQTT users: who may connect. What they may do is said by policies. Administrators are something else.",
    create: "New user",
    empty: "Make a user for each kind of device and for each integration, then a policy that allows it something.",
    deletion: "Its sessions end at once, with their subscriptions, queues and wills. Policies that name it stay.",
    secret: "Password of",
  },
  {
    title: "用户",
    help: "MQTT 用户：谁可以连接。能做什么由策略决定。管理员是另一回事。",
    create: "新建用户",
    empty: "为每类设备和每个集成各建一个用户，再用策略授予权限。",
    deletion: "它的会话会立即结束，订阅、队列和遗嘱一并清除。提到它的策略保留。",
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
  const all = useWords(common);
  return (
    <Crud<User>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/users"
      one="/users/{name}"
      createSchema={schemaOf("createUser")}
      columns={[{ title: all.description, dataIndex: "description" }]}
      deletion={() => word.deletion}
      secret="password"
      secretTitle={word.secret}
    />
  );
}
