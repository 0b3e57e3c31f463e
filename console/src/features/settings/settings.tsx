import { Button, Empty, Form, Input, Modal, Space, Table, Tag } from "antd";
import { useState } from "react";
import { api, type Page as ListPage } from "../../api/client";
import { useGet } from "../../api/live";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { Page } from "../../components/page";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { textOf, valueOf } from "../../components/schema_form/schema";
import { covers, wrongAt } from "../../components/schema_form/wrong";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Settings",
    help: "What holds now, and where each value comes from. What can change while running is changed here, too, and stands over the settings file; the rest there, by the environment or on the command line.",
    noneFound: (wanted: string) => `No setting has “${wanted}” in its name or in where it comes from.`,
    showAll: "Show all settings",
    origin: "From",
    reload: "Changes",
    reloadable: "while running",
    restart: "at a restart",
    valueHelp: "Text, a number with its unit, or JSON. It holds at once, and over restarts.",
    takeBack: "Take back",
    takeBackText: (name: string) => `1 change is taken back: ${name} is again what the settings file says, or its default.`,
    changed: (name: string) => `${name} is changed`,
  },
  {
    title: "设置",
    help: "当前生效的设置及其来源。可在运行时修改的设置也可以在此修改，优先于配置文件；其余的通过配置文件、环境变量或命令行修改。",
    noneFound: (wanted: string) => `没有名称或来源包含“${wanted}”的设置。`,
    showAll: "显示全部设置",
    origin: "来源",
    reload: "生效方式",
    reloadable: "运行时",
    restart: "重启后",
    valueHelp: "文本、带单位的数字或 JSON。立即生效，重启后仍然有效。",
    takeBack: "撤销修改",
    takeBackText: (name: string) => `将撤销 1 项修改：${name} 恢复为配置文件中的值或默认值。`,
    changed: (name: string) => `${name} 已修改`,
  },
);

interface Setting {
  name: string;
  value: unknown;
  origin: string;
  reloadable: boolean;
}

const changedHere = "PATCH /settings"; // an origin

// {"mqtt": {"groups": 5}} for `mqtt.groups`.
export function patchOf(name: string, value: unknown): Record<string, unknown> {
  return name.split(".").reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Record<string, unknown>;
}

function Change({ setting, onClose }: { setting: Setting; onClose: () => void }) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const [text, setText] = useState(textOf(setting.value));
  const [error, setError] = useState<unknown>();
  // `/mqtt/groups`, or what is in it.
  const pointer = `/${setting.name.replaceAll(".", "/")}`;
  const problems = fieldsOf(error);
  const shown = problems.map((problem) => problem.pointer).filter((other) => covers(pointer, other));
  useFirstWrong(error);
  const save = async () => {
    setError(undefined);
    try {
      await api.patch("/settings", { body: patchOf(setting.name, valueOf(text) ?? "") });
      await act(async () => undefined, word.changed(setting.name));
      onClose();
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Modal open title={setting.name} okText={all.save} cancelText={all.cancel} onOk={() => void save()} onCancel={onClose}>
      <ProblemAlert error={error} shown={shown} />
      <Form layout="vertical">
        <Form.Item label={all.value} htmlFor="setting-value" extra={word.valueHelp} {...wrongAt(problems, pointer)}>
          <Input.TextArea
            id="setting-value"
            className="code"
            spellCheck={false}
            rows={2}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function NoneFound({ wanted, onAll }: { wanted: string; onAll: () => void }) {
  const word = useWords(own);
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={word.noneFound(wanted)}>
      <Button onClick={onAll}>{word.showAll}</Button>
    </Empty>
  );
}

export default function Settings() {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const confirm = useConfirm();
  const mayChange = useMay("administrator");
  const [typed, setTyped] = useState("");
  const wanted = typed.trim();
  const [changing, setChanging] = useState<Setting>();
  const takeBack = async ({ name }: Setting) => {
    if (await confirm({ title: `${word.takeBack}: ${name}?`, content: word.takeBackText(name), ok: word.takeBack }))
      await act(() => api.patch("/settings", { body: patchOf(name, null) }), word.changed(name));
  };
  const settings = useGet<ListPage<Setting>>("/settings");
  const shown = settings.data?.items.filter(({ name, origin }) => `${name} ${origin}`.includes(wanted));
  return (
    <Page title={word.title} help={word.help} error={settings.error}>
      <div className="filters">
        <Input.Search allowClear aria-label={all.search} placeholder={all.search} value={typed} onChange={(event) => setTyped(event.target.value)} />
      </div>
      <Table<Setting>
        size="small"
        rowKey="name"
        loading={settings.isPending}
        dataSource={shown}
        pagination={false}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: wanted && <NoneFound wanted={wanted} onAll={() => setTyped("")} /> }}
        columns={[
          { title: all.name, render: (_, { name }) => <code>{name}</code> },
          { title: all.value, render: (_, { value }) => <div className="reason">{textOf(value)}</div> },
          { title: word.origin, render: (_, { origin }) => (origin === "default" ? origin : <Tag>{origin}</Tag>) },
          { title: word.reload, render: (_, { reloadable }) => (reloadable ? word.reloadable : word.restart) },
          {
            key: "actions",
            align: "right",
            render: (_, setting) =>
              mayChange &&
              setting.reloadable && (
                <Space>
                  {setting.origin === changedHere && (
                    <Button
                      size="small"
                      aria-label={`${word.takeBack}: ${setting.name}`}
                      onClick={() => void takeBack(setting)}
                    >
                      {word.takeBack}
                    </Button>
                  )}
                  <Button
                    size="small"
                    aria-label={`${all.edit}: ${setting.name}`}
                    onClick={() => setChanging(setting)}
                  >
                    {all.edit}
                  </Button>
                </Space>
              ),
          },
        ]}
      />
      {changing && <Change setting={changing} onClose={() => setChanging(undefined)} />}
    </Page>
  );
}
