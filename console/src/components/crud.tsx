// Documents of one kind: their list, and making, changing and deleting them by their declared schema.
import { PlusOutlined } from "@ant-design/icons";
import { Button, Drawer, Space } from "antd";
import { useId, useState, type ReactNode } from "react";
import { api, tagOf, type Entity, type Path, type Query } from "../api/client";
import { mergePatch } from "../api/merge_patch";
import { useMay, type Role } from "../api/session";
import { common } from "../words/common";
import { useLanguage, useWords } from "../words/language";
import { useAction, useConfirm } from "./action";
import { useConflict } from "./conflict";
import { DocumentEditor } from "./document_editor";
import { Entry, focusFirst } from "./entry";
import { time } from "./format";
import { List, type Columns, type Filter } from "./list";
import { Page } from "./page";
import { fieldsOf, ProblemAlert, useFirstWrong } from "./problem";
import { NameAndDescription } from "./row";
import { pointersOf, type Document } from "./schema_form/schema_form";
import type { Schema } from "./schema_form/schema";
import { useSecret } from "./secret";

interface Props<T> {
  title: string;
  help: ReactNode;
  create: string; // "New user"
  empty: ReactNode;
  path: Path;
  one: Path; // of one of them: {name}
  createSchema: Schema;
  isFixed?: boolean; // they are made and deleted, not changed
  filters?: Filter[];
  isSorted?: boolean; // the server sorts them by name and by when they were made, too
  isLive?: boolean; // there is something in it that changes by itself
  columns: Columns<T>;
  isWide?: boolean; // there is no room for when it was made
  deletion: (row: T) => ReactNode | Promise<ReactNode>; // what will happen, in numbers
  deletionQuery?: (row: T) => Query;
  // As well, where it takes something away. `changes`: of one that is there, and its name.
  saving?: (document: Partial<T>, changes?: { name: string; patch: Document }) => Promise<ReactNode>;
  mayChange?: (row: T) => boolean; // where the role alone does not say it
  expanded?: (row: T) => ReactNode;
  onlyNew?: string[]; // asked for when it is made alone
  more?: (row: T) => ReactNode; // what else is done with it
  actions?: ReactNode;
  secret?: keyof T & string; // shown once, when one is made
  secretTitle?: string;
  role?: Role;
  children?: ReactNode;
  start?: Document; // of a new one
}

interface Named {
  name: string;
  description?: string;
  created?: string;
}

// Of an entity what its schema knows.
function editable(entity: object, schema: Schema): Document {
  const names = Object.keys(schema.properties ?? {});
  return Object.fromEntries(Object.entries(entity).filter(([name]) => names.includes(name)));
}

function useEditor<T extends Named>({ path, one, createSchema, secret, secretTitle, start, saving }: Props<T>) {
  const all = useWords(common);
  const confirm = useConfirm();
  const act = useAction();
  const show = useSecret();
  const [known, setKnown] = useState<T>();
  const [value, setValue] = useState<Document>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const schema: Schema = known ? { ...createSchema, required: [] } : createSchema;
  const conflict = useConflict<T>(one, (entity) => editable(entity, createSchema));
  useFirstWrong(error);
  const open = (document?: T) => {
    setError(undefined);
    conflict.clear();
    setKnown(document);
    setValue(document ? editable(document, createSchema) : (start ?? {}));
  };
  // As it is now, with its tag: what somebody else changes meanwhile is not undone.
  const edit = async ({ name }: T) => {
    const current = await act(() => api.get<T>(one, { parts: { name } }));
    if (current) open(current);
  };
  const isMeant = async () => {
    const changes = known && { name: known.name, patch: mergePatch(editable(known, schema), value!) };
    const told = await act(async () => ({ content: await saving?.(value as unknown as Partial<T>, changes) }));
    if (!told?.content) return told !== undefined;
    const title = `${known ? all.save : all.create}: ${String(value?.name ?? known?.name ?? "")}?`;
    return confirm({ title, content: told.content, ok: known ? all.save : all.create });
  };
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      if (saving && !(await isMeant())) return;
      const made = known
        ? await api.patch<Entity>(one, {
            parts: { name: known.name },
            body: mergePatch(editable(known, schema), value!),
            ifMatch: tagOf(known),
          })
        : await api.post<Entity>(path, { body: value });
      setValue(undefined);
      await act(async () => undefined);
      const told = secret && made[secret];
      if (typeof told === "string" && told !== "***") show(`${secretTitle} ${String(made.name)}`, told);
    } catch (refused) {
      setError(await conflict.look(refused, known?.name ?? ""));
    } finally {
      setBusy(false);
    }
  };
  const met =
    known &&
    value &&
    conflict.shown({ base: known, mine: value }, (base, mine) => {
      setKnown(base);
      setValue(mine);
    });
  return { known, value, setValue, error, met, isBusy, schema, open, edit, save };
}

