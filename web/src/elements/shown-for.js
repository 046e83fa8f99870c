// <shown-for for="ID" when="VALUE">: shown while the field of that id has that value. Without scripts, always.
class ShownFor extends HTMLElement {
  connectedCallback() {
    this.field = document.getElementById(this.getAttribute("for"));
    if (!this.field) return;
    this.tell = () => {
      this.hidden = this.field.value !== this.getAttribute("when");
    };
    this.field.addEventListener("change", this.tell);
    this.field.form?.addEventListener("draft-restored", this.tell);
    this.tell();
  }

  disconnectedCallback() {
    this.field?.removeEventListener("change", this.tell);
    this.field?.form?.removeEventListener("draft-restored", this.tell);
  }
}
customElements.define("shown-for", ShownFor);
