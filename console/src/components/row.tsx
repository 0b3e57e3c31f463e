// What rows of several lists have.
import { MoreOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Dropdown, type MenuProps } from "antd";
import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { Status } from "./status";

export function StatusAndWhy({ status, reason }: { status: string; reason: string }) {
  return (
    <>
      <Status value={status} />
      <div className="quiet reason">{reason}</div>
    </>
  );
}

export function NameAndDescription({ name, description }: { name: ReactNode; description?: string }) {
  return (
    <>
      {name}
      {description && <div className="quiet reason">{description}</div>}
    </>
  );
}

// What else can be done with the thing of this name.
export function More({ name, items }: { name: string; items: MenuProps["items"] }) {
  return (
    <Dropdown autoFocus trigger={["click"]} menu={{ items }}>
      <Button type="text" aria-label={`${name}: …`} icon={<MoreOutlined />} />
    </Dropdown>
  );
}

export function CreateLink({ to, label }: { to: string; label: string }) {
  return (
    <Link to={to}>
      <Button type="primary" icon={<PlusOutlined />}>
        {label}
      </Button>
    </Link>
  );
}
