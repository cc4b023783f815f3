import { h } from "./dom.js";
export function show(main) {
  main.append(h("h1", null, "Who is watching?"), h("p", null, h("a", { href: "#/operator" }, "Operator")));
}
