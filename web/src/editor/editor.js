// The editor of <code-editor>, loaded when there is one on the page.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import {
  HighlightStyle,
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.propertyName, tags.definition(tags.propertyName), tags.operatorKeyword], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.comment], color: "var(--text-faint)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--info)" },
]);

const look = EditorView.theme({
  "&": {
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-small)",
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    fontSize: "0.8125rem",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "0" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", minHeight: "180px", maxHeight: "70vh", overflow: "auto" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-faint)", border: "0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 35%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft) !important" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", borderColor: "var(--line-strong)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-button, .cm-textfield": { backgroundColor: "var(--card)", backgroundImage: "none", color: "var(--text)", borderColor: "var(--line-strong)" },
  ".cm-matchingBracket": { backgroundColor: "var(--gold) !important", color: "#2b210a !important" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", color: "var(--text-soft)", borderColor: "var(--line)" },
});

function languageOf(name, words) {
  if (name === "sql") return [sql({ dialect: PostgreSQL, schema: words, upperCaseKeywords: true })];
  if (name === "python") return [python(), indentUnit.of("    ")];
  if (name === "yaml") return [yaml()];
  if (name === "json") return [json()];
  return [];
}

// Chromium, when it replaces several lines by itself, carries their look over as an inline style, which the policy
// forbids. So what is typed over a selection is put in here.
function typeOver(event, view) {
  const { main } = view.state.selection;
  if (event.inputType !== "insertText" || main.empty || !event.data || event.isComposing) return false;
  const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type" });
  const handlers = view.state.facet(EditorView.inputHandler);
  if (!handlers.some((handle) => handle(view, main.from, main.to, event.data, insert))) view.dispatch(insert());
  return true;
}

function diagnostics(state, problems) {
  return problems.map(({ line, message }) => {
    const found = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
    return { from: found.from, to: found.to, severity: "error", message };
  });
}

export function makeEditor({ root, text, language, label, readOnly, problems, words, changed }) {
  // Focusable by itself, whatever a browser makes of an editable element.
  const attributes = { "aria-label": label, tabindex: "0" };
  const state = EditorState.create({
    doc: text,
    extensions: [
      lineNumbers(),
      foldGutter(),
      lintGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      autocompletion(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      syntaxHighlighting(colours),
      look,
      EditorView.lineWrapping,
      EditorView.domEventHandlers({ beforeinput: typeOver }),
      EditorState.readOnly.of(readOnly),
      EditorView.contentAttributes.of(attributes),
      keymap.of([
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...foldKeymap,
        ...completionKeymap,
        indentWithTab,
      ]),
      ...languageOf(language, words),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.some((one) => one.isUserEvent("shown"))) {
          changed(update.state.doc.toString());
        }
      }),
    ],
  });
  const view = new EditorView({ state, root, parent: root });
  if (problems.length) view.dispatch(setDiagnostics(view.state, diagnostics(view.state, problems)));
  return {
    focus: () => view.focus(),
    show(other) {
      if (other === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: other }, userEvent: "shown" });
    },
  };
}
