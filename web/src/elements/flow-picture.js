// <flow-picture live="…" selection="…" shape="…" building> around the SVG of a flow. A click selects (Shift: adds),
// a double click or Enter opens; arrow keys walk along the lines, + - 0 zoom, dragging moves. States come by
// themselves: every second while something is being built, else now and then, and when the project changes.
import htmx from "htmx.org";

const STATES = ["source", "fresh", "stale", "waiting", "building", "failed"];
const SMALLEST = 0.72; // how small a picture begins: below that its words are hard to read
const NARROW = 700;
const OFTEN = 1000;
const SELDOM = 15000;

class FlowPicture extends HTMLElement {
  connectedCallback() {
    this.svg = this.querySelector(".flow-svg");
    this.width = Number(this.svg.dataset.width);
    this.height = Number(this.svg.dataset.height);
    this.nodes = new Map([...this.svg.querySelectorAll("[data-node]")].map((node) => [node.dataset.node, node]));
    this.lines = [...this.svg.querySelectorAll("[data-from]")];
    this.selected = new URLSearchParams(location.search).getAll("node").filter((id) => this.nodes.has(id));
    this.middles = new Map([...this.nodes].map(([id, node]) => [id, middle(node)]));
    this.listen();
    this.mark();
    this.fit();
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this);
    this.again();
  }

  disconnectedCallback() {
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  listen() {
    this.svg.addEventListener("click", (event) => this.clicked(event));
    this.svg.addEventListener("dblclick", (event) => {
      const node = event.target.closest("[data-node]");
      if (node) location.assign(node.getAttribute("href"));
    });
    this.svg.addEventListener("keydown", (event) => this.pressed(event));
    this.svg.addEventListener("focusin", (event) => {
      const node = event.target.closest("[data-node]");
      if (!node) return;
      this.stop(node.dataset.node);
      if (node.matches(":focus-visible")) {
        if (this.selected.length !== 1 || this.selected[0] !== node.dataset.node) this.select([node.dataset.node]);
        this.reveal(node.dataset.node);
      }
    });
    this.svg.addEventListener("pointerdown", (event) => this.grabbed(event));
    this.svg.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * 0.004), this.point(event));
      },
      { passive: false },
    );
    this.addEventListener("click", (event) => {
      const zoom = event.target.closest("[data-zoom]")?.dataset.zoom;
      if (zoom === "fit") this.fit(true);
      else if (zoom) this.zoom(zoom === "in" ? 1.3 : 1 / 1.3);
    });
    this.panel?.addEventListener("click", (event) => {
      if (!event.target.closest("[data-unselect]")) return;
      const last = this.selected[0];
      this.select([]);
      this.nodes.get(last)?.focus({ preventScroll: true });
    });
  }

  get panel() {
    return document.getElementById("flow-panel");
  }

  // Selecting

  clicked(event) {
    if (this.moved) {
      event.preventDefault();
      return;
    }
    const node = event.target.closest("[data-node]");
    if (!node) {
      if (this.selected.length) this.select([]);
      return;
    }
    // With these the browser opens the page beside this one.
    if (event.ctrlKey || event.metaKey || event.detail === 0) return;
    event.preventDefault();
    const id = node.dataset.node;
    if (!event.shiftKey) this.select([id]);
    else this.select(this.selected.includes(id) ? this.selected.filter((one) => one !== id) : [...this.selected, id]);
  }

  select(ids) {
    this.selected = ids;
    this.mark();
    const here = new URL(location.href);
    here.searchParams.delete("node");
    for (const id of ids) here.searchParams.append("node", id);
    history.replaceState(history.state, "", here);
    clearTimeout(this.asking);
    // Whoever walks with the keys passes many.
    this.asking = setTimeout(() => this.show(), 120);
  }

  async show() {
    if (!this.panel) return;
    if (!this.selected.length) {
      this.panel.replaceChildren();
      return;
    }
    const asked = this.selected.join();
    const query = this.selected.map((id) => `node=${encodeURIComponent(id)}`).join("&");
    await htmx.ajax("GET", `${this.getAttribute("selection")}?${query}`, { source: this.panel, target: this.panel, swap: "innerHTML" });
    if (asked !== this.selected.join()) this.show();
    else setTimeout(() => this.uncover(), 350); // not between the two clicks of a double one
  }

  // What is selected does not stay below the panel.
  uncover() {
    const node = this.nodes.get(this.selected[0]);
    if (!node || this.selected.length > 1 || getComputedStyle(this.panel).position !== "absolute") return;
    const [box, over] = [node.getBoundingClientRect(), this.panel.getBoundingClientRect()];
    if (box.right < over.left || box.left > over.right || box.bottom < over.top || box.top > over.bottom) return;
    this.x += (box.right - over.left + 24) / this.scale;
    this.touched = true;
    this.apply();
  }

  mark() {
    const near = new Set();
    for (const line of this.lines) {
      const is = this.selected.includes(line.dataset.from) || this.selected.includes(line.dataset.to);
      line.classList.toggle("is-near", is);
      if (is) near.add(line.dataset.from).add(line.dataset.to);
    }
    for (const [id, node] of this.nodes) {
      const is = this.selected.includes(id);
      node.classList.toggle("is-selected", is);
      node.toggleAttribute("aria-current", is);
      if (is) node.setAttribute("aria-current", "true");
    }
    this.svg.classList.toggle("has-selection", this.selected.length > 0);
    this.stop(this.selected[0] ?? this.nodes.keys().next().value);
  }

  // Only one of them is a stop of the Tab key: the arrow keys lead to the others.
  stop(id) {
    for (const [other, node] of this.nodes) node.setAttribute("tabindex", other === id ? "0" : "-1");
  }

  // Keys

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoom(1.3);
    else if (event.key === "-") this.zoom(1 / 1.3);
    else if (event.key === "0") this.fit(true);
    else if (event.key === "Escape" && this.selected.length) this.select([]);
    else if (event.key.startsWith("Arrow")) {
      const from = event.target.closest("[data-node]")?.dataset.node;
      const to = from && this.next(from, event.key.slice(5));
      if (to) this.nodes.get(to).focus({ preventScroll: true });
    } else return;
    event.preventDefault();
  }

  next(from, way) {
    const here = this.middles.get(from);
    const sideways = way === "Left" || way === "Right";
    if (sideways) {
      const [mine, other] = way === "Right" ? ["from", "to"] : ["to", "from"];
      const linked = this.lines.filter((line) => line.dataset[mine] === from).map((line) => line.dataset[other]);
      return nearest(linked, this.middles, (there) => Math.abs(there.y - here.y));
    }
    const down = way === "Down";
    const beyond = [...this.nodes.keys()].filter((id) => {
      const there = this.middles.get(id);
      return down ? there.y > here.y + 4 : there.y < here.y - 4;
    });
    return nearest(beyond, this.middles, (there) => Math.abs(there.y - here.y) + 4 * Math.abs(there.x - here.x));
  }

  // Seeing: `view` is the part that is shown

  resized() {
    if (this.clientWidth === this.shown) return;
    if (this.touched) {
      this.shown = this.clientWidth;
      this.apply();
    } else this.fit();
  }

  fit(whole = false) {
    // Asked for here and nowhere else: after a change of the picture the answer takes a layout of all of it.
    this.shown = this.clientWidth;
    const width = this.shown || 800;
    const scale = Math.min(1, width / (this.width + 40));
    const shown = whole ? scale : Math.max(scale, width < NARROW ? 0.85 : SMALLEST);
    const most = Math.max(320, innerHeight * 0.68);
    const height = Math.min(Math.max((this.height + 48) * shown, width < NARROW ? 240 : 430), most);
    this.scale = whole ? Math.min(scale, most / (this.height + 48)) : shown;
    this.svg.setAttribute("height", String(Math.round(height)));
    this.svg.setAttribute("width", "100%");
    this.svg.setAttribute("preserveAspectRatio", "xMinYMin slice");
    const spare = (width / this.scale - this.width) / 2;
    this.x = spare > 20 ? -spare : -20;
    const room = height / this.scale;
    // What is higher than its room begins where its first boxes are.
    this.y = this.height + 48 <= room ? -(room - this.height) / 2 : Math.max(-24, this.beginning() - room / 2);
    this.touched = whole ? false : this.touched;
    this.apply();
    if (!whole && this.selected.length) this.reveal(this.selected[0]);
  }

  beginning() {
    const left = Math.min(...[...this.middles.values()].map((one) => one.x));
    const first = [...this.middles.values()].filter((one) => one.x < left + 10);
    return first.reduce((sum, one) => sum + one.y, 0) / (first.length || 1);
  }

  apply() {
    const width = this.shown / this.scale;
    const height = Number(this.svg.getAttribute("height")) / this.scale;
    this.x = Math.min(Math.max(this.x, 40 - width), this.width - 40);
    this.y = Math.min(Math.max(this.y, 40 - height), this.height - 40);
    this.svg.setAttribute("viewBox", `${this.x} ${this.y} ${width} ${height}`);
  }

  zoom(factor, around) {
    const width = this.shown / this.scale;
    const height = Number(this.svg.getAttribute("height")) / this.scale;
    const [x, y] = around ?? [this.x + width / 2, this.y + height / 2];
    const scale = Math.min(2.5, Math.max(0.05, this.scale * factor));
    this.x = x - ((x - this.x) * this.scale) / scale;
    this.y = y - ((y - this.y) * this.scale) / scale;
    this.scale = scale;
    this.touched = true;
    this.apply();
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    return [this.x + (event.clientX - box.left) / this.scale, this.y + (event.clientY - box.top) / this.scale];
  }

  grabbed(event) {
    if (event.button !== 0) return;
    const start = { x: event.clientX, y: event.clientY, left: this.x, top: this.y };
    this.moved = false;
    const move = (now) => {
      if (now.pointerId !== event.pointerId) return;
      const [dx, dy] = [now.clientX - start.x, now.clientY - start.y];
      if (!this.moved && Math.hypot(dx, dy) < 5) return;
      if (!this.moved) this.svg.setPointerCapture(event.pointerId);
      this.moved = this.touched = true;
      this.classList.add("is-grabbed");
      this.x = start.left - dx / this.scale;
      this.y = start.top - dy / this.scale;
      this.apply();
    };
    const end = () => {
      removeEventListener("pointermove", move);
      this.classList.remove("is-grabbed");
      setTimeout(() => (this.moved = false));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
    addEventListener("pointercancel", end, { once: true });
  }

  reveal(id) {
    const at = this.middles.get(id);
    const width = this.shown / this.scale;
    const height = Number(this.svg.getAttribute("height")) / this.scale;
    const [across, up] = [Math.min(112, width / 2), Math.min(60, height / 2)];
    if (at.x < this.x + across) this.x = at.x - across;
    if (at.x > this.x + width - across) this.x = at.x + across - width;
    if (at.y < this.y + up) this.y = at.y - up;
    if (at.y > this.y + height - up) this.y = at.y + up - height;
    this.apply();
  }

  // Living

  again() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), this.hasAttribute("building") ? OFTEN : SELDOM);
  }

  async look() {
    if (!document.hidden) {
      try {
        const answer = await fetch(this.getAttribute("live"), { headers: { "HX-Request": "true" } });
        if (answer.ok) this.take(await answer.json());
      } catch {
        /* the control plane is away: the next look tells */
      }
    }
    if (this.isConnected) this.again();
  }

  take({ shape, job, states }) {
    if (shape !== this.getAttribute("shape")) {
      location.reload();
      return;
    }
    const wasBuilding = this.hasAttribute("building");
    this.toggleAttribute("building", job !== null);
    let changed = false;
    for (const [id, [state, about, label]] of Object.entries(states)) {
      const node = this.nodes.get(id);
      const words = node?.querySelector("[role=img]");
      if (!words || words.getAttribute("aria-label") === label) continue;
      changed = true;
      for (const one of STATES) node.classList.toggle(`is-${one}`, one === state);
      words.setAttribute("aria-label", label);
      node.querySelector("title").textContent = label;
      const below = node.querySelector(".flow-about");
      if (below) below.textContent = about;
    }
    if (changed && this.selected.length && !this.panel?.contains(document.activeElement)) this.show();
    // Somebody else has begun a build: the bar above tells of it, too.
    if (!wasBuilding && job !== null) document.getElementById("build-bar")?.refresh?.();
  }
}

function middle(node) {
  const [x, y] = node.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
  return { x, y };
}

function nearest(ids, middles, distance) {
  let best;
  let least = Infinity;
  for (const id of ids) {
    const far = distance(middles.get(id));
    if (far < least) [best, least] = [id, far];
  }
  return best;
}

customElements.define("flow-picture", FlowPicture);
