// Keys, verdicts without a page load, and the playhead on clip and curve. Without this file every page still works.
"use strict";

(() => {
  const page = document.body.dataset.page;
  const words = { real: "yes", false_alarm: "no", unsure: "unsure" };
  const marks = { real: "✓ yes", false_alarm: "✗ no", unsure: "? unsure" };
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Pictures that cannot be had say so instead of showing a broken sign.
  for (const image of $$(".pic img, figure img")) {
    const broken = () => image.parentElement.classList.add("broken");
    image.addEventListener("error", broken);
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) broken();
  }

  // Links to Airflow's own pages: inside Airflow's frame they open in the page around it.
  for (const link of $$("a[data-top]")) {
    link.addEventListener("click", (event) => {
      if (window.parent === window) return;
      event.preventDefault();
      const outer = window.parent.document.createElement("a");
      outer.href = link.href;
      window.parent.document.body.append(outer);
      outer.click();
      outer.remove();
    });
  }

  async function send(form, values) {
    const body = new URLSearchParams(new FormData(form));
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.ok && (answer.headers.get("content-type") || "").includes("json")) return answer.json();
    const text = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Error($("main p", text)?.textContent || `The server answered ${answer.status}.`);
  }

  function tell(text, verdictId) {
    const bar = $(".said");
    if (!bar) return;
    $(".what", bar).textContent = text;
    const form = $("form", bar);
    if (form) form.elements.verdict_id.value = verdictId || "";
    const button = $("button", bar);
    if (button) button.hidden = !verdictId;
    bar.hidden = false;
  }

  const typing = (event) =>
    event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select, textarea");

  // ---- The queue ------------------------------------------------------------------------------------------------
  if (page === "queue") {
    const cards = $$(".event");
    const done = []; // verdicts given here, newest last: [id, card, verdict before, what was said]
    const current = () => document.activeElement?.closest?.(".event") || null;
    const go = (card) => card && (card.focus({ preventScroll: true }), card.scrollIntoView({ block: "nearest" }));
    const beside = (card, step) => cards[cards.indexOf(card) + step];

    const left = $("#left[data-left]"); // how many are not judged yet
    const count = (by) => {
      if (!left || !by) return;
      left.dataset.left = Number(left.dataset.left) + by;
      left.textContent = Number(left.dataset.left).toLocaleString("en");
    };

    function show(card, verdict) {
      count(Number(!verdict) - Number(!card.dataset.verdict));
      card.dataset.verdict = verdict;
      const mark = $(".mark", card);
      mark.className = `mark ${verdict || "open"}`;
      mark.textContent = marks[verdict] || "not judged";
    }

    async function judge(card, verdict) {
      const form = $(".judge", card);
      if (!form) return;
      const before = card.dataset.verdict;
      show(card, verdict);
      const following = beside(card, 1);
      if (following) go(following);
      else $(".pager .next")?.focus();
      try {
        const given = await send(form, { verdict });
        const said = `${words[verdict]}: ${$(".head a", card).textContent}, ${$(".where", card).textContent}`;
        done.push([given.verdict_id, card, before, said]);
        tell(said, given.verdict_id);
      } catch (error) {
        show(card, before);
        tell(`Not kept. ${error.message}`, null);
        go(card);
      }
    }

    async function undo() {
      const form = $(".said form");
      if (!form.elements.verdict_id.value) return;
      const last = done.findLast(([id]) => String(id) === form.elements.verdict_id.value);
      if (!last) { form.requestSubmit(); return; }
      try {
        await send(form, {});
        done.splice(done.indexOf(last), 1);
        show(last[1], last[2]);
        go(last[1]);
        const earlier = done.at(-1);
        tell(earlier ? `Taken back. Before that – ${earlier[3]}` : "Taken back.", earlier ? earlier[0] : null);
      } catch (error) { tell(`Not taken back. ${error.message}`, form.elements.verdict_id.value); }
    }

    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.matches(".judge") && event.submitter?.value) {
        event.preventDefault();
        judge(form.closest(".event"), event.submitter.value);
      } else if (form.matches(".judge")) {
        event.preventDefault(); // Enter in the note alone is no verdict
        go(form.closest(".event"));
      } else if (form.closest(".said") && done.length) {
        event.preventDefault();
        undo();
      }
    });

    document.addEventListener("keydown", (event) => {
      if (event.target.name === "note" && (event.key === "Escape" || event.key === "Enter")) {
        event.preventDefault();
        go(event.target.closest(".event"));
        return;
      }
      if (typing(event)) return;
      const card = current() || cards[0];
      if (!card) return;
      const inCard = Boolean(current());
      const keys = {
        j: () => go(inCard ? beside(card, 1) || card : card), ArrowDown: () => go(inCard ? beside(card, 1) || card : card),
        k: () => go(beside(card, -1) || card), ArrowUp: () => go(beside(card, -1) || card),
        y: () => judge(card, "real"), n: () => judge(card, "false_alarm"), u: () => judge(card, "unsure"),
        m: () => $("[name=note]", card)?.focus(), z: undo,
        Enter: () => event.target === card && $(".pic", card).click(),
      };
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (!(key in keys) || (key === "Enter" && event.target !== card)) return;
      event.preventDefault();
      keys[key]();
    });
    if (cards.length && !location.hash) cards[0].focus({ preventScroll: true });
  }

  // ---- One event ------------------------------------------------------------------------------------------------
  if (page === "event") {
    const video = $("#clip"), curve = $("#curve"), head = $("#playhead");
    const length = Number(curve.dataset.length) || 1;
    const width = curve.viewBox.baseVal.width;
    const place = () => {
      const x = Math.min(width, (width * video.currentTime) / length);
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
    };
    const follow = () => { place(); if (!video.paused) requestAnimationFrame(follow); };
    video.addEventListener("play", follow);
    video.addEventListener("timeupdate", place);
    video.addEventListener("seeking", place);
    video.addEventListener("error", () => { $(".no-clip").hidden = false; video.hidden = true; });
    const seek = (event) => {
      const box = curve.getBoundingClientRect();
      video.currentTime = Math.max(0, Math.min(length, (length * (event.clientX - box.left)) / box.width));
      place();
    };
    curve.addEventListener("pointerdown", (event) => { curve.setPointerCapture(event.pointerId); seek(event); });
    curve.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });

    const press = (verdict) => $(`.judge button[value=${verdict}]`)?.click();
    document.addEventListener("keydown", (event) => {
      if (event.target.name === "note" && event.key === "Enter") { event.preventDefault(); event.target.blur(); return; }
      if (event.target.name === "note" && event.key === "Escape") { event.target.blur(); return; }
      if (typing(event)) return;
      const onButton = event.target.matches("button, a, video, input");
      const step = (by) => { video.pause(); video.currentTime = Math.max(0, video.currentTime + by); place(); };
      const keys = {
        " ": () => (video.paused ? video.play().catch(() => {}) : video.pause()),
        ArrowLeft: () => step(-0.04), ArrowRight: () => step(0.04),
        y: () => press("real"), n: () => press("false_alarm"), u: () => press("unsure"),
        m: () => $("[name=note]")?.focus(), j: () => $(".back .next")?.click(), k: () => history.back(),
        z: () => { const form = $(".said form"); if (form && $("button", form) && form.elements.verdict_id.value) form.requestSubmit(); },
        Escape: () => $(".to-queue").click(),
      };
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (!(key in keys) || (key === " " && onButton)) return;
      event.preventDefault();
      keys[key]();
    });
    $(".judge")?.addEventListener("submit", (event) => { if (!event.submitter?.value) event.preventDefault(); });
    // A bundle takes seconds, blurred minutes, and a browser shows nothing meanwhile.
    $("form.evidence")?.addEventListener("submit", (event) => {
      const button = $("button", event.target);
      setTimeout(() => { button.disabled = true; }); // after the form is sent
      setTimeout(() => { button.disabled = false; }, 10_000);
      $(".making", event.target).hidden = false;
    });
  }
})();
