// <search-palette>: the search that is one key away. `/` or Ctrl-K opens it; arrows choose, Enter goes there.
import { signedIn } from "./sign-in-dialog.js";

const types = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor") || target.isContentEditable;

class SearchPalette extends HTMLElement {
  connectedCallback() {
    const link = this.querySelector("a");
    link?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.open();
    });
    this.onKey = (event) => {
      const asked = event.key === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
      const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !types(event.target);
      if ((!asked && !slash) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this.open();
    };
    document.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.onKey);
  }

  open() {
    this.dialog ??= this.make();
    this.dialog.showModal();
    this.input.select();
  }

  make() {
    const dialog = document.createElement("dialog");
    dialog.className = "palette";
    dialog.setAttribute("aria-label", "Search everything");
    dialog.innerHTML = `
      <div class="palette-head">
        <svg class="icon" aria-hidden="true"><use></use></svg>
        <input type="text" role="combobox" aria-label="Search everything" aria-expanded="false" aria-controls="palette-hits"
          aria-autocomplete="list" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="Search everything">
        <button type="button" class="icon-button" data-close aria-label="Close">×</button>
      </div>
      <div id="palette-hits" class="hits" role="listbox" aria-label="What was found"></div>
      <div class="palette-none"></div>
      <p class="palette-status visually-hidden" role="status"></p>
      <p class="palette-foot"><kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> go there <kbd>Esc</kbd> close</p>`;
    dialog.querySelector("use").setAttribute("href", `${document.documentElement.dataset.icons}#search`);
    this.append(dialog);
    this.input = dialog.querySelector("input");
    this.hits = dialog.querySelector(".hits");
    this.hits.hidden = true;
    this.none = dialog.querySelector(".palette-none");
    this.status = dialog.querySelector(".palette-status");
    this.input.addEventListener("input", () => this.later());
    dialog.addEventListener("keydown", (event) => this.move(event));
    this.hits.addEventListener("pointermove", (event) => {
      const hit = event.target.closest(".hit");
      if (hit) this.choose(hit);
    });
    return dialog;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), 90);
  }

  async search() {
    const q = this.input.value.trim();
    if (!q) return this.show("", q);
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    const ask = () => fetch(`/search?part=palette&q=${encodeURIComponent(q)}`, { headers: { "HX-Request": "true" }, signal });
    try {
      let answer = await ask();
      if (answer.status === 401) {
        if (!(await signedIn())) return;
        answer = await ask();
      }
      const text = await answer.text();
      this.show(answer.ok && answer.headers.get("Scoreline-Page") ? text : '<p class="hits-none">The search does not answer just now.</p>', q);
    } catch (error) {
      if (error.name !== "AbortError") this.show('<p class="hits-none">The control plane cannot be reached just now.</p>', q);
    }
  }

  show(html, q) {
    this.hits.innerHTML = html; // a page of ours, which escapes all that it shows
    const found = [...this.hits.querySelectorAll(".hit")];
    this.hits.hidden = !found.length;
    this.none.replaceChildren(...(found.length ? [] : this.hits.childNodes)); // no option of the list
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.choose(found[0]);
    this.status.textContent = q ? (found.length === 1 ? "1 thing found" : `${found.length} things found`) : "";
  }

  choose(hit) {
    for (const other of this.hits.querySelectorAll('[aria-selected="true"]')) other.setAttribute("aria-selected", "false");
    this.chosen = hit;
    hit?.setAttribute("aria-selected", "true");
    if (hit) this.input.setAttribute("aria-activedescendant", hit.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  move(event) {
    const found = [...this.hits.querySelectorAll(".hit")];
    const at = found.indexOf(this.chosen);
    const places = { ArrowDown: (at + 1) % found.length, ArrowUp: (at - 1 + found.length) % found.length };
    if (event.key in places && found.length) {
      event.preventDefault();
      this.choose(found[places[event.key]]);
      this.chosen.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && event.target === this.input) {
      event.preventDefault();
      const url = this.chosen?.href ?? (this.input.value.trim() ? `/search?q=${encodeURIComponent(this.input.value.trim())}` : "");
      if (!url) return;
      if (event.ctrlKey || event.metaKey) window.open(url, "_blank");
      else location.href = url;
    }
  }
}
customElements.define("search-palette", SearchPalette);
