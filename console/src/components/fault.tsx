// A page that failed says so in its place; the others can be used.
import { Component, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { ProblemAlert } from "./problem";

export class Fault extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const detail = error instanceof Error ? error.message : String(error);
    return <ProblemAlert error={error instanceof ApiError ? error : new ApiError({ status: 0, code: "page_failed", detail })} />;
  }
}
