// <run-watch run="12" [ended]> around #run: how a run goes, by its stream of events. What changes is asked for as a
// page part; lines of logs go into <pre data-log="STEP">, those of the run itself into <pre data-log="">. Of what
// the reader has opened or closed nothing is undone.
import htmx from "htmx.org";

const MOST = 5000; // lines of one log that are shown; the whole is behind "as text"

class RunWatch extends HTMLElement {
  connectedCallback() {
    this.logs = new Map();
    this.touched = new Map();
    this.number = this.getAttribute("run");
    this.over = this.hasAttribute("ended");
    this.source = new EventSource(`/api/v1/runs/${encodeURIComponent(this.number)}/events`);
    this.source.addEventListener("run", (event) => this.changed(JSON.parse(event.data)));
    this.source.addEventListener("log", (event) => this.log(JSON.parse(event.data)));
    this.source.addEventListener("error", () => {
      if (this.over) this.source.close(); // it was told to the end
    });
    this.addEventListener("click", (event) => {
      const details = event.target.closest?.("summary")?.parentElement;
      if (details?.id) this.touched.set(details.id, !details.open);
    });
    this.swapped = () => this.fill();
    document.addEventListener("htmx:after:swap", this.swapped);
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback() {
    this.source.close();
    document.removeEventListener("htmx:after:swap", this.swapped);
    clearInterval(this.timer);
  }

  changed(run) {
    const last = run.steps[run.steps.length - 1];
    const state = JSON.stringify([run.outcome, run.abort_by, run.steps.map((one) => [one.outcome, one.attempt, one.message])]);
    const first = this.state === undefined;
    if (state === this.state) return;
    this.state = state;
    if (this.over && first) return;
    this.over = run.finished_at !== null;
    const said = this.querySelector("[data-said]");
    if (said && !first) said.textContent = this.over ? `The run has ended: ${run.outcome}` : last ? `Step ${last.step}: ${last.outcome}` : "";
    this.refresh();
  }

  async refresh() {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    try {
      await htmx.ajax("GET", `/runs/${encodeURIComponent(this.number)}`, { source: this, target: "#run", swap: "outerMorph" });
    } finally {
      this.asking = false;
      if (this.again && this.isConnected) {
        this.again = false;
        this.refresh();
      }
    }
  }

  log({ step, attempt, lines }) {
    let known = this.logs.get(step);
    if (!known) this.logs.set(step, (known = { attempt, lines: [] }));
    if (known.attempt !== attempt) known.lines.push(`— try ${attempt} —`);
    known.attempt = attempt;
    known.lines.push(...lines);
    if (known.lines.length > MOST) known.lines.splice(0, known.lines.length - MOST, "… the lines before are in the text");
    this.fill(step);
  }

  fill(only) {
    for (const [id, open] of this.touched) {
      const details = document.getElementById(id);
      if (details && details.open !== open) details.open = open;
    }
    for (const pre of this.querySelectorAll("pre[data-log]")) {
      const step = pre.dataset.log;
      if (only !== undefined && step !== only) continue;
      const text = (this.logs.get(step)?.lines ?? []).join("\n");
      if (pre.textContent === text) continue;
      const follows = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 24;
      pre.textContent = text;
      if (follows) pre.scrollTop = pre.scrollHeight;
    }
    this.tick();
  }

  tick() {
    for (const place of this.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(place.dataset.since)) / 1000));
      place.textContent = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    }
  }
}
customElements.define("run-watch", RunWatch);
