// <tab-set label="Query 1"><section data-tab="Details">…</section> …</tab-set>: its sections as tabs, one shown at a
// time; the arrow keys walk. Without scripts all of them are shown.
let count = 0;

class TabSet extends HTMLElement {
  connectedCallback() {
    if (this.tabs) return;
    this.parts = [...this.children].filter((one) => one.dataset.tab);
    const list = document.createElement("div");
    list.className = "tabs tab-list";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.tabs = this.parts.map((part) => {
      const tab = document.createElement("button");
      const id = `tab-${++count}`;
      Object.assign(tab, { type: "button", id, textContent: part.dataset.tab, className: "tab" });
      tab.setAttribute("role", "tab");
      part.id ||= `${id}-part`;
      part.setAttribute("role", "tabpanel");
      part.setAttribute("aria-labelledby", id);
      part.tabIndex = 0;
      tab.setAttribute("aria-controls", part.id);
      tab.addEventListener("click", () => this.show(tab));
      return tab;
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const at = (this.tabs.indexOf(document.activeElement) + step + this.tabs.length) % this.tabs.length;
      this.show(this.tabs[at]);
      this.tabs[at].focus();
    });
    list.append(...this.tabs);
    this.prepend(list);
    if (this.tabs.length) this.show(this.tabs[0]);
  }

  show(chosen) {
    for (const [place, tab] of this.tabs.entries()) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      this.parts[place].hidden = tab !== chosen;
    }
  }
}
customElements.define("tab-set", TabSet);
