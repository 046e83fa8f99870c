// Short messages at the bottom: after a change (`scoreline_say`, a cookie of the answer) and when something fails.
const place = () => document.getElementById("toasts");

export function toast(text, kind = "done") {
  const shown = document.createElement("div");
  shown.className = `toast toast-${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "×";
  close.addEventListener("click", () => shown.remove());
  shown.append(words, close);
  place()?.append(shown);
  if (kind !== "error") setTimeout(() => shown.remove(), 6000);
  while (place()?.children.length > 3) place().firstChild.remove();
}

function said() {
  const found = document.cookie.split("; ").find((one) => one.startsWith("scoreline_say="));
  if (!found) return;
  document.cookie = "scoreline_say=; path=/; max-age=0; samesite=lax";
  toast(decodeURIComponent(found.slice("scoreline_say=".length)));
}

said();
document.addEventListener("htmx:after:request", (event) => {
  // On the way to another page it is said there; parts that are shown anew meanwhile must not say it here.
  const { response, sourceElement } = event.detail.ctx ?? {};
  if (sourceElement?.nodeName !== "LIVE-PART" && !response?.headers?.get?.("HX-Redirect")) said();
});
