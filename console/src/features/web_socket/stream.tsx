// The messages of a connection, newest first. Only the rows in view are in the page.
import { Button, Card, Descriptions, Drawer, Space, Tag } from "antd";
import { memo, useLayoutEffect, useRef, useState } from "react";
import { Code } from "../../components/code";
import { bytes, number } from "../../components/format";
import { Payload } from "../../components/payload";
import { useLanguage, useWords } from "../../words/language";
import type { Connection, Seen } from "./connection";
import { hasSeveralNames, readable } from "./shown";
import { useSignal } from "./signal";
import { own } from "./words";

const rowHeight = 32;
const spare = 6; // rows above and below
const previewBytes = 160;
const decoder = new TextDecoder();

function clock(at: number) {
  const time = new Date(at);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

const Row = memo(function Row({ seen, top, onOpen }: { seen: Seen; top: number; onOpen: (seen: Seen) => void }) {
  const word = useWords(own);
  return (
    <li style={{ transform: `translateY(${top}px)` }}>
      <button type="button" className="stream-row" onClick={() => onOpen(seen)}>
        <span className="quiet">{clock(seen.at)}</span>
        <span aria-label={seen.isSent ? word.sent : word.receivedWord}>{seen.isSent ? "↑" : "↓"}</span>
        <span className="quiet">
          {seen.qos}
          {seen.retain ? " R" : ""}
        </span>
        <code>{seen.topic}</code>
        <span className="stream-payload">{decoder.decode(seen.payload.subarray(0, previewBytes))}</span>
      </button>
    </li>
  );
});

function Detail({ seen, onClose }: { seen: Seen; onClose: () => void }) {
  const word = useWords(own);
  const base64 = btoa(Array.from(seen.payload, (byte) => String.fromCharCode(byte)).join(""));
  const isCut = seen.bytes > seen.payload.length;
  return (
    <Drawer open title={word.message} width="min(640px, 100vw)" onClose={onClose}>
      <Descriptions
        column={1}
        size="small"
        className="gap"
        items={[
          { key: "topic", label: word.topic, children: <code>{seen.topic}</code> },
          { key: "at", label: word.time, children: clock(seen.at) },
          {
            key: "qos",
            label: "QoS",
            children: (
              <Space>
                {seen.qos}
                {seen.retain && <Tag>{word.retain}</Tag>}
                {seen.dup && <Tag>{word.duplicate}</Tag>}
                <Tag>{seen.isSent ? word.sent : word.receivedWord}</Tag>
              </Space>
            ),
          },
          { key: "size", label: word.size, children: bytes(seen.bytes) },
        ]}
      />
      <h2>{word.payload}</h2>
      <Payload base64={base64} isCut={isCut} />
      {seen.properties && (
        <>
          <h2 className="below">{word.properties}</h2>
          <Code label={word.properties}>{JSON.stringify(seen.properties, readable, 2)}</Code>
          {!seen.isSent && hasSeveralNames(seen.properties) && <p className="quiet">{word.grouped}</p>}
        </>
      )}
    </Drawer>
  );
}

export function Stream({ connection }: { connection: Connection }) {
  useSignal(connection.traffic);
  const word = useWords(own);
  const language = useLanguage();
  const box = useRef<HTMLUListElement>(null);
  const [scrolled, setScrolled] = useState(0);
  const [heldAt, setHeldAt] = useState<number>(); // shown up to here
  const [open, setOpen] = useState<Seen>();
  const { messages } = connection;
  const end = Math.min(heldAt ?? messages.end, messages.end);
  const count = Math.max(0, end - messages.begin);

  // Who has scrolled to older ones keeps them in view while new ones come.
  const before = useRef(end);
  useLayoutEffect(() => {
    const added = end - before.current;
    before.current = end;
    if (added > 0 && box.current && box.current.scrollTop > 0) box.current.scrollTop += added * rowHeight;
  }, [end]);

  const inView = Math.ceil((box.current?.clientHeight ?? 480) / rowHeight) + 2 * spare;
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - spare);
  const rows = Array.from({ length: Math.max(0, Math.min(inView, count - first)) }, (_, at) => first + at);
  return (
    <Card
      size="small"
      title={word.messages}
      extra={
        <Space>
          <span className="quiet" data-testid="counts">
            {word.counts(number(connection.received, language), number(connection.sent, language))}
          </span>
          <Button size="small" onClick={() => setHeldAt(heldAt === undefined ? messages.end : undefined)}>
            {heldAt === undefined ? word.pause : word.resume}
          </Button>
          <Button
            size="small"
            onClick={() => {
              setHeldAt(undefined);
              connection.clear();
            }}
          >
            {word.clear}
          </Button>
        </Space>
      }
    >
      <ul
        ref={box}
        className="stream"
        aria-label={word.messages}
        tabIndex={0}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
      >
        <li className="stream-space" aria-hidden style={{ height: count * rowHeight }} />
        {rows.map((row) => {
          const index = end - 1 - row;
          const seen = messages.at(index);
          return seen && <Row key={index} seen={seen} top={row * rowHeight} onOpen={setOpen} />;
        })}
      </ul>
      <p className="quiet">{count === 0 ? word.nothing : word.keeps(number(messages.capacity, language))}</p>
      {open && <Detail seen={open} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}
