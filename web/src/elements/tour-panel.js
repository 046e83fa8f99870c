// <tour-panel>: the tutorial beside the pages of a project. `?tour=start` in an address begins it; it stays, from
// page to page, until it is closed. Rows that leave no trace in the product are ticked when their page was seen
// (data-tour="7" on a page, or on what a page shows later).
import htmx from "htmx.org";

const PROJECT = "scoreline-tour";
const SEEN = "scoreline_tour_seen";

function seen() {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${SEEN}=`));
  return new Set((found?.slice(SEEN.length + 1) ?? "").split("-").filter(Boolean));
}

class TourPanel extends HTMLElement {
  connectedCallback() {
    const address = new URL(location.href);
    const here = document.documentElement.dataset.project;
    if (address.searchParams.get("tour") === "start" && here) {
      localStorage.setItem(PROJECT, here);
      document.cookie = `${SEEN}=; path=/; max-age=0; samesite=lax`;
      address.searchParams.delete("tour");
      history.replaceState(history.state, "", address);
    }
    this.look = new MutationObserver(() => this.note());
    this.look.observe(document.body, { childList: true, subtree: true });
    addEventListener("click", this.start);
    this.show();
  }

  disconnectedCallback() {
    this.look.disconnect();
    removeEventListener("click", this.start);
  }

  start = (event) => {
    if (!event.target.closest?.("[data-tour-start]")) return;
    localStorage.setItem(PROJECT, document.documentElement.dataset.project);
    this.show();
  };

  note() {
    const known = seen();
    const now = [...document.querySelectorAll("[data-tour]")].map((one) => one.dataset.tour);
    if (!localStorage.getItem(PROJECT) || now.every((one) => known.has(one))) return;
    for (const one of now) known.add(one);
    document.cookie = `${SEEN}=${[...known].join("-")}; path=/; max-age=31536000; samesite=lax`;
    this.querySelector("live-part")?.soon?.(100);
  }

  show() {
    const project = localStorage.getItem(PROJECT);
    document.body.classList.toggle("with-tour", Boolean(project));
    this.hidden = !project;
    if (!project) return;
    this.note();
    const close = this.querySelector("[data-tour-close]");
    close.onclick = () => {
      localStorage.removeItem(PROJECT);
      this.show();
    };
    const fold = this.querySelector("[data-tour-fold]");
    const folded = localStorage.getItem(`${PROJECT}-folded`) === "yes";
    this.classList.toggle("tour-folded", folded);
    fold.setAttribute("aria-expanded", String(!folded));
    fold.onclick = () => {
      localStorage.setItem(`${PROJECT}-folded`, folded ? "no" : "yes");
      this.show();
    };
    const rows = this.querySelector("#tour-rows");
    if (!rows.hasAttribute("src")) {
      htmx.ajax("GET", `/tour/${encodeURIComponent(project)}`, { target: "#tour-rows", swap: "outerHTML" });
    }
  }
}
customElements.define("tour-panel", TourPanel);
