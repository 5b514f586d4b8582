// Who a tab is, told to the server with every event (web_tab.py), and what it does when the server
// is gone or began anew under it.
(() => {
  "use strict";
  const EVERY_MS = 4000;
  const MINE = "vademecum:";
  const one = (selector) => document.querySelector(selector);
  const shown = () => document.querySelectorAll("#vd-past .vd-turn").length;

  // The ticket by which the server knows this tab again when it is loaded again (web_kept.py). A
  // browser that makes one tab of another gives the new one a copy of all that is stored, this
  // ticket, too: only a page that was left before it is loaded has the same conversation. The new
  // tab has a ticket of its own, and names the other as what was there before. How many turns
  // were shown is stored beside it: a server that knows fewer says so.
  function tab() {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const made = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
    try {
      const stored = sessionStorage.getItem("vd-ticket") ?? "";
      const turns = Number(sessionStorage.getItem("vd-turns"));
      const again = stored && sessionStorage.getItem("vd-left");
      sessionStorage.removeItem("vd-left");
      sessionStorage.removeItem("vd-turns");
      addEventListener("pagehide", () => sessionStorage.setItem("vd-left", "1"));
      addEventListener("pageshow", () => sessionStorage.removeItem("vd-left"));
      if (again) return { ticket: stored, before: "", turns };
      sessionStorage.setItem("vd-ticket", made);
      return { ticket: made, before: stored, turns };
    } catch { // a browser that stores nothing
      return { ticket: made, before: "", turns: 0 };
    }
  }

  function remember(turns) {
    try {
      sessionStorage.setItem("vd-turns", String(turns));
    } catch { /* as above */ }
  }

  // What a page that loads itself again hands to the next one. A window's name is in memory only.
  function handed() {
    const text = window.name;
    if (!text.startsWith(MINE)) return {};
    window.name = "";
    return JSON.parse(text.slice(MINE.length));
  }

  const me = tab();
  const words = handed();
  window.vademecumTab = {
    loaded: () => JSON.stringify({ ...me, ...words }),
    now: () => JSON.stringify({ ...me, turns: shown() }),
  };

  // While an answer is awaited: a server that was started again knows nothing of it, and what it
  // sends does not reach a page that it did not serve.
  const answering = async () => {
    const said = await fetch("gradio_api/app_id", { cache: "no-store" });
    if (!said.ok) throw new Error(String(said.status));
    return said.text();
  };
  const served = answering().catch(() => null);

  function again() {
    const asked = one("#vd-live .vd-question")?.lastChild.textContent ?? "";
    const typed = one("#vd-question-box textarea")?.value ?? "";
    window.name = MINE + JSON.stringify({ asked, typed });
    location.reload();
  }

  function gone(says) {
    let line = one("#vd-gone");
    if (!says) {
      line?.remove();
    } else if (!line) {
      line = document.createElement("p");
      line.id = "vd-gone";
      line.className = "vd-notice";
      line.setAttribute("role", "status");
      line.textContent = says.words;
      line.lang = says.lang;
      one("#vd-composer").prepend(line);
    }
  }

  let watching = false;
  async function watch() {
    if (watching) return;
    watching = true;
    let says; // in the language of the question; one that the server ended has it no more
    while (one("#vd-live .vd-turn")) {
      const { dataset, lang } = one("#vd-live .vd-turn");
      says = dataset.vdUnreachable ? { words: dataset.vdUnreachable, lang } : says;
      const now = await answering().catch(() => null);
      const first = await served;
      gone(now === null ? says : null);
      if (now && first && now !== first) {
        again();
        return;
      }
      await new Promise((over) => { setTimeout(over, EVERY_MS); });
    }
    gone(null);
    watching = false;
  }

  let turns = 0;
  new MutationObserver(() => {
    if (one("#vd-live .vd-turn")) watch();
    if (shown() !== turns) {
      turns = shown();
      remember(turns);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
