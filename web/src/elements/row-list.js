// <row-list sum="proba" wanted="1"> with rows [data-row]: buttons to add and to remove rows, the sum of the fields of
// one name beside what it is to be. Without scripts there is an empty row to fill in. Where the form has a draft
// (see drafts.js, which fills it in afterwards), there are as many rows as there were.
const DRAFT = "scoreline-draft:";

class RowList extends HTMLElement {
  connectedCallback() {
    if (this.foot) return;
    for (const row of this.rows()) this.dress(row);
    this.foot = document.createElement("div");
    this.foot.className = "row row-list-foot";
    const add = document.createElement("button");
    add.type = "button";
    add.className = "button button-small";
    add.textContent = "Add a row";
    add.addEventListener("click", () => this.add());
    this.foot.append(add);
    if (this.getAttribute("sum")) {
      this.told = document.createElement("output");
      this.told.className = "row-list-sum small";
      this.foot.append(this.told);
      this.addEventListener("input", () => this.tell());
      this.addEventListener("change", () => this.tell());
    }
    this.append(this.foot);
    this.asDrafted();
    this.closest("form")?.addEventListener("draft-restored", () => this.tell());
    this.tell();
  }

  asDrafted() {
    const draft = this.closest("form[data-draft]")?.dataset.draft;
    const stored = draft && sessionStorage.getItem(DRAFT + draft);
    const name = this.querySelector("[name]")?.name;
    if (!stored || !name) return;
    const wanted = Object.keys(JSON.parse(stored).values).filter((key) => key === name || key.startsWith(`${name}#`)).length;
    if (!wanted) return;
    while (this.rows().length < wanted) this.add({ focus: false });
    while (this.rows().length > wanted) this.rows().pop().remove();
  }

  rows() {
    return [...this.querySelectorAll(":scope > [data-row]")];
  }

  add({ focus = true } = {}) {
    const rows = this.rows();
    const row = rows[rows.length - 1].cloneNode(true);
    const number = (this.last ?? rows.length) + 1;
    this.last = number;
    for (const field of row.querySelectorAll("input, select, textarea")) {
      const label = row.querySelector(`label[for="${CSS.escape(field.id)}"]`);
      field.id = `${field.id.replace(/-\d+$/, "")}-${number}`;
      if (label) label.htmlFor = field.id;
      if (field.nodeName === "SELECT") field.selectedIndex = 0;
      else field.value = "";
      field.removeAttribute("aria-invalid");
    }
    row.querySelector("[data-remove]")?.remove();
    rows[rows.length - 1].after(row);
    this.dress(row);
    if (focus) row.querySelector("input, select, textarea")?.focus();
    this.tell();
  }

  dress(row) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.dataset.remove = "";
    remove.className = "icon-button";
    remove.setAttribute("aria-label", "Remove this row");
    remove.title = "Remove this row";
    remove.innerHTML = `<svg class="icon" aria-hidden="true"><use></use></svg>`;
    remove.querySelector("use").setAttribute("href", `${document.documentElement.dataset.icons}#x`);
    remove.addEventListener("click", () => this.remove_(row));
    row.append(remove);
  }

  remove_(row) {
    if (this.rows().length === 1) this.add({ focus: false });
    const next = row.nextElementSibling?.querySelector("input, select") ?? this.foot.querySelector("button");
    row.remove();
    next?.focus();
    this.dispatchEvent(new Event("input", { bubbles: true }));
    this.tell();
  }

  tell() {
    if (!this.told) return;
    const fields = [...this.querySelectorAll(`[name="${CSS.escape(this.getAttribute("sum"))}"]`)];
    const shares = fields.map((field) => share(field.value)).filter((value) => value !== null);
    const sum = shares.reduce((one, other) => one + other, 0);
    const wanted = Number(this.getAttribute("wanted"));
    const right = Math.abs(sum - wanted) < 1e-9;
    this.told.textContent = shares.some(Number.isNaN)
      ? "Not all are numbers."
      : `Together ${Number(sum.toPrecision(10))}${right ? "" : `, not ${wanted}`}.`;
    this.told.classList.toggle("row-list-wrong", !right);
  }
}

function share(text) {
  const typed = text.trim();
  if (!typed) return null;
  const number = Number(typed.replace("%", "").replace(",", "."));
  return typed.endsWith("%") ? number / 100 : number;
}
customElements.define("row-list", RowList);
