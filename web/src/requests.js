// Requests of forms and live parts: each carries the proof that a page of ours asks; one that could not be
// sent says so and leaves what was typed as it is.
import { toast } from "./toasts.js";

document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.ctx.request.headers["X-CSRF-Token"] = token;
});

// What did not come from a page of ours (a proxy's error, an empty body) must not replace a form.
document.addEventListener("htmx:before:swap", (event) => {
  const ctx = event.detail.ctx;
  const response = ctx?.response;
  if (!response || response.status < 400) return;
  if (!ctx.text?.trim() || !(response.headers?.get?.("Scoreline-Page"))) {
    event.preventDefault();
    if (!isQuiet(ctx)) toast(`The control plane answered ${response.status}. Nothing is lost: try again.`, "error");
  }
});

document.addEventListener("htmx:error", (event) => {
  const ctx = event.detail?.ctx;
  if (ctx?.response || !ctx?.request || event.detail.error?.name === "SignedOut") return;
  if (!isQuiet(ctx)) toast("Not sent: the control plane cannot be reached. What you typed is still here; try again.", "error");
});

// What looks by itself says nothing when it cannot: it looks again.
function isQuiet(ctx) {
  return Boolean(ctx.sourceElement?.closest?.("live-part, tour-panel") ?? ctx.target?.closest?.("live-part, tour-panel"));
}
