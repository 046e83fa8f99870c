// <button data-open="ID"> opens the <dialog id="ID">; <button data-close> closes the one it is in; a click beside
// a dialog and Escape close it, too. Of <details class="menu"> only one is open at a time.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    opener.closest("details.menu")?.removeAttribute("open");
    document.getElementById(opener.dataset.open)?.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target.nodeName === "DIALOG" && isOutside(event.target, event)) event.target.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.removeAttribute("open");
  menu.querySelector("summary").focus();
});

// A dialog that came with errors stays open when its form is shown again.
function reopen() {
  for (const dialog of document.querySelectorAll("dialog[data-shown]:not([open])")) {
    dialog.removeAttribute("data-shown");
    dialog.showModal();
  }
}
reopen();
document.addEventListener("htmx:after:swap", reopen);

function isOutside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return (
    event.clientX !== 0 &&
    (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom)
  );
}
