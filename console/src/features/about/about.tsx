import { Card, Table } from "antd";
import licences from "../../api/licences.json";
import serverParts from "../../api/server_parts.json";
import { useGet } from "../../api/live";
import { Figures } from "../../components/figures";
import { time } from "../../components/format";
import { Page } from "../../components/page";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";

const own = words(
  {
    title: "About",
    help: "Sluice is under the Apache License 2.0.",
    version: "Version",
    node: "Node",
    started: "Started",
    api: "REST API",
    metrics: "Metrics",
    serverParts: "What the server is made of",
    serverPartsHelp: "Packages of Debian, in the versions that it was built with. Updates of shared libraries by Debian count from the next start on.",
    parts: "What this console is made of",
    licence: "Licence",
  },
  {
    title: "关于",
    help: "Sluice 采用 Apache License 2.0 许可。",
    version: "版本",
    node: "节点",
    started: "启动时间",
    api: "REST API",
    metrics: "指标",
    serverParts: "服务器使用的组件",
    serverPartsHelp: "均为 Debian 软件包，版本为构建时的版本。Debian 对共享库的更新在服务器下次启动后生效。",
    parts: "本控制台使用的组件",
    licence: "许可",
  },
);

interface Part {
  name: string;
  version: string;
  license: string;
}

function Parts({ parts }: { parts: Part[] }) {
  const word = useWords(own);
  const all = useWords(common);
  return (
    <Table
      className="narrow gap"
      size="small"
      rowKey={({ name, version }) => `${name} ${version}`}
      dataSource={parts}
      pagination={false}
      columns={[
        { title: all.name, dataIndex: "name" },
        { title: word.version, dataIndex: "version", render: (version: string) => version || "–" },
        { title: word.licence, dataIndex: "license" },
      ]}
    />
  );
}

export default function About() {
  const word = useWords(own);
  const language = useLanguage();
  const overview = useGet<{ node: string; version: string; started: string }>("/overview");
  return (
    <Page title={word.title} help={word.help} error={overview.error} isLoading={overview.isPending}>
      {overview.data && (
        <Card size="small" className="gap narrow">
          <Figures
            rows={[
              [word.version, overview.data.version],
              [word.node, overview.data.node],
              [word.started, time(overview.data.started, language)],
              [word.api, <a href="api/v1/openapi.yaml">openapi.yaml</a>],
              [word.metrics, <a href="metrics">/metrics</a>],
            ]}
          />
        </Card>
      )}
      <h2>{word.serverParts}</h2>
      <p className="quiet">{word.serverPartsHelp}</p>
      <Parts parts={serverParts} />
      <h2>{word.parts}</h2>
      <Parts parts={licences} />
    </Page>
  );
}
