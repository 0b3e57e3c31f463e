import { Input, Table, Tag } from "antd";
import { useState } from "react";
import type { Page as ListPage } from "../../api/client";
import { useGet } from "../../api/live";
import { Page } from "../../components/page";
import { textOf } from "../../components/schema_form/schema";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Settings",
    help: "What holds now, and where each value comes from. They are changed in the settings file, by the environment or on the command line.",
    origin: "From",
    reload: "Changes",
    reloadable: "by SIGHUP",
    restart: "at a restart",
  },
  {
    title: "设置",
    help: "当前生效的设置及其来源。可通过配置文件、环境变量或命令行修改。",
    origin: "来源",
    reload: "生效方式",
    reloadable: "SIGHUP 后",
    restart: "重启后",
  },
);

interface Setting {
  name: string;
  value: unknown;
  origin: string;
  reloadable: boolean;
}

export default function Settings() {
  const word = useWords(own);
  const all = useWords(common);
  const [wanted, setWanted] = useState("");
  const settings = useGet<ListPage<Setting>>("/settings");
  const shown = settings.data?.items.filter(({ name, origin }) => `${name} ${origin}`.includes(wanted));
  return (
    <Page title={word.title} help={word.help} error={settings.error}>
      <div className="filters">
        <Input.Search allowClear aria-label={all.search} placeholder={all.search} onChange={(event) => setWanted(event.target.value.trim())} />
      </div>
      <Table<Setting>
        size="small"
        rowKey="name"
        loading={settings.isPending}
        dataSource={shown}
        pagination={false}
        scroll={{ x: "max-content" }}
        columns={[
          { title: all.name, render: (_, { name }) => <code>{name}</code> },
          { title: all.value, render: (_, { value }) => <div className="reason">{textOf(value)}</div> },
          { title: word.origin, render: (_, { origin }) => (origin === "default" ? origin : <Tag>{origin}</Tag>) },
          { title: word.reload, render: (_, { reloadable }) => (reloadable ? word.reloadable : word.restart) },
        ]}
      />
    </Page>
  );
}
