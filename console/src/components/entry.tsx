// What is typed into: Enter does what its button does, which may stand elsewhere (`form` of the button).
import { useEffect, useRef, type ReactNode } from "react";

interface Props {
  id?: string;
  onSubmit: () => unknown;
  children: ReactNode;
}

export function Entry({ id, onSubmit, children }: Props) {
  return (
    <form
      id={id}
      noValidate
      onKeyDown={(event) => {
        // In a field for a time Enter takes the time that is typed, or opens the calendar.
        if (event.key === "Enter" && (event.target as Element).closest(".ant-picker-input")) event.preventDefault();
      }}
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation(); // of one form in the dialogue of another
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

// Typing begins there.
export function focusFirst(id: string) {
  document.getElementById(id)?.querySelector<HTMLElement>("input:not(:disabled), textarea:not(:disabled)")?.focus();
}

// Typing goes on in the step that was gone to.
export function useFirstOfStep(id: string, step: number) {
  const before = useRef(step);
  useEffect(() => {
    if (before.current !== step) focusFirst(id);
    before.current = step;
  }, [id, step]);
}
