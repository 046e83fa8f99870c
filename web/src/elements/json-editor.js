// <json-editor schema="ID"><textarea>…</textarea></json-editor>: a textarea for JSON with colours, that says while
// one types what is wrong, and in which line. `schema` names an element whose text is a JSON schema; of it counts
// what a query needs: type, required, properties, enum, items. `run` names the button that Ctrl and Enter press.
// The textarea stays the field that is sent.
import { check, locate, tokens } from "../json.js";

let count = 0;

class JsonEditor extends HTMLElement {
  connectedCallback() {
    if (this.ground) return;
    this.area = this.querySelector("textarea");
    this.ground = document.createElement("pre");
    this.ground.className = "json-ground";
    this.ground.setAttribute("aria-hidden", "true");
    this.prepend(this.ground);
    this.said = document.createElement("p");
    this.said.className = "json-said";
    this.said.id = `json-said-${++count}`;
    this.said.setAttribute("role", "status");
    this.append(this.said);
    const about = this.area.getAttribute("aria-describedby");
    this.area.setAttribute("aria-describedby", `${about ?? ""} ${this.said.id}`.trim());
    this.broken = this.area.getAttribute("aria-invalid") === "true";
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("keydown", (event) => this.indent(event));
    this.area.form?.addEventListener("draft-restored", () => this.changed());
    this.paint();
    if (this.area.value.trim() && !this.broken) this.judge();
  }

  changed() {
    this.paint();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.judge(), 250);
  }

  paint() {
    const parts = tokens(this.area.value).map(([kind, text]) => {
      if (!kind) return document.createTextNode(text);
      const span = document.createElement("span");
      span.className = `tok-${kind}`;
      span.textContent = text;
      return span;
    });
    this.ground.replaceChildren(...parts, document.createTextNode("\n"));
  }

  judge() {
    const text = this.area.value;
    const { error, warning } = text.trim() ? this.verdict(text) : {};
    this.said.textContent = error ?? warning ?? "";
    this.said.classList.toggle("json-error", Boolean(error));
    if (error) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    this.area.setCustomValidity("");
  }

  verdict(text) {
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      return { error: locate(text) };
    }
    const source = this.getAttribute("schema");
    const schema = source && document.getElementById(source)?.textContent;
    return schema ? check(value, JSON.parse(schema), text) : {};
  }

  // Enter keeps the indentation, and goes one in after an opening bracket. Tab stays what it is: it leads on.
  indent(event) {
    if (event.key !== "Enter" || event.shiftKey) return;
    if (event.ctrlKey || event.metaKey) {
      document.getElementById(this.getAttribute("run"))?.click();
      return;
    }
    const { value, selectionStart: start, selectionEnd: end } = this.area;
    const line = value.slice(value.lastIndexOf("\n", start - 1) + 1, start);
    const deeper = /[{[]\s*$/.test(line) ? "  " : "";
    event.preventDefault();
    this.area.setRangeText(`\n${line.match(/^\s*/)[0]}${deeper}`, start, end, "end");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
customElements.define("json-editor", JsonEditor);
