// <live-part src="/a/fragment" on="deployment:ID service" every="5"> … </live-part>
// Shows a part of the page anew: when the control plane tells of a change of an object (`kind` or `kind:id`, by
// its stream of events, which all parts of a page share), and every so many seconds while the page is seen. The
// answer replaces the element by morphing; an answer without `every` ends the asking. Focus and open details stay.
import htmx from "htmx.org";

let stream = null;
let latest = null;
const listeners = new Set();

function listen() {
  if (stream) return;
  stream = new EventSource("/api/v1/events");
  const hear = (event) => {
    latest = event.data;
    let change;
    try {
      change = JSON.parse(event.data);
    } catch {
      return;
    }
    for (const one of listeners) one(change);
  };
  stream.addEventListener("change", hear);
  stream.onmessage = hear;
}
// A stream that found its session ended does not begin again by itself.
document.addEventListener("signed-in", () => {
  stream?.close();
  stream = null;
  if (listeners.size) listen();
});
addEventListener("pagehide", () => {
  stream?.close();
  stream = null;
});

class LivePart extends HTMLElement {
  connectedCallback() {
    const wanted = (this.getAttribute("on") ?? "").split(/\s+/).filter(Boolean);
    if (wanted.length) {
      this.hear = (change) => {
        if (wanted.includes(change.kind) || wanted.includes(`${change.kind}:${change.object}`)) this.soon(150);
      };
      listeners.add(this.hear);
      listen();
    }
    this.again();
  }

  disconnectedCallback() {
    if (this.hear) listeners.delete(this.hear);
    clearTimeout(this.timer);
    clearTimeout(this.pending);
  }

  again() {
    clearTimeout(this.timer);
    const every = Number(this.getAttribute("every"));
    if (every > 0) this.timer = setTimeout(() => (document.hidden ? this.again() : this.refresh()), every * 1000);
  }

  soon(delay) {
    clearTimeout(this.pending);
    this.pending = setTimeout(() => this.refresh(), delay);
  }

  async refresh() {
    if (this.asking || !this.isConnected) return;
    this.asking = true;
    try {
      await htmx.ajax("GET", this.getAttribute("src"), { source: this, target: this, swap: "outerMorph" });
    } finally {
      this.asking = false;
      if (this.isConnected) this.again();
    }
  }
}
customElements.define("live-part", LivePart);
