// A list that the server filters and pages.
import { Button, Empty, Input, Select, Table, type TableColumnsType } from "antd";
import type { SorterResult } from "antd/es/table/interface";
import { LeftOutlined, ReloadOutlined, RightOutlined } from "@ant-design/icons";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useSearchParams } from "react-router-dom";
import type { Entity, Page, Path, Query } from "../api/client";
import { useGet, useLive } from "../api/live";
import { common } from "../words/common";
import { useLanguage, useWords } from "../words/language";
import { valueWord } from "../words/values";
import { ProblemAlert, unlessAway } from "./problem";
import { remember, remembered } from "./remembered";

export interface Filter {
  name: string;
  label: string;
  options?: string[]; // else free text
  isWhole?: boolean; // the server wants the whole of it; topics and beginnings aside
}

// `sort`: what the server calls it in a list that goes by it.
export type Columns<T> = (TableColumnsType<T>[number] & { optional?: boolean; sort?: string })[];

interface Props<T> {
  path: Path;
  parts?: Record<string, string>;
  query?: Query;
  filters?: Filter[]; // and, where columns can be sorted by, `sort` beside them
  columns: Columns<T>; // optional ones have a key, and are there once somebody has chosen them
  rowKey?: string | ((row: T) => string);
  empty?: ReactNode; // what to do next
  isLive?: boolean;
  isAddressed?: boolean; // the filters stand in the page's address
  actions?: (asked: Query) => ReactNode; // on all that is asked for
  expanded?: (row: T) => ReactNode;
}

const pageSize = 50;

function useDelayed<V>(value: V, ms: number) {
  const [delayed, setDelayed] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return delayed;
}

// What filters are given, now and once typing has paused. In the address they are there again after
// "back", and can be sent to somebody.
function useGiven(names: string[], isAddressed: boolean) {
  const [address, setAddress] = useSearchParams();
  const read = () => Object.fromEntries(names.map((name) => [name, (isAddressed && address.get(name)) || ""]));
  const [given, setGiven] = useState<Record<string, string>>(read);
  const delayed = useDelayed(given, 300);
  const known = useRef(address.toString()); // what is given stands there already
  useEffect(() => {
    if (!isAddressed) return;
    const next = new URLSearchParams(address);
    for (const [name, value] of Object.entries(delayed)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    if (next.toString() === address.toString()) return;
    known.current = next.toString();
    setAddress(next, { replace: true });
  }, [delayed]);
  // By the menu, or a link: the page stays, with another address.
  useEffect(() => {
    if (!isAddressed || address.toString() === known.current) return;
    known.current = address.toString();
    setGiven(read());
  }, [address]);
  return { given, setGiven, delayed };
}

// A column that the list goes by when its head is clicked: figures begin with the largest.
function sorted<T>({ sort, ...column }: Columns<T>[number], given: string | undefined): TableColumnsType<T>[number] {
  if (!sort) return column;
  const isFigure = column.align === "right";
  return {
    ...column,
    key: sort,
    sorter: true,
    sortOrder: given === sort ? "ascend" : given === `-${sort}` ? "descend" : null,
    sortDirections: isFigure ? ["descend", "ascend"] : ["ascend", "descend"],
  };
}

function sortOf<T>({ columnKey, order }: SorterResult<T>) {
  return order ? `${order === "descend" ? "-" : ""}${String(columnKey)}` : "";
}

// Which of the optional columns are shown; the browser remembers it.
function useColumns<T>(path: Path, columns: Columns<T>, sort: string | undefined) {
  const word = useWords(common);
  const place = `columns.${path}`;
  const [chosen, setChosen] = useState(() => remembered(place)?.split(",").filter(Boolean) ?? []);
  const optional = columns.filter((column) => column.optional);
  const choose = (keys: string[]) => {
    remember(place, keys.join(","));
    setChosen(keys);
  };
  const choice = optional.length > 0 && (
    <Select
      mode="multiple"
      aria-label={word.moreColumns}
      placeholder={word.moreColumns}
      maxTagCount={0}
      maxTagPlaceholder={`${word.moreColumns} (${chosen.length})`}
      value={chosen}
      options={optional.map(({ key, title }) => ({ value: String(key), label: String(title) }))}
      showSearch={false}
      onChange={choose}
    />
  );
  // What can be done with a row stays in view, however wide the row is.
  const shown: TableColumnsType<T> = columns
    .filter(({ optional: isOptional, key }) => !isOptional || chosen.includes(String(key)))
    .map(({ optional: _, ...column }) => (column.key === "actions" ? { ...column, fixed: "right" as const } : column))
    .map((column) => sorted(column, sort));
  return { shown, choice };
}

// Of another question the first page is shown again: a token belongs to the one that it was given for.
function usePages(question: string) {
  const [turned, setTurned] = useState<{ of: string; tokens: string[] }>();
  const before = turned?.of === question ? turned.tokens : []; // tokens of the pages up to this one
  const show = (tokens: string[]) => setTurned({ of: question, tokens });
  return {
    before,
    token: before.at(-1),
    turn: (next: string | null | undefined) => next && show([...before, next]),
    back: () => show(before.slice(0, -1)),
  };
}

// The server looks at a part of what it has at a time, and found nothing in it: there is more to look at.
function Further({ isLooking, onLook }: { isLooking: boolean; onLook: () => void }) {
  const word = useWords(common);
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={word.nothingSoFar}>
      <Button loading={isLooking} onClick={onLook}>
        {word.lookFurther}
      </Button>
    </Empty>
  );
}