export function Crud<T extends Named>(props: Props<T>) {
  const { title, help, create, empty, path, one, isFixed, filters, columns, deletion, children } = props;
  const all = useWords(common);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const mayChange = useMay(props.role ?? "administrator");
  const form = useId();
  const editor = useEditor(props);
  const { known, value, schema } = editor;
  const problems = fieldsOf(editor.error);
  const remove = async (row: T) => {
    const told = await act(async () => ({ content: await deletion(row) }));
    if (!told) return;
    if (await confirm({ title: `${all.remove}: ${row.name}?`, content: told.content }))
      await act(
        () => api.delete(one, { parts: { name: row.name }, query: props.deletionQuery?.(row) }),
        all.done,
      );
  };
  return (
    <Page
      title={title}
      help={help}
      actions={
        <>
          {props.actions}
          {mayChange && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => editor.open()}>
              {create}
            </Button>
          )}
        </>
      }
    >
      {children}
      <List<T>
        path={path}
        isAddressed
        isLive={props.isLive}
        filters={filters ?? [{ name: "name_contains", label: all.name, isWhole: false }]}
        rowKey="name"
        empty={<p>{empty}</p>}
        expanded={props.expanded}
        columns={[
          {
            title: all.name,
            sort: props.isSorted ? "name" : undefined,
            render: (_, { name, description }) => <NameAndDescription name={<strong>{name}</strong>} description={description} />,
          },
          ...columns,
          {
            key: "created",
            optional: props.isWide,
            title: all.created,
            sort: props.isSorted ? "created" : undefined,
            render: (_, { created }) => time(created, language),
          },
          {
            key: "actions",
            align: "right",
            render: (_, row) =>
              mayChange &&
              (props.mayChange?.(row) ?? true) && (
                <Space>
                  {props.more?.(row)}
                  {!isFixed && (
                    <Button size="small" aria-label={`${all.edit}: ${row.name}`} onClick={() => editor.edit(row)}>
                      {all.edit}
                    </Button>
                  )}
                  <Button size="small" danger aria-label={`${all.remove}: ${row.name}`} onClick={() => remove(row)}>
                    {all.remove}
                  </Button>
                </Space>
              ),
          },
        ]}
      />
      <Drawer
        title={known ? `${all.edit}: ${known.name}` : create}
        open={value !== undefined}
        width={Math.min(920, window.innerWidth)}
        destroyOnClose
        onClose={() => editor.setValue(undefined)}
        afterOpenChange={(isOpen) => isOpen && focusFirst(form)}
        footer={
          <Button type="primary" htmlType="submit" form={form} loading={editor.isBusy}>
            {known ? all.save : all.create}
          </Button>
        }
      >
        <Entry id={form} onSubmit={editor.save}>
          {editor.met}
          <ProblemAlert error={editor.error} shown={pointersOf(schema, problems)} />
          {value && (
            <DocumentEditor
              schema={schema}
              value={value}
              problems={problems}
              locked={known && ["name"]}
              omit={known && props.onlyNew}
              onChange={editor.setValue}
            />
          )}
        </Entry>
      </Drawer>
    </Page>
  );
}
