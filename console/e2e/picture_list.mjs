// What pictures.mjs shows: a name, a page, what is done there first, and from where on, if not from
// the top. One without a path goes on where the one before it stopped, so their order matters; a
// name alone takes those that begin so.
const button = (page, name) => page.getByRole("button", { name, exact: true });
const chosen = (page, name) => page.getByRole("button", { name: new RegExp(`^${name}`) });
const later = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const row = (page, name) => page.getByRole("row").filter({ hasText: name }).first();

// The menu behind the three dots of a row.
async function fromMenu(page, name, item) {
  await page.getByRole("button", { name: `${name}: …` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

// By REST, with the login of the page; there is one already in the second theme.
const makeConnection = (page, document) =>
  page.evaluate(
    (body) =>
      fetch("/api/v1/connections?verify=false", { method: "POST", headers: { "Content-Type": "application/json" }, body }),
    JSON.stringify(document),
  ).then(() => page.reload());

async function expand(page, text) {
  await row(page, text).getByRole("button", { name: "Expand row" }).click();
}

const meters = { topic: "stations/st-004/readings", payload: '{"watts": 11000, "volts": 231}' };

async function toTheTarget(page) {
  await button(page, "Next").click();
  await chosen(page, "kafka").click();
  await page.getByLabel("Connection").click();
  await page.getByTitle(/^kafka-main/).click();
  await page.locator(".schema-form").getByLabel("Topic", { exact: true }).fill("power");
  await page.locator(".schema-form").getByLabel("Key", { exact: true }).fill("${client_id}");
}

export const pictures = [
  { name: "overview", path: "", act: () => later(20) },
  { name: "events", path: "events" },
  { name: "clients", path: "clients" },
  { name: "client", path: "clients/gateway-north" },
  {
    name: "subscriptions",
    path: "subscriptions",
    act: (page) => page.getByRole("searchbox", { name: "Topic that is matched" }).fill("stations/st-004/sessions"),
  },
  { name: "groups", path: "groups", act: (page) => expand(page, "billing") },
  {
    name: "topics",
    path: "topics",
    act: async (page) => {
      await page.getByRole("combobox", { name: "Levels" }).click({ force: true });
      await page.getByTitle("3", { exact: true }).click();
    },
  },
  {
    name: "messages",
    path: "messages",
    act: async (page) => {
      await page.getByRole("searchbox", { name: "Topic filter" }).fill("stations/+/sessions");
      await later(1);
      await page.getByRole("cell", { name: /stations\/st-\d+\/sessions/ }).first().waitFor();
    },
  },
  {
    name: "message",
    act: async (page) => {
      await page.locator("td a").first().click();
      await page.getByText("What happened to it").waitFor();
      await later(2);
    },
  },
  {
    name: "publish",
    path: "messages",
    act: async (page) => {
      await page.getByRole("button", { name: "Publish" }).click();
      const drawer = page.getByRole("dialog");
      await drawer.getByLabel("Topic", { exact: true }).fill("stations/st-004/commands/limit");
      await drawer.getByLabel("Payload", { exact: true }).fill('{"watts": 7400}');
    },
  },
  { name: "retained", path: "retained", act: (page) => expand(page, "st-004") },
  {
    name: "web-socket",
    path: "web-socket",
    act: async (page, { ws }) => {
      const panel = page.getByRole("tabpanel");
      await panel.getByLabel("Address").fill(ws);
      await panel.getByLabel("Client id").fill("dashboard-1");
      await panel.getByLabel("User", { exact: true }).fill("dashboard");
      await panel.getByLabel("Password").fill("a-long-secret-4");
      await panel.getByRole("button", { name: "Connect", exact: true }).click();
      await panel.getByLabel("Topic filter").fill("stations/+/sessions");
      await panel.getByRole("button", { name: "Subscribe", exact: true }).click();
      await panel.getByLabel("Topic", { exact: true }).fill("test/hello");
      await later(6);
    },
  },
  { name: "connections", path: "connections" },
  { name: "connection-type", path: "connections/new" },
  {
    name: "connection-settings",
    act: async (page) => {
      await chosen(page, "kafka").click();
      await page.getByLabel("Name", { exact: true }).fill("plant");
      await page.getByLabel("Bootstrap servers").fill("127.0.0.1:9");
    },
  },
  {
    name: "connection-refused",
    act: async (page) => {
      await button(page, "Next").click();
      await page.getByText("Something does not work yet").waitFor();
    },
  },
  {
    name: "connection-verified",
    act: async (page, { kafka }) => {
      await button(page, "Back").click();
      await page.getByLabel("Bootstrap servers").fill(kafka);
      await button(page, "Next").click();
      await page.getByText("Everything works").waitFor();
    },
  },
  {
    name: "connection-delete",
    path: "connections",
    act: (page) => fromMenu(page, "kafka-main", "Delete"),
  },
  { name: "tasks", path: "tasks" },
  {
    name: "task-basics",
    path: "tasks/new",
    act: async (page) => {
      await page.getByLabel("Name", { exact: true }).fill("power");
      await page.getByLabel("Description", { exact: true }).fill("Readings above 10 kW");
    },
  },
  {
    name: "task-source",
    act: async (page) => {
      await button(page, "Next").click();
      await page.getByLabel("Topic filters").fill("stations/+/readings, plant/#,");
    },
  },
  {
    name: "task-process",
    act: async (page) => {
      await button(page, "Next").click();
      await page.getByLabel("Only messages that meet a condition").fill("payload.watts > 10000");
      await page.getByLabel("Topic", { exact: true }).fill(meters.topic);
      await page.getByLabel("Payload", { exact: true }).fill(meters.payload);
      await page.getByText("mqtt.topic").waitFor();
    },
  },
  { name: "task-target", act: async (page) => { await toTheTarget(page); await later(1); } },
  {
    name: "task-right",
    act: async (page) => {
      await button(page, "Check the right to write").click();
      await page.getByText("Everything works").waitFor();
    },
    from: (page) => page.locator("label[for=task-connection]"),
  },
  { name: "task", path: "tasks/readings", act: () => later(20) },
  {
    name: "task-history",
    from: (page) => page.getByText("The last day", { exact: true }),
  },
  { name: "task-waiting", path: "tasks/readings-to-second-site", act: () => later(10) },
  {
    name: "task-letters",
    path: "tasks/sessions?tab=letters",
    act: (page) => page.getByRole("button", { name: "Expand row" }).first().click(),
  },
  { name: "dead-letters", path: "dead-letters" },
  { name: "task-seek", path: "tasks", act: (page) => fromMenu(page, "readings", "Go to another place") },
  { name: "task-delete", path: "tasks", act: (page) => fromMenu(page, "readings-to-second-site", "Delete") },
  {
    name: "import",
    path: "imports",
    act: async (page, { kafka }) => {
      const integration = {
        name: "Plant telemetry", type: "KAFKA", enabled: true, additionalInfo: { description: "As in TBMQ" },
        configuration: {
          metadata: { site: "north" }, topicFilters: ["plant/+/telemetry"],
          clientConfiguration: {
            sendOnlyMsgPayload: false, bootstrapServers: kafka, topic: "tbmq.messages", key: null,
            retries: 0, batchSize: 16384, linger: 5, bufferMemory: 33554432, acks: "1", compression: "none",
          },
        },
      };
      await page.getByLabel("JSON").fill(JSON.stringify(integration, null, 2));
      await page.getByLabel("JSON").evaluate((field) => field.scrollTo(0, 0));
    },
  },
  {
    name: "imported",
    act: async (page) => {
      await button(page, "Take over").click();
      await page.getByRole("heading", { name: "What is not as it was there" }).waitFor();
    },
  },
  {
    name: "emqx",
    path: "imports",
    act: async (page, { kafka }) => {
      const flow = {
        action: {
          type: "kafka_producer", name: "meters", enable: true, connector: "lake",
          parameters: {
            topic: "meters", required_acks: "all_isr", compression: "no_compression",
            message: { key: "${.clientid}", value: '{"watts":${.payload.watts}}', timestamp: "${.timestamp}" },
          },
        },
        connector: { bootstrap_hosts: kafka },
        rule: { sql: 'SELECT * FROM "meters/#" WHERE payload.watts > 1000' },
      };
      await page.getByLabel("EMQX").click();
      await page.getByLabel("JSON").fill(JSON.stringify(flow, null, 2));
      await page.getByLabel("JSON").evaluate((field) => field.scrollTo(0, 0));
    },
  },
  {
    name: "emqx-taken-over",
    act: async (page) => {
      await button(page, "Take over").click();
      await page.getByRole("heading", { name: "What is not as it was there" }).waitFor();
    },
  },
  { name: "users", path: "users" },
  {
    name: "user-new",
    act: async (page) => {
      await page.getByRole("button", { name: "New user" }).click();
      await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("meter");
      await page.getByRole("dialog").getByLabel("Description", { exact: true }).fill("The meters of plant 7");
    },
  },
  {
    name: "user-password",
    act: async (page) => {
      await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
      await page.getByText("never again").waitFor();
    },
  },
  { name: "policies", path: "policies" },
  {
    name: "policy-new",
    act: async (page) => {
      await page.getByRole("button", { name: "New policy" }).click();
      await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("meters");
    },
  },
  {
    name: "policy-test",
    path: "policies",
    act: async (page) => {
      await page.getByRole("button", { name: "Ask the policies" }).click();
      await page.getByLabel("Topic", { exact: true }).fill("stations/st-004/readings");
      await page.getByLabel("User", { exact: true }).fill("station");
      await page.getByLabel("Client id", { exact: true }).fill("st-004");
      await button(page, "Ask").click();
      await page.getByText(/^(Allowed|Denied)$/).waitFor();
    },
  },
  { name: "block-rules", path: "block-rules" },
  { name: "enrichment-rules", path: "enrichment-rules" },
  { name: "auto-subscriptions", path: "auto-subscriptions" },
  { name: "administrators", path: "administrators" },
  { name: "tokens", path: "tokens" },
  { name: "audit", path: "audit", act: (page) => expand(page, "changePolicy") },
  { name: "settings", path: "settings" },
  {
    name: "setting-change",
    act: async (page) => {
      await page.getByRole("searchbox").fill("mqtt.groups");
      await page.getByRole("button", { name: "Edit: mqtt.groups", exact: true }).click();
    },
  },
  { name: "about", path: "about" },
  { name: "monitoring", path: "monitoring" },
  {
    name: "connection-mqtt",
    path: "connections/new",
    act: async (page) => {
      await chosen(page, "mqtt").click();
      await page.getByLabel("Name", { exact: true }).fill("old");
      await page.getByLabel("Host", { exact: true }).fill("127.0.0.1");
      await page.getByLabel("Username", { exact: true }).fill("mover");
    },
  },
  {
    name: "task-from-mqtt",
    path: "tasks/new",
    act: async (page) => {
      await makeConnection(page, { name: "old", type: "mqtt", settings: { host: "127.0.0.1", username: "mover" } });
      await page.getByLabel("Name", { exact: true }).fill("from-old");
      await button(page, "Next").click();
      await chosen(page, "mqtt").click();
      await page.getByLabel("Connection").click();
      await page.getByTitle(/^old/).click();
      await page.getByLabel("Filters").fill("plant/#, doors/#,");
    },
  },
];

export const pagesInChinese = [
  { name: "overview", path: "", act: () => later(12) },
  { name: "clients", path: "clients" },
  { name: "connections", path: "connections" },
  { name: "tasks", path: "tasks" },
  { name: "task", path: "tasks/readings", act: () => later(12) },
  {
    name: "task-target",
    path: "tasks/readings/edit",
    act: async (page) => {
      await page.getByText("目标", { exact: true }).first().click();
      await later(1);
    },
  },
  { name: "policies", path: "policies" },
  { name: "monitoring", path: "monitoring" },
];
