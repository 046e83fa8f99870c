// <sign-in-dialog>: when the session has ended, asks for the password where one is, so that nothing typed is lost.
// `signedIn()` asks, and tells whether somebody signed in; whoever calls it then sends his request again.
let asking = null;

export function signedIn() {
  asking ??= new Promise((resolve) => {
    const dialog = document.createElement("sign-in-dialog");
    dialog.done = (yes) => {
      asking = null;
      dialog.remove();
      resolve(yes);
    };
    document.body.append(dialog);
  });
  return asking;
}

// The proof that a page of ours asks goes with the session, which another tab may have begun.
export async function renewProof() {
  const answer = await fetch("/sign-in/token", { cache: "no-store" });
  if (!answer.ok) return "";
  return useProof((await answer.json()).csrf);
}

function useProof(csrf) {
  const meta = document.querySelector('meta[name="csrf-token"]');
  if (meta) meta.content = csrf;
  return csrf;
}

class SignInDialog extends HTMLElement {
  connectedCallback() {
    const who = document.querySelector(".avatar")?.title ?? "";
    this.innerHTML = `
      <dialog aria-labelledby="sign-in-again">
        <form class="form">
          <div class="dialog-head"><h2 id="sign-in-again">Your session has ended</h2></div>
          <div class="dialog-body form">
            <p>Sign in to go on where you are. What you typed is still here, and is sent after that.</p>
            <div class="field"><label for="again-name">User name</label>
              <input type="text" id="again-name" name="name" required autocomplete="username" autocapitalize="none" spellcheck="false"></div>
            <div class="field"><label for="again-password">Password</label>
              <input type="password" id="again-password" name="password" required autocomplete="current-password" aria-describedby="again-error"></div>
            <p class="field-error" id="again-error" role="alert"></p>
          </div>
          <div class="dialog-foot">
            <button type="button" class="button" data-not-now>Not now</button>
            <button type="submit" class="button button-main">Sign in</button>
          </div>
        </form>
      </dialog>`;
    this.dialog = this.querySelector("dialog");
    this.form = this.querySelector("form");
    this.form.elements.name.value = who;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.querySelector("[data-not-now]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.done(this.isDone === true));
    this.dialog.showModal();
    (who ? this.form.elements.password : this.form.elements.name).focus();
  }

  async send() {
    const error = this.querySelector("#again-error");
    const { name, password } = this.form.elements;
    error.textContent = "";
    let answer;
    try {
      answer = await fetch("/api/v1/session", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: name.value.trim(), password: password.value }),
      });
    } catch {
      error.textContent = "The control plane cannot be reached; try again.";
      return;
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      error.textContent = told.message ?? `The control plane answered ${answer.status}; try again.`;
      password.setAttribute("aria-invalid", "true");
      password.select();
      return;
    }
    if (told.must_change) {
      error.textContent = "This is a one-time password. Change it in another tab, at /me/password, and sign in here with the new one.";
      return;
    }
    useProof(told.csrf);
    this.isDone = true;
    document.dispatchEvent(new Event("signed-in"));
    this.dialog.close();
  }
}
customElements.define("sign-in-dialog", SignInDialog);
