// Forms with data-draft="KEY" are never lost: what was typed is kept by the browser until it was saved, and is
// there again after a reload, a lost connection or a session that expired. The server sends data-draft-saved on
// the page that follows; a field that the server filled anew (another one saved meanwhile) keeps what was typed,
// and the form says so.
const PREFIX = "scoreline-draft:";
const kept = ["input", "textarea", "select"].join(",");

function fields(form) {
  return [...form.elements].filter((field) => field.name && field.matches(kept) && !["password", "file", "hidden", "submit"].includes(field.type));
}

function read(form) {
  return Object.fromEntries(
    fields(form).map((field) => [fieldKey(form, field), field.type === "checkbox" || field.type === "radio" ? field.checked : field.value]),
  );
}

function fieldKey(form, field) {
  const same = fields(form).filter((other) => other.name === field.name);
  return same.length > 1 ? `${field.name}#${same.indexOf(field)}` : field.name;
}

function keep(form) {
  const draft = { at: Date.now(), values: read(form) };
  try {
    sessionStorage.setItem(PREFIX + form.dataset.draft, JSON.stringify(draft));
  } catch {
    /* full or forbidden: the page works without drafts */
  }
}

function restore(form) {
  const stored = sessionStorage.getItem(PREFIX + form.dataset.draft);
  if (!stored || form.dataset.draftRestored) return;
  form.dataset.draftRestored = "yes";
  const { values } = JSON.parse(stored);
  let changed = false;
  for (const field of fields(form)) {
    const value = values[fieldKey(form, field)];
    if (value === undefined) continue;
    if (field.type === "checkbox" || field.type === "radio") {
      changed ||= field.checked !== value;
      field.checked = value;
    } else if (field.value !== value) {
      changed = true;
      field.value = value;
    }
  }
  if (!changed) return;
  form.dispatchEvent(new CustomEvent("draft-restored", { bubbles: true }));
  const note = form.querySelector("[data-draft-note]") ?? document.createElement("p");
  note.dataset.draftNote = "";
  note.className = "draft-note";
  note.setAttribute("role", "status");
  note.textContent = "What you typed before is here again; it is not saved yet. ";
  const discard = document.createElement("button");
  discard.type = "button";
  discard.className = "button button-small";
  discard.textContent = "Discard it";
  discard.addEventListener("click", () => {
    sessionStorage.removeItem(PREFIX + form.dataset.draft);
    location.reload();
  });
  note.append(discard);
  form.prepend(note);
}

function drafts() {
  for (const saved of document.querySelectorAll("[data-draft-saved]")) {
    sessionStorage.removeItem(PREFIX + saved.dataset.draftSaved);
  }
  for (const form of document.querySelectorAll("form[data-draft]")) restore(form);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-draft]");
  if (form) keep(form);
});
// A change that was taken: the answer leads elsewhere, or is good.
document.addEventListener("htmx:after:request", (event) => {
  const ctx = event.detail.ctx;
  const form = ctx?.sourceElement?.closest?.("form[data-draft]");
  if (form && ctx.response && ctx.response.status < 300) sessionStorage.removeItem(PREFIX + form.dataset.draft);
});
document.addEventListener("htmx:after:swap", drafts);
drafts();
