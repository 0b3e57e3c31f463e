import { Tag } from "antd";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Administrators",
    help: "Accounts of this console, REST and the command line. A viewer reads; an operator acts on what there is; an administrator does everything.",
    create: "New administrator",
    empty: "",
    role: "Role",
    deletion: "Its logins and tokens end at once. The audit keeps what it did.",
    secret: "Password of",
  },
  {
    title: "管理员",
    help: "本控制台、REST 和命令行的账号。viewer 只读；operator 可操作现有对象；administrator 可做任何事。",
    create: "新建管理员",
    empty: "",
    role: "角色",
    deletion: "它的登录和令牌立即失效。审计保留其操作记录。",
    secret: "密码：",
  },
);

interface Administrator {
  name: string;
  role: string;
  description: string;
  password?: string;
}

export default function Administrators() {
  const word = useWords(own);
  const all = useWords(common);
  return (
    <Crud<Administrator>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/administrators"
      one="/administrators/{name}"
      createSchema={schemaOf("createAdministrator")}
      filters={[
        { name: "name", label: all.name },
        { name: "role", label: word.role, options: ["viewer", "operator", "administrator"] },
      ]}
      columns={[
        { title: word.role, render: (_, { role }) => <Tag>{role}</Tag> },
        { title: all.description, dataIndex: "description" },
      ]}
      deletion={() => word.deletion}
      secret="password"
      secretTitle={word.secret}
    />
  );
}
