// A request that finds the session ended waits until somebody signed in again, and is sent again as it was.
import { renewProof, signedIn } from "./elements/sign-in-dialog.js";
import { toast } from "./toasts.js";

let told = false;
document.addEventListener("signed-in", () => (told = false));

document.addEventListener("htmx:before:request", (event) => {
  const ctx = event.detail.ctx;
  const isLive = looksByItself(ctx);
  ctx.fetch = async (action, request) => {
    const answer = await fetch(action, request);
    if (isOver(answer)) {
      if (isLive) return rest();
      if (!(await signedIn())) return leave();
    } else if (!isNotProved(answer) || !(await renewProof())) {
      return answer;
    }
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    const headers = { ...request.headers, ...(token ? { "X-CSRF-Token": token } : {}) };
    // Its time may have run out while somebody signed in.
    return fetch(action, { ...request, headers, signal: undefined });
  };
});

// What an element of ours asks for by itself, and nobody by a button or a form.
function looksByItself(ctx) {
  const source = ctx.sourceElement;
  if (ctx.request.method !== "GET" || !source) return false;
  return source.localName.includes("-") || Boolean(source.closest("tour-panel"));
}

const isOver = (answer) => answer.status === 401 && answer.headers.has("Scoreline-Sign-In");
// Another tab has signed in anew: this page has the proof of the session before.
const isNotProved = (answer) => answer.status === 403 && !answer.headers.has("Scoreline-Page");

function rest() {
  if (!told) toast("Your session has ended: this page stays as it is until you sign in again.", "error");
  told = true;
  throw new SignedOut("the session has ended");
}

// The answer is no page for the place that it would be put into: the form stays as it is.
function leave() {
  toast("Not sent: your session has ended. What you typed is still here; send it again to sign in.", "error");
  throw new SignedOut("the session has ended");
}

class SignedOut extends Error {
  name = "SignedOut";
}
