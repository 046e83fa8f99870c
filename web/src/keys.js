// Keys: `g` and a letter goes to a part of the product (the links with data-key), `?` shows them all. Not while
// somebody types.
let waiting = false;
let timer = 0;

const types = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor") || target.isContentEditable;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || types(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (waiting) {
    stop();
    const link = document.querySelector(`a[data-key="g ${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "g") {
    waiting = true;
    timer = setTimeout(stop, 1500);
  } else if (event.key === "?") {
    document.getElementById("keys-help")?.showModal();
  }
});

function stop() {
  waiting = false;
  clearTimeout(timer);
}
