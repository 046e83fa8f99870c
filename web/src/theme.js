// Before the first paint: the theme that the reader chose. Without a choice the system's counts.
const chosen = localStorage.getItem("scoreline-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
// What only works with scripts is there from the start, so that no style is computed twice.
document.documentElement.classList.add("has-scripts");
