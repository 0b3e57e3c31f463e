// A page that failed says so in its place; the others can be used.
import { Component, type ReactNode } from "react";
import { ProblemAlert } from "./problem";

export class Fault extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    return this.state.error === undefined ? this.props.children : <ProblemAlert error={this.state.error} />;
  }
}