interface Reason {
  isKnown: boolean; // else it is still asked for, or was refused
  isFiltered: boolean;
  isLater: boolean;
  children: ReactNode;
}

function Nothing({ isKnown, isFiltered, isLater, children }: Reason) {
  const word = useWords(common);
  if (!isKnown) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={false} />;
  return (
    <Empty
      image={Empty.PRESENTED_IMAGE_SIMPLE}
      description={isLater ? word.nothingFurther : isFiltered ? word.noMatch : word.nothing}
    >
      {!isFiltered && !isLater && children}
    </Empty>
  );
}

interface Fields {
  filters: Filter[];
  given: Record<string, string>;
  onFilter: (name: string, value: string) => void;
}

function FilterFields({ filters, given, onFilter }: Fields) {
  const word = useWords(common);
  const language = useLanguage();
  return filters.map(({ name, label, options, isWhole = true }) =>
    options ? (
      <Select
        key={name}
        allowClear
        aria-label={label}
        placeholder={label}
        value={given[name] || undefined}
        options={options.map((option) => ({ value: option, label: valueWord(option, language) }))}
        labelRender={({ label: chosen }) => word.chosen(label, String(chosen))}
        onChange={(value) => onFilter(name, value ?? "")}
      />
    ) : (
      <Input.Search
        key={name}
        allowClear
        aria-label={label}
        placeholder={isWhole ? word.whole(label) : label}
        value={given[name]}
        onChange={(event) => onFilter(name, event.target.value)}
      />
    ),
  );
}

export function List<T extends object = Entity>(props: Props<T>) {
  const { path, parts, query, filters = [], columns, rowKey = "id", empty, isLive, expanded, isAddressed = false, actions } = props;
  const word = useWords(common);
  const names = [...filters.map(({ name }) => name), ...(columns.some(({ sort }) => sort) ? ["sort"] : [])];
  const { given, setGiven, delayed } = useGiven(names, isAddressed);
  const pages = usePages(JSON.stringify([parts, query, delayed]));
  const asked = { ...query, ...delayed };
  const call = { parts, query: { limit: pageSize, ...asked, page: pages.token } };
  const use = isLive ? useLive : useGet;
  const list = use<Page<T>>(path, call);
  const items = list.data?.items ?? [];
  const { shown, choice } = useColumns(path, columns, given.sort);
  const isFiltered = Object.values({ ...asked, sort: "" }).some(Boolean);
  const next = list.isPlaceholderData ? undefined : list.data?.next; // that of the page before is no longer it
  const hasTools = filters.length > 0 || choice || !isLive;
  const filter = (name: string, value: string) => setGiven((known) => ({ ...known, [name]: value }));
  return (
    <>
      <ProblemAlert error={unlessAway(list.error)} />
      {hasTools && (
        <div className="filters">
          <FilterFields filters={filters} given={given} onFilter={filter} />
          {choice}
          {!isLive && (
            <Button
              className="narrow-button"
              icon={<ReloadOutlined />}
              aria-label={word.refresh}
              loading={list.isFetching}
              onClick={() => void list.refetch()}
            />
          )}
        </div>
      )}
      {actions?.(asked)}
      <Table<T>
        size="middle"
        rowKey={rowKey}
        columns={shown}
        dataSource={items}
        loading={list.isPending}
        pagination={false}
        scroll={{ x: "max-content" }}
        onChange={(_, __, sorter) => filter("sort", sortOf(Array.isArray(sorter) ? sorter[0]! : sorter))}
        expandable={expanded && { expandedRowRender: expanded }}
        locale={{
          emptyText: list.data?.next ? (
            <Further isLooking={list.isPlaceholderData} onLook={() => pages.turn(next)} />
          ) : (
            <Nothing isKnown={list.data !== undefined} isFiltered={isFiltered} isLater={pages.before.length > 0}>
              {empty}
            </Nothing>
          ),
        }}
      />
      {(pages.before.length > 0 || list.data?.next) && (
        <div className="pager">
          <Button icon={<LeftOutlined />} aria-label={word.previous} disabled={pages.before.length === 0} onClick={pages.back} />
          <Button
            icon={<RightOutlined />}
            aria-label={word.following}
            disabled={!list.data?.next}
            onClick={() => pages.turn(next)}
          />
        </div>
      )}
    </>
  );
}
