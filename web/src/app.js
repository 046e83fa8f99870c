import htmx from "htmx.org";
import "./elements/choice-of-columns.js";
import "./elements/code-editor.js";
import "./elements/copy-button.js";
import "./elements/json-editor.js";
import "./elements/flow-picture.js";
import "./elements/live-part.js";
import "./elements/log-end.js";
import "./elements/row-list.js";
import "./elements/run-watch.js";
import "./elements/shown-for.js";
import "./elements/step-list.js";
import "./elements/search-palette.js";
import "./elements/sign-in-dialog.js";
import "./elements/tab-set.js";
import "./elements/tour-panel.js";
import "./drafts.js";
import "./dialogs.js";
import "./keys.js";
import "./requests.js";
import "./sessions.js";
import "./times.js";
import "./toasts.js";
import "./unsaved.js";
import "./themes.js";

htmx.config.includeIndicatorCSS = false;
htmx.config.history = "reload";
htmx.config.defaultTimeout = 600_000; // ten thousand queries take their time; what takes longer is a job
