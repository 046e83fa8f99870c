// Times in the reader's zone: <time datetime="…"> shows how long ago, and the whole in its title.
const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const near = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "long" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function relative(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return near.format(Math.round(seconds / size), unit);
  }
  return seconds > 5 ? near.format(Math.round(seconds), "second") : "just now";
}

function show(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = time.dataset.show === "whole" ? whole.format(date) : relative(date);
    if (time.textContent !== text) time.textContent = text;
    time.title = whole.format(date);
  }
}

show();
document.addEventListener("htmx:after:swap", () => show());
setInterval(show, 30000);
