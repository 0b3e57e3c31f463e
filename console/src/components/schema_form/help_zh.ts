// The server's help texts in Chinese, by what they are in English: one that the server says in other
// words has none until somebody gives it one, and help.test.ts names it. ADR 0066.
const chinese: Record<string, string> = {
  // connectors
  "Writes records as lines of JSON into files below the data directory.": "把记录以 JSON 行的形式写入数据目录下的文件。",
  "Sends records to an HTTP server, one or many in a request.": "把记录发送到 HTTP 服务器，每个请求一条或多条。",
  "Writes records to Apache Kafka, or to what speaks its protocol, and reads them there.": "把记录写入 Apache Kafka（或兼容其协议的系统），也从中读取。",
  "Publishes at an outside MQTT server, and brings in what is published there.": "向外部 MQTT 服务器发布消息，也把那里发布的消息引入本服务器。",

  // connections
  "Unique among connections.": "在所有连接中唯一。",
  "The kind of outside system.": "外部系统的类型。",
  "What it is called where it came from: imports fill it.": "它在原系统中的名称：导入时填写。",
  "Address and credentials: see the connector.": "地址与凭据：见该连接器。",
  "Where requests go: http:// or https://. Redirects are not followed.": "请求发往的地址：http:// 或 https://。不跟随重定向。",
  "Further headers of every request. Their values are secrets.": "每个请求附加的头部，其值按密钥处理。",
  "For basic authentication.": "用于基本认证。",
  "A bearer token, instead of user name and password.": "Bearer 令牌，代替用户名和密码。",
  "Certificates (PEM) of those who sign the server's. Empty: those the machine trusts.": "签发服务器证书的 CA 证书（PEM）。留空：本机信任的 CA。",
  "Certificates (PEM) of those who sign the server's certificate. Empty: those the machine trusts.": "签发服务器证书的 CA 证书（PEM）。留空：本机信任的 CA。",
  "Certificates (PEM) of those who sign the brokers' certificates. Empty: those the machine trusts.": "签发 broker 证书的 CA 证书（PEM）。留空：本机信任的 CA。",
  "Certificates (PEM) of those who sign that of `token_url`. Empty: those the machine trusts.": "签发 `token_url` 证书的 CA 证书（PEM）。留空：本机信任的 CA。",
  "Certificates (PEM) of those who sign that of `url`. Empty: those the machine trusts.": "签发 `url` 证书的 CA 证书（PEM）。留空：本机信任的 CA。",
  "This client's certificate (PEM), where the server asks for one.": "本客户端的证书（PEM），当服务器要求时使用。",
  "This client's certificate (PEM), where brokers ask for one.": "本客户端的证书（PEM），当 broker 要求时使用。",
  "The key of certificate_pem (PEM).": "certificate_pem 的私钥（PEM）。",
  "For a request and its answer.": "一次请求及其应答的时限。",
  "Brokers to begin with: host:port, several separated by commas.": "初始 broker 的地址：主机:端口，多个用逗号分隔。",
  "How the brokers' port is spoken to.": "与 broker 端口通信所用的协议。",
  "How user name and password are proven. OAUTHBEARER: they are a client's id and secret, for which `token_url` gives tokens.":
    "验证用户名和密码的机制。OAUTHBEARER：它们是客户端的 ID 和密钥，由 `token_url` 换取令牌。",
  "For SASL.": "用于 SASL。",
  "With OAUTHBEARER: where tokens are asked for, by client credentials. https://, and http:// with SASL_PLAINTEXT alone. Called as HTTP sinks call: see the setting connect.allowed_networks.":
    "用于 OAUTHBEARER：以客户端凭据获取令牌的地址。须为 https://；仅 SASL_PLAINTEXT 可用 http://。访问限制与 HTTP 目标相同：见设置 connect.allowed_networks。",
  "With OAUTHBEARER: the scope to ask for.": "用于 OAUTHBEARER：申请的 scope。",
  "Further properties of the client, by librdkafka's or Java's names. Only those on a list may be set.":
    "客户端的其他属性，使用 librdkafka 或 Java 客户端的名称。仅允许列表中的属性。",
  "The schema registry that belongs to this Kafka, for tasks with `map.schema`: one that speaks Confluent's REST API.":
    "与此 Kafka 配套的 Schema Registry，供带有 `map.schema` 的任务使用：须支持 Confluent 的 REST API。",
  "http:// or https://, with the path before `/subjects` where there is one. Called as HTTP sinks call: see the setting connect.allowed_networks.":
    "http:// 或 https://；如 `/subjects` 之前有路径，也一并填写。访问限制与 HTTP 目标相同：见设置 connect.allowed_networks。",
  "For Basic.": "用于 Basic 认证。",
  "For Bearer, instead of a user.": "用于 Bearer 认证，代替用户。",
  "How long one question may take.": "一次查询的时限。",
  "Name or address of the server.": "服务器的名称或地址。",
  "Its port: 1883, and 8883 for TLS, unless it says otherwise.": "服务器端口：默认 1883，TLS 为 8883。",
  "Whether it is TLS.": "是否使用 TLS。",
  "Of MQTT. 3.1.1 has no user properties: the loop guard does not see what passes.": "MQTT 版本。3.1.1 没有用户属性，环路保护看不到经过的消息。",
  "Empty: none.": "留空：不使用。",
  "Its password.": "其密码。",
  "So often at least something is said; a silent server counts as away after one and a half of it.": "至少每隔这么久通信一次；服务器静默超过其 1.5 倍即视为不可用。",

  // tasks
  "Unique among tasks.": "在所有任务中唯一。",
  "Whether it runs; `start` and `pause` change it.": "是否运行；由 `start` 和 `pause` 改变。",
  "`local`: a cursor over this server's log. Sources outside have fields of their own: see the connector.": "`local`：本服务器日志上的游标。外部源有各自的字段：见该连接器。",
  "Topic filters, merged in the order of the log. A message that several of them match is taken once.": "主题过滤器，按日志顺序合并。同一消息被多个过滤器匹配时只取一次。",
  "Where a new task begins: `now`, `earliest` (all that the log still holds), {\"time\": \"RFC 3339\"} or {\"position\": n}.":
    "新任务从何处开始：`now`、`earliest`（日志中仍保留的全部）、{\"time\": \"RFC 3339\"} 或 {\"position\": n}。",
  "The last that it takes; then it is `finished`. `now`, {\"time\": \"RFC 3339\"} (what was stored before it) or {\"position\": n} (that one, too); not in the future. `null`: it goes on for ever.":
    "处理到何处为止，之后状态为 `finished`。`now`、{\"time\": \"RFC 3339\"}（此前存储的）或 {\"position\": n}（含该条）；不能是将来。`null`：一直运行。",
  "The user that it runs as: it reads filters that this user's policies let it subscribe to, or publishes topics that they let it publish, and waits while they do not. Empty: policies are not asked.":
    "任务以哪个用户的身份运行：只读取该用户的策略允许订阅的过滤器，或只发布其允许发布的主题，不允许时等待。留空：不检查策略。",
  "Where messages come from.": "消息来自何处。",
  "This server.": "本服务器。",
  "Where records go: see the connector.": "记录写往何处：见该连接器。",
  "Where messages go: into this server's log, as if a client had published them.": "消息去往何处：写入本服务器的日志，如同客户端发布一样。",
  "Name or id of the connection.": "连接的名称或 ID。",
  "A condition that a message must meet, as SQL's WHERE: `$qos >= 1 AND payload.temperature > 20`. Others are passed over.":
    "消息须满足的条件，写法同 SQL 的 WHERE：`$qos >= 1 AND payload.temperature > 20`。不满足的跳过。",
  "A condition that what comes must meet, as SQL's WHERE: `payload.temperature > 20`. Others are passed over.":
    "收到的内容须满足的条件，写法同 SQL 的 WHERE：`payload.temperature > 20`。不满足的跳过。",
  "What a payload must be, behind `where` and before `map`; others are rejected.": "消息内容须满足的要求，在 `where` 之后、`map` 之前校验；不满足的被拒绝。",
  "A JSON Schema of draft 4, 6 or 7. References lead into it, not out of it.": "JSON Schema（draft 4、6 或 7）。引用只能指向其内部。",
  "How a message becomes a record.": "消息如何变成记录。",
  "How what comes becomes a message.": "收到的内容如何变成消息。",
  "The target topic, a template: `plant.${topic[1]}`.": "目标主题，可用模板：`plant.${topic[1]}`。",
  "The topic here, a template: `devices/${key}/commands`.": "本服务器上的主题，可用模板：`devices/${key}/commands`。",
  "The record's key, a template. Empty: no key, which needs `order: none`.": "记录的键，可用模板。留空：没有键，此时须设 `order: none`。",
  "`raw`: the payload, byte for byte. `envelope`: JSON with the payload in base 64 and all that is known of the message. `cloudevents`: a structured CloudEvent 1.0. {\"template\": \"...\"}.":
    "`raw`：原样的消息内容。`envelope`：JSON，含 Base64 编码的内容和消息的全部信息。`cloudevents`：结构化的 CloudEvent 1.0。{\"template\": \"...\"}：模板。",
  "`raw`: byte for byte as it came. {\"template\": \"...\"}.": "`raw`：与收到的完全一致。{\"template\": \"...\"}：模板。",
  "`all`, `none`, `cloudevents` (binary mode), or a list of {\"name\", \"value\"} with a template as value.":
    "`all`（全部）、`none`（无）、`cloudevents`（二进制模式），或 {\"name\", \"value\"} 的列表，值可用模板。",
  "`all`: those it came with, and headers as user properties. `none`. A list of {\"name\", \"value\"} with a template as value: these user properties alone.":
    "`all`：原有的属性，头部转为用户属性。`none`：无。{\"name\", \"value\"} 的列表（值可用模板）：仅这些用户属性。",
  "A jq program that makes the payload anew, before all else here: templates and `value` see its result. No result passes the message over.":
    "重新生成消息内容的 jq 程序，先于此处其他一切执行：模板和 `value` 看到的是其结果。没有结果则跳过该消息。",
  "Null: as it came, and 1 for records.": "不填：保持原样；记录为 1。",
  "Null: as it came, and false for records.": "不填：保持原样；记录为 false。",
  "Constants for the envelope's `metadata`.": "写入 envelope 的 `metadata` 的常量。",
  "Encoding by a schema registry, the last step: the value must be JSON by then. Needs a Kafka connection with `schema_registry`.":
    "由 Schema Registry 编码，是最后一步：此时值须为 JSON。需要带有 `schema_registry` 的 Kafka 连接。",
  "Decoding by a schema registry, the first step: values begin with a zero byte and the id of their schema, and become JSON. Needs a Kafka connection with `schema_registry`.":
    "由 Schema Registry 解码，是第一步：值以零字节和 schema 的 ID 开头，解码为 JSON。需要带有 `schema_registry` 的 Kafka 连接。",
  "What the values are.": "值的格式。",
  "What the value becomes. `json` stays JSON.": "值编码成的格式。`json` 仍为 JSON。",
  "Under what the registry knows the schema: `topic_name` is `<topic>-value`, `record_name` the full name of the record, `topic_record_name` `<topic>-<record>`.":
    "schema 在 registry 中的 subject：`topic_name` 为 `<topic>-value`，`record_name` 为记录的全名，`topic_record_name` 为 `<topic>-<record>`。",
  "Full name of the record. Protobuf: the message of the schema that is meant; empty, its first one. Otherwise needed where the subject is named after it and no `definition` says it.":
    "记录的全名。Protobuf：schema 中所指的消息，留空为第一个。其他格式：当 subject 以它命名且 `definition` 中没有时必填。",
  "The schema: its text, or a JSON object for Avro and JSON Schema. Null: the one that the registry has.": "schema 的文本；Avro 和 JSON Schema 也可为 JSON 对象。不填：使用 registry 中已有的。",
  "Whether `definition` is registered where it is not yet. Otherwise the task waits until somebody does.": "`definition` 尚未注册时是否由任务注册；否则任务等待他人注册。",
  "Which version of the subject, without `definition`. `latest` is asked for again every five minutes.": "没有 `definition` 时使用 subject 的哪个版本。`latest` 每五分钟重新查询。",
  "How a record names its schema. `prefix`: a zero byte and the schema's id before the value. `header`: the schema's GUID in the header `__value_schema_id`, the value as it is.":
    "记录如何指明其 schema。`prefix`：值之前加零字节和 schema 的 ID。`header`：在头部 `__value_schema_id` 中放 schema 的 GUID，值不变。",
  "Of `json`: whether values are held against the schema (draft 4, 6 or 7) before they are written.": "用于 `json`：写入前是否按 schema（draft 4、6 或 7）校验值。",
  "What is promised, and what happens when it cannot be kept at once.": "投递的保证，以及暂时无法做到时的处理。",
  "`exactly_once`: records and the task's place in one transaction, for readers with `isolation.level=read_committed`; sinks of type `kafka` alone. `best_effort` alone may use `acks` other than `all`.":
    "`exactly_once`：记录与任务进度在同一事务中提交，读取方须设 `isolation.level=read_committed`；仅限 `kafka` 目标。只有 `best_effort` 可使用 `all` 以外的 `acks`。",
  "A message may come twice when the server is killed, and is never left out.": "服务器被强行终止时消息可能重复，但不会遗漏。",
  "What arrives in the order of the log; the key must be a function of it.": "按什么保持日志顺序；键须由它决定。",
  "Threads that share the task's work, by a hash of what order is kept by.": "分担任务的线程数，按保序依据的哈希分配。",
  "The most records handed over that the saved cursor does not cover yet: so many may arrive twice when the server is killed.":
    "已交付但尚未计入已保存进度的记录数上限：服务器被强行终止时，最多有这么多条重复。",
  "Waiting times while the other side is away.": "对端不可用时的等待时间。",
  "The first wait; each next one is twice as long, with jitter.": "首次等待；之后每次加倍，并带随机抖动。",
  "The longest wait.": "最长的等待。",
  "A message that the other side has sent back for so long is treated as rejected. Time without an answer does not count.":
    "对端持续退回这么久的消息按被拒绝处理。没有应答的时间不计入。",
  "What becomes of a message that can never be delivered as it stands.": "以现状永远无法投递的消息如何处理。",
  "Where each dead letter goes besides, once it is kept. Null: nowhere.": "每条死信保存之后另外发往何处。Null：不另外发送。",
  "`local`: a topic of this server. Or the type of a connection, `kafka` or `mqtt`.":
    "`local`：本服务器的主题；或连接的类型：`kafka`、`mqtt`。",
  "Name or id of the connection; none with `local`.": "连接的名称或 ID；`local` 时不填。",
  "The topic there, a template: `letters/${topic}`.": "目标主题，为模板：`letters/${topic}`。",
  "What a `sink` of this type may say besides: see the connector. Null: its defaults.":
    "该类型的 `sink` 可另外指定的内容：见该连接器。Null：采用默认值。",
  "When there is no room for another dead letter: `wait`, or drop this task's oldest.": "死信空间已满时：`wait`（等待），或丢弃该任务最早的死信。",
  "What becomes of a message whose MQTT expiry has passed before delivery.": "投递前已超过 MQTT 过期时间的消息如何处理。",
  "What happens when messages come faster than they go. `buffer`: all wait in the log. `block`: beyond `backlog_bytes` who publishes for the task is read no further. `shed_oldest`: what is further back than `backlog_bytes` is passed over, counted in `shed`. `shed_qos0`: of that, only what was published with QoS 0.":
    "消息来得比投递快时如何处理。`buffer`：全部在日志中等待。`block`：超过 `backlog_bytes` 后，不再读取为此任务发布消息的客户端。`shed_oldest`：跳过比 `backlog_bytes` 更早的消息，计入 `shed`。`shed_qos0`：其中仅跳过以 QoS 0 发布的。",
  "How much log, with what other topics have in it, may lie between a message and the newest one before `backpressure` blocks or sheds.":
    "一条消息与最新消息之间的日志量（含其他主题）超过多少时，`backpressure` 开始阻塞或丢弃。",
  "Messages that are older when they are read are passed over.": "读取时比这更早的消息会被跳过。",
  "How a back-log goes out, once its next message is older than 5 s, until the task has caught up. `in_order`: as fast as the other side takes it. {\"rate\": n}: in order, no more than n messages a second. `fresh_first`: what comes goes before it, which needs `order: none`.":
    "积压如何投递：从下一条消息超过 5 秒起，直到任务追上为止。`in_order`：按序，对端能收多快就多快。{\"rate\": n}：按序，每秒不超过 n 条。`fresh_first`：新消息优先，须设 `order: none`。",
  "How much log this task may hold back from retention, at most `store.retention.hold.tasks` of the server; without it, that much.":
    "此任务可阻止清理的日志量，最多为服务器的 `store.retention.hold.tasks`；不填即为该值。",
  "How long a pause waits for what is in flight; not when the other side has been out of reach for 5 s.": "暂停时等待在途消息的时间；对端已 5 秒不可达时不等待。",

  // targets and sources
  "Files go to DATA/files/FOLDER, and nowhere else. Tasks may share one.": "文件只写入 DATA/files/目录。多个任务可共用一个目录。",
  "A line is the whole `record` as JSON, or its `value` alone.": "每行是整条 `record` 的 JSON，或仅其 `value`。",
  "A file ends when it has so many bytes.": "文件达到此大小时结束。",
  "And when it is so old.": "或存在这么久时结束。",
  "The task waits while the folder holds so much, until somebody takes files away.": "目录达到此大小时任务等待，直到有人取走文件。",
  "Of the request.": "请求的方法。",
  "The body is a JSON array of whole `record`s, or the `value` of one record alone.": "请求体是整条 `record` 的 JSON 数组，或单条记录的 `value`。",
  "With the format `value`: what the body is.": "格式为 `value` 时：请求体的内容类型。",
  "The most records of a request. A request waits for no others.": "每个请求的最大记录数。请求不会为凑满而等待。",
  "A request ends when its body has so many bytes.": "请求体达到此大小时发出。",
  "Of batches.": "批次的压缩方式。",
  "Whose acknowledgement counts: `all` in-sync replicas, the leader (`1`), nobody (`0`).": "以谁的确认为准：`all`（全部同步副本）、leader（`1`）、无（`0`）。",
  "How long a batch waits for more records.": "批次等待更多记录的时间。",
  "The largest batch; never more than the topic takes.": "批次的最大字节数；不会超过主题允许的大小。",
  "Memory for records on their way.": "在途记录可用的内存。",
  "Stands before the client id that the brokers see.": "加在 broker 所见的客户端 ID 之前。",
  "How to make the topic when it is missing. Without it the task waits for it.": "主题不存在时如何创建。不填：任务等待主题出现。",
  "-1: the broker's default.": "-1：使用 broker 的默认值。",
  "How long Kafka keeps records; null: the broker's default.": "Kafka 保留记录的时间；不填：使用 broker 的默认值。",
  "Whether that server keeps them as retained messages. Null: as they were published here, where `map.headers` is `all`, and false otherwise.":
    "对端是否将其作为保留消息。不填：`map.headers` 为 `all` 时与此处发布时一致，否则为 false。",
  "Who this server is there. Empty: the task's worker and the end of the task's id.": "本服务器在对端使用的客户端 ID。留空：由任务的工作线程和任务 ID 的末尾组成。",
  "Topics to read, by their names.": "要读取的主题名称。",
  "The consumer group. Empty: `group-<connection>-<task>`.": "消费组。留空：`group-<连接>-<任务>`。",
  "Where the group begins in partitions of which it has no place yet: `now`, `earliest` or {\"time\": \"RFC 3339\"}.":
    "消费组在尚无位点的分区中从何处开始：`now`、`earliest` 或 {\"time\": \"RFC 3339\"}。",
  "Memory for records that are read ahead.": "预读记录可用的内存。",
  "Topic filters at that server.": "对端服务器上的主题过滤器。",
  "Of the subscriptions. 0: what is on its way when a connection breaks is lost.": "订阅的 QoS。0：连接中断时在途的消息会丢失。",
  "Whether it subscribes as a member of a group, so that several servers can share the messages.": "是否作为共享组成员订阅，使多台服务器分担消息。",
  "The group's name. Empty: `group-<connection>-<task>`.": "共享组名称。留空：`group-<连接>-<任务>`。",
  "When the server there is told: once a message is durable here, or once the tasks in `delivered_by` have delivered it.":
    "何时向对端确认：消息在本服务器落盘之后，或在 `delivered_by` 中的任务投递之后。",
  "With `delivered`: names or ids of tasks from this server's log. What a task's filters do not match it need not deliver.":
    "配合 `delivered`：读取本服务器日志的任务的名称或 ID。任务的过滤器不匹配的消息无需其投递。",
  "Who this server is there, always the same. Empty: `sluice-<node>-<task id>`.": "本服务器在对端固定使用的客户端 ID。留空：`sluice-<节点>-<任务 ID>`。",
  "How long that server keeps messages while nobody reads them (MQTT 5; with 3.1.1 as long as it likes).": "无人读取时对端保留消息的时间（MQTT 5；3.1.1 由对端决定）。",
  "How many may be on their way and not acknowledged (MQTT 5).": "允许在途而未确认的消息数（MQTT 5）。",
  "What is larger is not asked for (MQTT 5), or ends the connection.": "更大的报文不会被请求（MQTT 5），否则会断开连接。",
  "Memory for messages that have come and wait: then no more are read.": "已收到而等待处理的消息可用的内存：用满后暂停读取。",

  // who may
  "Who logs in. Stays as it is.": "登录名。创建后不能修改。",
  "viewer: reads everything but secrets; operator: acts, too, on what there is; administrator: everything.": "viewer：可读除密钥外的一切；operator：还可操作现有对象；administrator：可做任何事。",
  "Without one, or with null, one is made and shown in this answer alone.": "不填则自动生成，且仅显示这一次。",
  "For people.": "供人阅读。",
  "Unique.": "唯一。",
  "At most the role of who makes it; it never may more than its owner does then.": "最高为创建者的角色；其权限永远不超过所有者当时的权限。",
  "How long it holds.": "有效时长。",
  "The parts of the API that it is for, the first words of paths; empty: all.": "可访问的 API 部分，即路径的第一段；留空：全部。",
  "The MQTT user name. Unique.": "MQTT 用户名，唯一。",
  "Made and shown once when there is none.": "不填则自动生成，且仅显示一次。",
  "Any matching deny wins over any allow; nothing matching is denied.": "任何匹配的拒绝优先于允许；没有匹配的一律拒绝。",
  "What it is about.": "涉及的操作。",
  "Topic filters; ${client_id} (%c) and ${username} (%u) stand for the client's own. Not needed when the only operation is connect.":
    "主题过滤器；${client_id}（%c）和 ${username}（%u）代表客户端自身的值。仅有 connect 操作时不需要。",
  "User names it concerns; may end in *. Empty: any.": "适用的用户名，可以 * 结尾。留空：任何用户。",
  "Client ids it concerns; may end in *. Empty: any.": "适用的客户端 ID，可以 * 结尾。留空：任何客户端。",
  "Addresses or ranges (CIDR) of the client. Empty: any.": "客户端的地址或网段（CIDR）。留空：任何地址。",
  "Names of the listeners through which the client comes, as the settings have them; may end in *. `admin`: publishing by REST. Empty: any.":
    "客户端所经监听器的名称，与设置中一致，可以 * 结尾。`admin`：通过 REST 发布。留空：任何监听器。",
  "QoS levels of a publish or a subscription.": "发布或订阅的 QoS 等级。",
  "Of a publish: with the retain flag, without it.": "发布的类型：带或不带 retain 标志。",
  "What it wants to do; `receive`: a message of a topic, through a subscription that it has.": "要进行的操作；`receive`：通过已有订阅接收某主题的消息。",
  "The topic, or the filter of a subscription. Not with connect.": "主题，或订阅的过滤器。connect 时不填。",
  "Its user name. Left out: it has none.": "其用户名。不填：没有用户名。",
  "Its client id.": "其客户端 ID。",
  "From which address. Left out: one that cannot be read, which the `sources` of a deny match, and those of an allow do not.":
    "来自哪个地址。不填：按无法识别的地址处理，与拒绝策略的 `sources` 匹配，与允许策略的不匹配。",
  "Through which listener; `admin`: publishing by REST. Left out: it is not known, which the `listeners` of a deny match, and those of an allow do not.":
    "经哪个监听器；`admin`：通过 REST 发布。不填：按未知处理，与拒绝策略的 `listeners` 匹配，与允许策略的不匹配。",
  "Of the publish or the subscription.": "发布或订阅的 QoS。",
  "Whether the publish has the retain flag.": "发布是否带 retain 标志。",

  // rules
  "What of a client is looked at.": "依据客户端的哪一项。",
  "Who is kept out: a client id or user name, in which * stands for any characters and ? for one; or an address or range (CIDR).":
    "拦截谁：客户端 ID 或用户名，* 代表任意字符，? 代表一个字符；或地址、网段（CIDR）。",
  "Who may come all the same, written like `value`.": "仍允许连接的例外，写法同 `value`。",
  "When it ends: RFC 3339 in UTC, 2026-03-01T12:00:00Z. null: it does not.": "结束时间：RFC 3339（UTC），如 2026-03-01T12:00:00Z。不填：不结束。",
  "Whether it is in use.": "是否启用。",
  "Where several rules say the same of a message, the one with the lowest number counts.": "多条规则对同一消息有相同设置时，数字最小的生效。",
  "Only messages on topics that one of these filters matches. Empty: any.": "仅限与这些过滤器之一匹配的主题的消息。留空：任何主题。",
  "Only messages of these users; * stands for any characters, ? for one. Empty: any.": "仅限这些用户的消息；* 代表任意字符，? 代表一个字符。留空：任何用户。",
  "Only messages of clients with these ids; * and ? as above. Empty: any.": "仅限这些客户端 ID 的消息；* 和 ? 同上。留空：任何客户端。",
  "Seconds until the message is not delivered any more. null: as published.": "多少秒后不再投递该消息。不填：与发布时一致。",
  "The response topic; ${client_id}, ${username}, ${host} and ${topic} stand for the publisher's. null: as published.":
    "响应主题；${client_id}、${username}、${host} 和 ${topic} 代表发布者的值。不填：与发布时一致。",
  "The correlation data, a text with the same variables. null: as published.": "关联数据，文本，可用相同变量。不填：与发布时一致。",
  "User properties, at most 10, each a text with the same variables. Those that the publisher gave by the same name are taken away.":
    "用户属性，最多 10 个，每个为文本，可用相同变量。发布者给出的同名属性会被移除。",
  "Unique: clients subscribe to $share/{name}/{filter}. It does not change.": "唯一：客户端订阅 $share/{name}/{filter}。创建后不能修改。",
  "To which member a message goes; `default`: as mqtt.group_strategy says.": "消息分配给哪个成员；`default`：按 mqtt.group_strategy 的设置。",
  "With hash_client_id and hash_topic: so many seconds after a member has come or gone the others leave it its share, which waits meanwhile if it has gone. 0: at once.":
    "用于 hash_client_id 和 hash_topic：成员加入或离开后的这么多秒内，其他成员保留其份额；若它已离开，该份额在此期间等待。0：立即重新分配。",
  "What they are subscribed to; ${client_id} (%c) and ${username} (%u) stand for the client's own. $share/{group}/{filter} joins a group.":
    "为其订阅的过滤器；${client_id}（%c）和 ${username}（%u）代表客户端自身的值。$share/{group}/{filter} 加入共享组。",
  "The QoS that they are granted.": "授予的 QoS。",
  "Whether they do not get what they publish themselves.": "是否不接收自己发布的消息。",
  "Whether messages keep their retain flag.": "消息是否保留其 retain 标志。",
  "Only clients of these users; * stands for any characters, ? for one. Empty: any.": "仅限这些用户的客户端；* 代表任意字符，? 代表一个字符。留空：任何用户。",
  "Only clients with these ids; * and ? as above. Empty: any.": "仅限这些客户端 ID；* 和 ? 同上。留空：任何客户端。",

  // messages
  "The topic name.": "主题名称。",
  "The payload as text.": "文本形式的消息内容。",
  "The payload as base 64: instead of `payload`.": "Base64 形式的消息内容：代替 `payload`。",
  "Quality of service.": "服务质量。",
  "Keep it as the topic's retained message.": "作为该主题的保留消息。",
  "The MQTT user whose policies decide; a user who calls may only name itself. Without one an administrator's own right does: every topic but those that begin with `$`.":
    "以哪个 MQTT 用户的策略判断；用户调用时只能是自己。不填则按管理员自身的权限：除 `$` 开头以外的任何主题。",
  "Shown as the publisher. Of a user who calls: its name when left out.": "显示为发布者。用户调用时不填即为其用户名。",
  "MQTT 5 property.": "MQTT 5 属性。",
  "MQTT 5 property, as base 64.": "MQTT 5 属性，Base64 形式。",
  "MQTT 5 property, in seconds.": "MQTT 5 属性，单位为秒。",
  "MQTT 5 payload format indicator: the payload is UTF-8.": "MQTT 5 内容格式标识：消息内容为 UTF-8。",
  "MQTT 5 user properties by name.": "MQTT 5 用户属性，按名称。",
  "Other schemas of the registry that `definition` refers to, by the name by which it does: a full name of Avro, a file that Protobuf imports, the `$ref` of JSON.":
    "`definition` 所引用的注册表中的其他 schema，按其引用名：Avro 的全名、Protobuf 导入的文件、JSON 的 `$ref`。",
  "Under what the registry has it.": "它在注册表中的 subject。",
  "Which version of the subject.": "该 subject 的哪个版本。",
};

export default chinese;
