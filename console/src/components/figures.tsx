// Names and values, one a line; the name of a status shows as one. A value may lead to what it counts.
import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { Status, tones } from "./status";

export type Figure = [name: string, value: ReactNode, to?: string];

export function Figures({ rows }: { rows: Figure[] }) {
  return (
    <dl className="figures">
      {rows.map(([name, value, to]) => [
        <dt key={name}>{name in tones ? <Status value={name} /> : name}</dt>,
        <dd key={`${name}=`}>
          {to ? (
            <Link to={to} aria-label={`${name}: ${String(value)}`}>
              {value}
            </Link>
          ) : (
            value
          )}
        </dd>,
      ])}
    </dl>
  );
}
