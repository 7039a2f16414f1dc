// Keys, charts, and the playhead on clip and curve. Forms are put in place by htmx. Without scripts every page works.
"use strict";

(() => {
  const page = document.body.dataset.page;
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const isTyping = (event) =>
    event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select, textarea");
  const keyOf = (event) => (event.key.length === 1 ? event.key.toLowerCase() : event.key);

  // A picture that cannot be had says so instead of showing a broken icon.
  function markBroken(event) {
    if (event.target.matches?.(".picture img, .stills img")) event.target.parentElement.classList.add("broken");
  }
  document.addEventListener("error", markBroken, true);
  for (const image of $$(".picture img, .stills img")) {
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) image.parentElement.classList.add("broken");
  }

  // Inside Airflow's page its navigation says where we are, so ours is smaller.
  if (window.parent !== window) document.body.classList.add("embedded");

  // Links to Airflow's own pages: inside Airflow's frame they open in the page around it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-top]");
    if (!link || window.parent === window) return;
    event.preventDefault();
    const outer = window.parent.document.createElement("a");
    outer.href = link.href;
    window.parent.document.body.append(outer);
    outer.click();
    outer.remove();
  });

  // The server is away: htmx has no answer to show.
  document.addEventListener("htmx:error", () => {
    const status = $("#status");
    if (!status) return;
    status.textContent = "The server does not answer. Nothing was changed.";
    status.classList.add("error");
    status.hidden = false;
  });

  // ---- Charts ---------------------------------------------------------------------------------------------------
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (u, value) => (value == null ? "–" : `${Math.round(100 * value)} %`);
  const HEIGHT = 190, CURVE = 150;

  function vertical(u, at, width, dash) {
    const x = u.valToPos(at, "x", true), box = u.bbox;
    u.ctx.save();
    u.ctx.lineWidth = width * devicePixelRatio;
    u.ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    u.ctx.strokeStyle = colour("--orange");
    u.ctx.beginPath();
    u.ctx.moveTo(x, box.top);
    u.ctx.lineTo(x, box.top + box.height);
    u.ctx.stroke();
    u.ctx.restore();
  }

  const axes = (unit) => [
    { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, values: (u, at) => at.map((value) => `${+value.toFixed(3)}${unit}`) },
    { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, size: 44, values: (u, at) => at.map((value) => value.toFixed(1)) },
  ];

  // As wide as the clip above it, so that a moment stands under its place in the clip: no axis takes room at the side.
  function scoreChart(figure, values) {
    const draw = (u) => {
      const [begin, end] = values.event.map((at) => u.valToPos(at, "x", true)), { ctx, bbox } = u;
      ctx.save();
      ctx.globalAlpha = 0.3;
      ctx.fillStyle = colour("--sky");
      ctx.fillRect(begin, bbox.top, Math.max(end - begin, 2), bbox.height);
      ctx.restore();
      vertical(u, values.event[0], 1, []);
      vertical(u, values.event[1], 1, []);
      vertical(u, values.peak_s, 1.5, [2, 3]);
      ctx.save();
      ctx.fillStyle = colour("--dim");
      ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
      for (const [at, text] of [[values.threshold, values.threshold.toFixed(2)], [1, "1"], [0.5, "0.5"]]) {
        ctx.fillText(text, bbox.left + 4 * devicePixelRatio, u.valToPos(at, "y", true) + (at === 1 ? 12 : -4) * devicePixelRatio);
      }
      ctx.restore();
    };
    const constant = values.times_s.map(() => values.threshold);
    const [seconds, scores] = axes(" s");
    const options = {
      width: figure.clientWidth,
      height: CURVE,
      padding: [0, 0, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: false, range: [0, values.length_s] }, y: { range: [0, 1] } },
      axes: [{ ...seconds, size: 24, values: (u, at) => at.map((value) => (value <= 0 || value > 0.97 * values.length_s ? "" : `${+value.toFixed(3)} s`)) }, { ...scores, size: 0, values: () => [] }],
      series: [
        {},
        { stroke: colour("--ink"), width: 2, points: { show: values.times_s.length < 3 } },
        { stroke: colour("--orange"), width: 1.5, dash: [7, 5], points: { show: false } },
      ],
      hooks: { drawClear: [draw] },
    };
    return new uPlot(options, [values.times_s, values.scores, constant], figure);
  }

  function precisionChart(figure, values) {
    const lines = (u) => {
      vertical(u, values.in_force, 1.5, [7, 5]);
      if (values.suggested !== null) vertical(u, values.suggested, 3, []);
    };
    const bound = { stroke: "transparent", points: { show: false }, value: percent };
    const options = {
      width: figure.clientWidth,
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, range: [values.begin, 1] }, y: { range: [0, 1] } },
      axes: axes(""),
      series: [
        { label: "threshold", value: (u, value) => (value == null ? "–" : value.toFixed(3)) },
        { label: "precision", stroke: colour("--ink"), width: 2, value: percent },
        { label: "up to", ...bound },
        { label: "at least", ...bound },
        { label: "recall", stroke: colour("--blue"), width: 2, dash: [2, 4], value: percent },
      ],
      bands: [{ series: [2, 3], fill: colour("--band") }],
      hooks: { draw: [lines] },
    };
    return new uPlot(options, [values.thresholds, values.precision, values.high, values.low, values.recall], figure);
  }

  // Frames by score. The threshold is a line that is dragged; slider, field of the form and line say the same.
  function histogramChart(figure, values) {
    const bins = values.counts.length, middle = values.counts.map((_, n) => (n + 0.5) / bins);
    const heights = values.counts.map((count) => Math.log10(1 + count));
    const field = $("#draft [name=threshold]"), slider = $(".slider", figure.parentElement);
    let at = values.threshold;
    const bars = uPlot.paths.bars({ size: [0.92, Infinity], align: 0 });
    const chart = new uPlot({
      width: figure.clientWidth,
      height: HEIGHT,
      padding: [8, 0, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [0, 1] }, y: { range: [0, Math.max(...heights) * 1.08] } },
      axes: [{ ...axes("")[0], size: 24, values: (u, at) => at.map((value) => (value <= 0 || value >= 1 ? "" : value.toFixed(1))) }, { size: 0, values: () => [], grid: { show: false }, ticks: { show: false } }],
      series: [{}, { stroke: colour("--blue"), fill: colour("--blue"), width: 0, paths: bars, points: { show: false } }],
      hooks: { draw: [(u) => vertical(u, at, 3, [])] },
    }, [middle, heights], figure);
    const tell = () => {
      const reaching = values.counts.filter((_, n) => (n + 1) / bins > at + 1e-9).reduce((sum, count) => sum + count, 0);
      const all = values.counts.reduce((sum, count) => sum + count, 0);
      $(".over-threshold", figure.parentElement).textContent = `At ${at.toFixed(2)} about ${reaching.toLocaleString("en")} of ${all.toLocaleString("en")} frames`;
    };
    const move = (value) => {
      at = Math.min(1, Math.max(0, Math.round(100 * value) / 100));
      field.value = slider.firstElementChild.nextElementSibling.value = at;
      chart.redraw(false);
      tell();
    };
    const settle = () => "fixed" in figure.dataset || field.form.requestSubmit($("button[value=rehearse]", field.form));
    const drag = (event) => move(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x"));
    if (field && slider && $("button[value=rehearse]", field.form)) {
      slider.hidden = false;
      $("input", slider).addEventListener("input", (event) => move(Number(event.target.value)));
      $("input", slider).addEventListener("change", settle);
      chart.over.addEventListener("pointerdown", (event) => { chart.over.setPointerCapture(event.pointerId); drag(event); });
      chart.over.addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
      chart.over.addEventListener("pointerup", settle);
    }
    tell();
    return chart;
  }

  const drawn = new Map(); // figure -> chart
  const stage = $(".stage");
  if (stage) stage.style.setProperty("--ratio", stage.dataset.width / stage.dataset.height); // as the footage says

  function drawCharts() {
    for (const figure of drawn.keys()) if (!figure.isConnected) drawn.delete(figure);
    for (const figure of $$("figure[data-chart]")) {
      if (drawn.has(figure) || typeof uPlot === "undefined") continue;
      const draw = { score: scoreChart, precision: precisionChart, histogram: histogramChart }[figure.dataset.chart];
      drawn.set(figure, draw(figure, JSON.parse(figure.dataset.values)));
    }
  }
  drawCharts();
  document.addEventListener("htmx:after:swap", drawCharts);
  window.addEventListener("resize", () => {
    for (const [figure, chart] of drawn) chart.setSize({ width: figure.clientWidth, height: figure.dataset.chart === "score" ? CURVE : HEIGHT });
  });
  // Colours are part of the drawing, so another scheme needs another drawing.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());

  // ---- The queue ------------------------------------------------------------------------------------------------
  if (page === "queue") {
    const cards = () => $$(".event");
    const current = () => document.activeElement?.closest?.(".event") || null;
    const beside = (card, step) => cards()[cards().indexOf(card) + step];
    const go = (card) => card && (card.focus({ preventScroll: true }), card.scrollIntoView({ block: "nearest" }));
    const perRow = () => cards().filter((card) => card.offsetTop === cards()[0].offsetTop).length || 1;

    // htmx takes the forms over a moment after the page is there; a form sent before that would load the page anew.
    const inPlace = typeof htmx === "undefined" || $("[data-htmx-powered]")
      ? Promise.resolve()
      : new Promise((resolve) => document.addEventListener("htmx:after:process", resolve, { once: true }));
    const judge = (card, verdict) => $(`.judge button[value=${verdict}]`, card)?.click();

    // A verdict is on its way: go on to the next incident at once.
    document.addEventListener("htmx:before:request", (event) => {
      const card = event.target.matches(".judge") && event.target.closest(".event");
      if (!card) return;
      const following = beside(card, 1);
      if (following) go(following);
      else $(".pager .next")?.focus();
    });
    // It was refused: go back to the event, so that the next key does not judge another one.
    document.addEventListener("htmx:response:error", (event) => go(event.target.closest?.(".event")));
    document.addEventListener("htmx:error", (event) => go(event.target.closest?.(".event")));

    // A page that goes takes verdicts on their way with it, so links and forms wait for them, and a closing window asks.
    // One that is refused keeps the reviewer here, beside the message.
    const onTheirWay = () => $(".judge.htmx-request") !== null;
    let refused = false;
    for (const name of ["htmx:response:error", "htmx:error"]) document.addEventListener(name, () => { refused = true; });
    function afterVerdicts(event, goOn) {
      event.preventDefault();
      refused = false;
      const look = () => (onTheirWay() ? setTimeout(look, 25) : refused || goOn());
      look();
    }
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href]");
      const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
      if (link && !elsewhere && onTheirWay()) afterVerdicts(event, () => link.click());
    });
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (!form.matches("[hx-post], [hx-get]") && onTheirWay()) afterVerdicts(event, () => form.requestSubmit(event.submitter));
    });
    window.addEventListener("beforeunload", (event) => { if (onTheirWay()) event.preventDefault(); });

    const chosen = () => $$(".pick input:checked").length;
    const count = () => { const text = $(".bulk .selected"); if (text) text.textContent = `${chosen()} selected`; };
    document.addEventListener("change", (event) => { if (event.target.matches(".pick input")) count(); });
    document.addEventListener("reset", () => setTimeout(count));
    document.addEventListener("click", (event) => {
      if (!event.target.matches(".select-all")) return;
      for (const box of $$(".pick input")) box.checked = true;
      count();
    });

    const step = (by) => (card) => go(current() ? beside(card, by) || card : card);
    const verdict = (word) => (card) => (chosen() ? $(`.bulk button[value=${word}]`)?.click() : judge(card, word));
    const note = (card) => { const box = $(".note", card); if (box) { box.open = true; $("input", box).focus(); } };
    const keys = {
      j: step(1), ArrowRight: step(1), k: step(-1), ArrowLeft: step(-1),
      ArrowDown: (card) => step(perRow())(card), ArrowUp: (card) => step(-perRow())(card),
      y: verdict("real"), n: verdict("false_alarm"), u: verdict("unsure"), m: note,
      x: (card) => $(".pick input", card)?.click(),
      z: () => { if (!$(".htmx-request")) $("#status button")?.click(); }, // not while a verdict is on its way
      Enter: (card) => $(".picture a", card).click(),
    };
    document.addEventListener("keydown", (event) => {
      if (event.target.name === "note" && (event.key === "Escape" || event.key === "Enter")) {
        event.preventDefault();
        go(event.target.closest(".event"));
        return;
      }
      const key = keyOf(event);
      if (isTyping(event) || !cards().length || !Object.hasOwn(keys, key)) return;
      if (key === "Enter" && !event.target.matches(".event")) return;
      event.preventDefault();
      inPlace.then(() => keys[key](current() || cards()[0]));
    });
    if (cards().length && !location.hash) cards()[0].focus({ preventScroll: true });
  }

  // A bundle takes seconds, blurred minutes, and a browser shows nothing meanwhile.
  $("form.evidence")?.addEventListener("submit", (event) => {
    const sender = $("button", event.target);
    setTimeout(() => { sender.disabled = true; }); // after the form is sent
    setTimeout(() => { sender.disabled = false; }, 10_000);
    $(".making", event.target).hidden = false;
  });

  // ---- What takes a while -----------------------------------------------------------------------------------------
  // A section #outcome with data-poll is loaded again until it is done; what was typed meanwhile stays.
  let poll = null;
  async function loadOutcome(address, options, withFocus) {
    clearTimeout(poll);
    const answer = await fetch(address, options);
    const place = new URL(answer.url);
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const section = $("#outcome", found);
    if (answer.ok && (!section || place.pathname !== location.pathname)) return location.assign(answer.url);
    const now = $("#outcome"), inside = now.contains(document.activeElement) && document.activeElement.type;
    if (section) {
      now.replaceWith(section);
      history.replaceState(null, "", place.pathname + place.search);
    } else now.replaceChildren($("main", found) || found.body);
    drawCharts();
    if (inside) $(`#outcome input[type=${inside}]`)?.focus();
    if (withFocus && innerWidth <= 900) $("#outcome").scrollIntoView();
    watchOutcome();
  }
  function watchOutcome() {
    if ($("#outcome[data-poll]")) poll = setTimeout(() => loadOutcome(location.href).catch(watchOutcome), 1500);
  }
  watchOutcome();

  if (page === "draft") {
    const form = $("#draft");
    form.addEventListener("submit", (event) => {
      if (event.submitter?.matches("[data-download]")) return;
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form, event.submitter));
      $("#outcome").classList.add("working");
      loadOutcome(form.action, { method: "POST", body }, true).catch(() => {
        $("#outcome").classList.remove("working");
        $("#outcome").textContent = "No answer came. Press the button again.";
      });
    });
  }

  // ---- Previews -------------------------------------------------------------------------------------------------
  // Under the pointer, or with the keyboard on it, a picture becomes a short clip that loops.
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let waiting = null, playing = null;
  const stop = () => { clearTimeout(waiting); playing?.remove(); playing = null; };
  function preview(card) {
    stop();
    if (!card || still) return;
    waiting = setTimeout(() => {
      const video = document.createElement("video");
      Object.assign(video, { src: card.dataset.preview, muted: true, loop: true, playsInline: true, hidden: true });
      video.addEventListener("playing", () => { video.hidden = false; });
      $(".picture a", card).append(video);
      playing = video;
      video.play().catch(() => {});
    }, 250);
  }
  const withPreview = (event) => event.target.closest?.("[data-preview]");
  let under = null;
  document.addEventListener("pointerover", (event) => {
    const card = withPreview(event);
    if (card === under || event.pointerType === "touch") return;
    under = card;
    preview(card);
  });
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-preview]:focus-visible")) preview(event.target); });

  // ---- One event ------------------------------------------------------------------------------------------------
  if (page === "event") {
    const video = $("#clip"), curve = $("#curve"), chart = drawn.get(curve);
    const length = Number(JSON.parse(curve.dataset.values).length_s) || 1;
    const playhead = document.createElement("div");
    playhead.id = "playhead";
    chart.over.append(playhead);
    const place = () => {
      const at = Math.min(length, video.currentTime);
      playhead.dataset.second = at;
      playhead.style.transform = `translateX(${chart.valToPos(at, "x")}px)`;
    };
    place();
    window.addEventListener("resize", place);
    const follow = () => { place(); if (!video.paused) requestAnimationFrame(follow); };
    video.addEventListener("play", follow);
    video.addEventListener("timeupdate", place);
    video.addEventListener("seeking", place);
    video.addEventListener("error", () => { $(".no-clip").hidden = false; video.hidden = true; $(".player").hidden = true; });
    // What the clip really measures, where the header said something else.
    video.addEventListener("loadedmetadata", () => {
      if (video.videoWidth) stage.style.setProperty("--ratio", video.videoWidth / video.videoHeight);
      window.dispatchEvent(new Event("resize"));
    });

    // Our own controls: the curve below is where one seeks.
    const player = $(".player"), button = $(".play", player);
    const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
    const step = (by) => { video.pause(); video.currentTime = Math.max(0, video.currentTime + by); place(); };
    video.controls = false;
    player.hidden = false;
    const show = () => { button.textContent = video.paused ? "▶" : "❚❚"; button.setAttribute("aria-label", video.paused ? "Play" : "Pause"); };
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, show);
    video.addEventListener("click", toggle);
    button.addEventListener("click", toggle);
    $(".back-frame", player).addEventListener("click", () => step(-0.04));
    $(".next-frame", player).addEventListener("click", () => step(0.04));
    $(".speed", player).addEventListener("change", (event) => { video.playbackRate = Number(event.target.value); });
    $(".whole", player).addEventListener("click", () => stage.requestFullscreen?.());
    const now = $(".now", player);
    const tell = () => { now.textContent = `${video.currentTime.toFixed(2)} s of ${length.toFixed(2)} s`; };
    video.addEventListener("timeupdate", tell);
    tell();
    for (const moment of $$(".moments button")) {
      moment.addEventListener("click", (event) => {
        video.currentTime = Math.min(length, Number(moment.dataset.second));
        place();
        if (event.detail) moment.blur(); // by the pointer: Space then plays
      });
    }
    const seek = (event) => {
      const left = event.clientX - chart.over.getBoundingClientRect().left;
      video.currentTime = Math.max(0, Math.min(length, chart.posToVal(left, "x")));
      place();
    };
    chart.over.addEventListener("pointerdown", (event) => { chart.over.setPointerCapture(event.pointerId); seek(event); });
    chart.over.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });

    const press = (verdict) => $(`.judge button[value=${verdict}]`)?.click();
    document.addEventListener("keydown", (event) => {
      if (event.target.name === "note" && event.key === "Enter") { event.preventDefault(); event.target.blur(); return; }
      if (event.target.name === "note" && event.key === "Escape") { event.target.blur(); return; }
      if (isTyping(event)) return;
      const onControl = event.target.matches("button, a, video, input, summary");
      const note = () => { const box = $(".judge .note"); if (box) { box.open = true; $("input", box).focus(); } };
      const keys = {
        " ": toggle,
        ArrowLeft: () => step(-0.04), ArrowRight: () => step(0.04),
        y: () => press("real"), n: () => press("false_alarm"), u: () => press("unsure"),
        m: note, j: () => $(".back .next")?.click(), k: () => history.back(),
        z: () => $("#status button")?.click(),
        Escape: () => $(".to-queue").click(),
      };
      const key = keyOf(event);
      if (!(key in keys) || (key === " " && onControl)) return;
      event.preventDefault();
      keys[key]();
    });
  }
})();
