// Names and values, one a line; the name of a status shows as one.
import type { ReactNode } from "react";
import { Status, tones } from "./status";

export function Figures({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="figures">
      {rows.map(([name, value]) => [
        <dt key={name}>{name in tones ? <Status value={name} /> : name}</dt>,
        <dd key={`${name}=`}>{value}</dd>,
      ])}
    </dl>
  );
}
