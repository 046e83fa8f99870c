// Forms with data-unsaved hold what is not saved yet: the browser asks before such a page is left.
let leaving = false;

addEventListener("beforeunload", (event) => {
  if (!leaving && document.querySelector("form[data-unsaved]")) event.preventDefault();
});
// An answer that leads to another page has saved it.
document.addEventListener("htmx:after:request", (event) => {
  leaving = Boolean(event.detail.ctx?.response?.headers?.get?.("HX-Redirect"));
});
