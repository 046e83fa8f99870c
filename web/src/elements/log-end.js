// <log-end><pre>…</pre></log-end>: a log that grows shows its end, unless its reader has gone up in it.
class LogEnd extends HTMLElement {
  connectedCallback() {
    const text = this.querySelector("pre");
    let follows = true;
    text.addEventListener("scroll", () => {
      follows = text.scrollTop + text.clientHeight > text.scrollHeight - 24;
    });
    const show = () => {
      if (follows) text.scrollTop = text.scrollHeight;
    };
    show();
    this.observer = new MutationObserver(show);
    this.observer.observe(text, { childList: true, characterData: true, subtree: true });
  }

  disconnectedCallback() {
    this.observer.disconnect();
  }
}
customElements.define("log-end", LogEnd);
