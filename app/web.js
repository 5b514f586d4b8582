// What the page does in the browser: open the passage behind a citation, keep open what was
// opened, follow the answer while it grows. One delegated listener; no handler inside the HTML.
(() => {
  "use strict";
  const NARROW = window.matchMedia("(max-width: 899px)");
  const CALM = window.matchMedia("(prefers-reduced-motion: reduce)");

  // What the reader opened. The server renders everything closed; `restore` opens it again.
  const state = { turn: null, source: null, evidence: null, details: new Set(), sheet: false };
  let origin = null; // the chip that opened a passage, to give the focus back
  let newest = 0;
  let following = true;

  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const set = (element, name, value) => {
    if (value === null) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
    } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };
  const mark = (element, name, on) => {
    if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
  };

  function restore() {
    const turns = all("#vd-panel [data-vd-turn]").map((each) => Number(each.dataset.vdTurn));
    const last = turns.length ? Math.max(...turns) : 0;
    if (last !== newest) {
      newest = last;
      state.turn = last;
      state.source = state.evidence = null;
      state.sheet = false;
      if (last === 0) state.details.clear();
    }
    if (!turns.includes(state.turn)) state.turn = last;
    all("#vd-panel [data-vd-turn]").forEach((each) => {
      set(each, "hidden", Number(each.dataset.vdTurn) === state.turn ? null : "");
    });
    all("#vd-panel [data-vd-source]").forEach((card) => {
      const open = card.dataset.vdSource === state.source;
      mark(card, "is-open", open);
      set(card.querySelector("[data-vd-toggle]"), "aria-expanded", String(open));
      set(card.querySelector(".vd-passage"), "hidden", open ? null : "");
      card.querySelectorAll("mark").forEach((each) => {
        mark(each, "is-evidence", open && each.dataset.vdAt === state.evidence);
      });
    });
    all("button[data-vd-cite]").forEach((each) => {
      const same = each.dataset.vdCite === state.source;
      mark(each, "is-current", same && (each.dataset.vdEvidence ?? null) === state.evidence);
    });
    all("details[data-vd-details]").forEach((each) => {
      set(each, "open", state.details.has(each.dataset.vdDetails) ? "" : null);
    });
    const panel = one("#vd-right");
    if (panel) mark(panel, "is-sheet", state.sheet && NARROW.matches);
    if (following && one("#vd-live .vd-turn")) toEnd();
  }

  function scroller() {
    const box = one("#vd-scroll");
    return box && box.scrollHeight > box.clientHeight + 1 &&
      getComputedStyle(box).overflowY !== "visible" ? box : document.scrollingElement;
  }

  function toEnd() {
    const box = scroller();
    box.scrollTop = box.scrollHeight;
  }

  // Scrolling up while an answer is written stops the page from following it.
  function noticeScroll() {
    const box = scroller();
    following = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  }

  // The sheet of a narrow page covers it: "back" closes the sheet, and does not leave the page.
  function showSheet() {
    if (NARROW.matches && !history.state?.vdSheet) history.pushState({ vdSheet: true }, "");
    state.sheet = true;
    restore();
  }

  function open(source, evidence) {
    state.turn = Number(source.split("-")[0]);
    state.source = source;
    state.evidence = evidence;
    showSheet();
    const card = one(`#vd-panel [data-vd-source="${source}"]`);
    if (!card) return;
    const region = card.querySelector(".vd-passage");
    region.focus({ preventScroll: true });
    const marks = [...card.querySelectorAll("mark.is-evidence")]; // a label and its sentence
    const target = marks[0] || card.querySelector("mark") || card;
    const behavior = CALM.matches ? "auto" : "smooth";
    const panel = one("#vd-right");
    const box = panel.getBoundingClientRect();
    const wanted = target.getBoundingClientRect();
    const end = (marks.at(-1) || target).getBoundingClientRect().bottom;
    const lid = card.parentElement.querySelector("header");
    const covered = getComputedStyle(lid).position === "sticky" ? lid.offsetHeight : 0;
    const top = card.getBoundingClientRect().top - box.top - covered;
    // The card's title stays in view with its passage if both fit.
    const offset = end - box.top - top < box.height - 16
      ? top - 12 : wanted.top - box.top - box.height / 3;
    if (panel.scrollHeight > panel.clientHeight + 1) panel.scrollBy({ top: offset, behavior });
    else target.scrollIntoView({ block: "center", behavior });
  }

  function close() {
    state.source = state.evidence = null;
    state.sheet = false;
    restore();
    if (origin && document.contains(origin)) origin.focus();
    origin = null;
    if (history.state?.vdSheet) history.back();
  }

  addEventListener("popstate", () => {
    if (state.sheet) close();
  });

  // What a screen reader tells of an answer without being asked.
  function say(turn) {
    let line = one("#vd-said");
    if (!line) {
      line = document.createElement("p");
      line.id = "vd-said";
      line.className = "vd-sr";
      line.setAttribute("role", "status");
      document.body.append(line);
    }
    line.lang = turn?.lang ?? "";
    const told = turn?.querySelectorAll(
      ".vd-status, .vd-abstained-head, .vd-ending, .vd-support, .vd-stopped"
    ) ?? [];
    line.textContent = [...told].map((each) => each.textContent).join(" ");
  }

  async function copy(button) {
    const name = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.vdCopy);
      button.textContent = button.dataset.vdCopied;
    } catch {
      button.textContent = button.dataset.vdRefused;
    }
    setTimeout(() => { button.textContent = name; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    const { vdCite, vdToggle, vdShow, vdCopy, vdEvidence } = button.dataset;
    if (vdCite) {
      origin = button;
      open(vdCite, vdEvidence ?? null);
    } else if (vdToggle) {
      if (state.source === vdToggle) {
        state.source = state.evidence = null;
        restore();
      } else {
        origin = origin || button;
        open(vdToggle, null);
      }
    } else if (vdShow) {
      origin = button;
      state.turn = Number(vdShow);
      state.source = state.evidence = null;
      showSheet();
      one("#vd-right").scrollTop = 0;
    } else if (vdCopy) {
      copy(button);
    } else if (button.dataset.vdClose !== undefined) {
      close();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (state.sheet || state.source)) close();
  });

  document.addEventListener("toggle", (event) => {
    const key = event.target.dataset?.vdDetails;
    if (!key) return;
    if (event.target.open) state.details.add(key);
    else state.details.delete(key);
  }, true);

  document.addEventListener("wheel", noticeScroll, { passive: true });
  document.addEventListener("touchmove", noticeScroll, { passive: true });
  document.addEventListener("keyup", (event) => {
    if (["PageUp", "PageDown", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
      noticeScroll();
    }
  });
  // Gradio's menu stays open where the keyboard goes on to what is behind it.
  document.addEventListener("focusout", (event) => {
    if (event.relatedTarget && event.target.matches("#vd-corpus input")) {
      event.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }
  });
  NARROW.addEventListener("change", restore);

  // A new exchange is followed from its start.
  let live = false;
  let past = false;
  new MutationObserver(() => {
    const now = one("#vd-live .vd-turn") !== null;
    const loaded = !past && !live && one("#vd-past .vd-turn") !== null;
    if (now && !live) {
      following = true;
      say(one("#vd-live .vd-turn"));
    }
    const ended = live && !now;
    live = now;
    past = one("#vd-past .vd-turn") !== null;
    restore();
    if (ended) say(all("#vd-past .vd-turn").at(-1));
    if ((ended && following) || loaded) toEnd();
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
})();
