// <step-list src="/…/steps"> around an <ol> of <li data-position data-was> with a .grip each: parts are moved by
// dragging their grip, or by the arrow keys on it. Each move is saved at once, and the list comes back.
import htmx from "htmx.org";

class StepList extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("pointerdown", (event) => this.grab(event));
  }

  key(event) {
    const grip = event.target.closest?.(".grip");
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!grip || !by) return;
    event.preventDefault();
    const item = grip.closest("li");
    const to = Number(item.dataset.position) + by;
    if (to >= 0 && to < this.items().length) this.move(item, to);
  }

  items() {
    return [...this.querySelectorAll("li[data-position]")];
  }

  grab(event) {
    const grip = event.target.closest?.(".grip");
    if (!grip || event.button !== 0) return;
    event.preventDefault();
    grip.focus();
    const item = grip.closest("li");
    const from = event.clientY;
    const boxes = this.items().map((one) => one.getBoundingClientRect());
    const begin = Number(item.dataset.position);
    let to = begin;
    item.classList.add("part-dragged");
    const drag = (move) => {
      const middle = boxes[begin].top + boxes[begin].height / 2 + move.clientY - from;
      to = boxes.filter((box, place) => place !== begin && box.top + box.height / 2 < middle).length;
      this.items().forEach((one, place) => {
        one.classList.toggle("part-before", place === to && to < begin);
        one.classList.toggle("part-behind", place === to && to > begin);
      });
    };
    const drop = (ended) => {
      document.removeEventListener("pointermove", drag);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", drop);
      for (const one of this.items()) one.classList.remove("part-dragged", "part-before", "part-behind");
      if (ended.type === "pointerup" && to !== begin) this.move(item, to);
    };
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", drop);
  }

  async move(item, to) {
    if (this.moving) return;
    this.moving = true;
    const grip = item.querySelector(".grip").id;
    try {
      await htmx.ajax("POST", `${this.getAttribute("src")}/${item.dataset.position}/move`, {
        source: this,
        target: "#parts",
        swap: "outerHTML",
        values: { was: item.dataset.was, to },
      });
    } finally {
      this.moving = false;
      document.getElementById(grip)?.focus();
    }
  }
}
customElements.define("step-list", StepList);
