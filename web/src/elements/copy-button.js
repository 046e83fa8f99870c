// <copy-button for="ID" label="Copy the URL"></copy-button>: copies the text of an element, and says so.
class CopyButton extends HTMLElement {
  connectedCallback() {
    if (this.firstElementChild) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon-button";
    const label = this.getAttribute("label") ?? "Copy";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.innerHTML = `<svg class="icon" aria-hidden="true"><use></use></svg>`;
    button.querySelector("use").setAttribute("href", `${document.documentElement.dataset.icons}#copy`);
    button.addEventListener("click", () => this.copy(button, label));
    this.append(button);
  }

  async copy(button, label) {
    const source = document.getElementById(this.getAttribute("for"));
    const text = this.getAttribute("text") ?? source?.value ?? source?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https a page may not write to the clipboard by itself.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "visually-hidden";
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const use = button.querySelector("use");
    use.setAttribute("href", `${document.documentElement.dataset.icons}#check`);
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      use.setAttribute("href", `${document.documentElement.dataset.icons}#copy`);
      button.setAttribute("aria-label", label);
    }, 1600);
  }
}
customElements.define("copy-button", CopyButton);
