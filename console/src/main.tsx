import { createRoot } from "react-dom/client";
import { App } from "./app";
import "./style.css";

// The policy of this page takes styles that carry its nonce. Components make theirs while they run,
// in several libraries: each gets it here.
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce;
if (nonce) {
  const create = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const made = create(name, options);
    if (name === "style") made.nonce = nonce;
    return made;
  }) as typeof document.createElement;
  // Nor does it take styles as attributes; set one by one they are a script's own doing.
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") (this as HTMLElement).style.cssText = value;
    else set.call(this, name, value);
  };
}

createRoot(document.getElementById("root")!).render(<App />);
