// <choice-of-columns some="NAME">: ticking a box inside chooses the radio button NAME with the value "some".
class ChoiceOfColumns extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", (event) => {
      if (event.target.type !== "checkbox" && event.target.type !== "text") return;
      const radios = this.closest("form").elements[this.getAttribute("some")];
      for (const radio of radios) radio.checked = radio.value === "some";
      if (event.target.type === "text" && event.target.value.trim()) event.target.closest("tr").querySelector("[type=checkbox]").checked = true;
    });
  }
}
customElements.define("choice-of-columns", ChoiceOfColumns);
