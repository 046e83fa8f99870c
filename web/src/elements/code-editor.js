// <code-editor language="sql|python|yaml|json" label="SQL"><textarea name="code">…</textarea></code-editor>
// A textarea with colours, line numbers, completion and search, once the editor is loaded; without it, a textarea.
// The textarea stays the one that is sent. problems='[{"line": 3, "message": "…"}]' are shown beside their lines;
// words='{"table": ["column"]}' are completed in SQL. Escape, then Tab, leads out of it.
class CodeEditor extends HTMLElement {
  async connectedCallback() {
    if (this.place) return;
    const area = this.querySelector("textarea");
    this.place = document.createElement("div");
    const { makeEditor } = await import("../editor/editor.js");
    if (!this.isConnected) return;
    // In a tree of its own: there the editor's styles need no <style> element, which the policy forbids.
    const root = this.place.attachShadow({ mode: "open" });
    const isTypedInto = document.activeElement === area;
    area.after(this.place);
    this.toggleAttribute("edits", true); // its style hides the textarea, whose own attributes htmx may set anew
    const editor = makeEditor({
      root,
      text: area.value,
      language: this.getAttribute("language") ?? "",
      label: this.getAttribute("label") ?? "Code",
      readOnly: area.readOnly,
      problems: JSON.parse(this.getAttribute("problems") ?? "[]"),
      words: JSON.parse(this.getAttribute("words") ?? "{}"),
      changed: (text) => {
        area.value = text;
        area.dispatchEvent(new Event("input", { bubbles: true }));
      },
    });
    if (isTypedInto) editor.focus();
    area.form?.addEventListener("draft-restored", () => editor.show(area.value));
    for (const label of area.labels ?? []) label.addEventListener("click", () => editor.focus());
  }
}
customElements.define("code-editor", CodeEditor);
