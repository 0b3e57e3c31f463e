// The frame of every page: what it is, what one can do here, and what is wrong.
import { Skeleton, Typography } from "antd";
import { useEffect, type ReactNode } from "react";
import { ProblemAlert, unlessAway } from "./problem";

interface Props {
  title: ReactNode;
  help?: ReactNode;
  actions?: ReactNode;
  error?: unknown;
  isLoading?: boolean;
  children?: ReactNode;
}

export function Page({ title, help, actions, error, isLoading, children }: Props) {
  useEffect(() => {
    document.title = typeof title === "string" ? `${title} · Sluice` : "Sluice";
  }, [title]);
  return (
    <section className="page">
      <header className="page-head">
        <div className="page-title">
          <Typography.Title level={1}>{title}</Typography.Title>
          {help && <Typography.Paragraph type="secondary">{help}</Typography.Paragraph>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      <ProblemAlert error={unlessAway(error)} />
      {isLoading ? <Skeleton active /> : children}
    </section>
  );
}
