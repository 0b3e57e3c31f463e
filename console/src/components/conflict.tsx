// Somebody else has saved what is edited here: what they changed is shown, and what was typed here
// goes onto it. Nobody's change is undone unseen.
import { Alert, Button } from "antd";
import { useState } from "react";
import { api, changedMeanwhile, type Path } from "../api/client";
import { applyPatch, changes, mergePatch } from "../api/merge_patch";
import { common } from "../words/common";
import { useWords, words } from "../words/language";
import { problemOf } from "./problem";
import { textOf } from "./schema_form/schema";
import type { Document } from "./schema_form/schema_form";
import { covers } from "./schema_form/wrong";

const own = words(
  {
    title: "Somebody else has changed this meanwhile: yours is not saved yet",
    text: "This is what they changed. What you changed goes onto it; save again when you have looked.",
    hidden: "What they changed is not shown here: a secret, for example.",
    field: "Field",
    was: "Was",
    is: "Is now",
    mine: "You wrote",
    goOn: "Put my changes onto it",
  },
  {
    title: "其他人在此期间已修改：您的修改尚未保存",
    text: "以下是对方的修改。您的修改会合并到其上；确认后请再次保存。",
    hidden: "对方的修改不在此处显示，例如密钥。",
    field: "字段",
    was: "原值",
    is: "现值",
    mine: "您的值",
    goOn: "将我的修改合并上去",
  },
);

interface Edited<T> {
  base: T; // as it was when editing began
  mine: Document; // what is to be saved
}

// `editable`: of what the server shows, what is edited.
export function useConflict<T extends object>(one: Path, editable: (entity: T) => Document) {
  const [theirs, setTheirs] = useState<T>();
  return {
    clear: () => setTheirs(undefined),
    // What is left to be told of a save that was refused.
    look: async (refused: unknown, name: string): Promise<unknown> => {
      if (problemOf(refused)?.code !== changedMeanwhile) return refused;
      try {
        setTheirs(await api.get<T>(one, { parts: { name } }));
        return undefined;
      } catch (gone) {
        return gone;
      }
    },
    shown: ({ base, mine }: Edited<T>, onGoOn: (base: T, mine: Document) => void) =>
      theirs && (
        <Conflict
          base={editable(base)}
          theirs={editable(theirs)}
          mine={mine}
          onGoOn={() => {
            setTheirs(undefined);
            onGoOn(theirs, applyPatch(editable(theirs), mergePatch(editable(base), mine)));
          }}
        />
      ),
  };
}

interface Props {
  base: Document;
  theirs: Document;
  mine: Document;
  onGoOn: () => void;
}

export function Conflict({ base, theirs, mine, onGoOn }: Props) {
  const word = useWords(own);
  const all = useWords(common);
  const written = changes(base, mine);
  const changed = changes(base, theirs);
  const show = (value: unknown) => (value === undefined || value === "" ? all.nothingThere : textOf(value));
  const table = (
    <table className="changes">
      <thead>
        <tr>
          {[word.field, word.was, word.is, word.mine].map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {changed.map(({ pointer, before, after }) => {
          const own = written.find((mine) => covers(mine.pointer, pointer) || covers(pointer, mine.pointer));
          return (
            <tr key={pointer}>
              <th scope="row">
                <code>{pointer}</code>
              </th>
              <td>{show(before)}</td>
              <td>{show(after)}</td>
              <td>{own && show(own.after)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
  return (
    <Alert
      className="problem"
      type="warning"
      showIcon
      role="alert"
      message={word.title}
      description={
        <>
          <p>{changed.length > 0 ? word.text : word.hidden}</p>
          {changed.length > 0 && table}
          <Button className="below" onClick={onGoOn}>
            {word.goOn}
          </Button>
        </>
      }
    />
  );
}
