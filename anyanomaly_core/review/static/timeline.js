// Lanes of the cameras, and their footage played in step. One clock counts; every screen follows it.
"use strict";

(() => {
  const lanes = document.querySelector("#lanes");
  if (!lanes) return;
  const $ = (selector, within = document) => within.querySelector(selector);
  const data = lanes.dataset, base = data.base, STRETCH = Number(data.stretch) * 1000;
  const cameras = JSON.parse(data.cameras), names = JSON.parse(data.names), changed = JSON.parse(data.changed), rules = JSON.parse(data.rules);
  const nameOf = (camera) => names[cameras.indexOf(camera)];
  const classOf = (rule) => `rule-${rules.indexOf(rule) % 8}`;
  const ms = (iso) => new Date(iso).getTime();
  const ask = async (path, values) => {
    const answer = await fetch(`${base}/timeline/${path}?${new URLSearchParams(values)}`);
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return answer.json();
  };
  const complain = (error) => { const status = $("#status"); status.textContent = String(error.message || error); status.classList.add("error"); status.hidden = false; };

  // ---- Times on the installation's clock -------------------------------------------------------------------------
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, dateStyle: "medium", timeStyle: "medium" });
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: data.zone, timeZoneName: "longOffset" });
  function offset(date) { // minutes before UTC's clock
    const stated = parts.formatToParts(date).find((part) => part.type === "timeZoneName").value.match(/([+-])(\d+):(\d+)/);
    return stated ? (stated[1] === "-" ? -1 : 1) * (60 * Number(stated[2]) + Number(stated[3])) : 0;
  }

  // ---- Lanes -----------------------------------------------------------------------------------------------------
  const groups = new vis.DataSet(cameras.map((camera) => ({
    id: camera, content: Object.assign(document.createElement("span"), { textContent: nameOf(camera) + (changed[cameras.indexOf(camera)] ? " ≈ file time" : "") }),
  })));
  const items = new vis.DataSet();
  const begin = ms(data.begin), end = ms(data.end);
  let clock = ms(data.at);
  const timeline = new vis.Timeline(lanes, items, groups, {
    moment: (date) => vis.moment(date).utcOffset(offset(new Date(vis.moment(date).valueOf()))),
    start: begin, end,
    min: begin - 200 * 86_400_000, max: end + 200 * 86_400_000, zoomMin: 2000, zoomMax: 31 * 86_400_000,
    stack: false, showCurrentTime: false, selectable: true, multiselect: false, orientation: "top", margin: { item: { horizontal: 0, vertical: 6 } },
    groupHeightMode: "fixed", verticalScroll: true, horizontalScroll: true, zoomKey: "", maxHeight: "60vh",
  });
  timeline.addCustomTime(clock, "clock");

  let events = [], shownRules = new Set(rules), loading = 0;
  function draw(found) {
    events = found.events.filter((event) => shownRules.has(event.rule));
    const drawn = found.stretches.map((part) => ({
      id: `${part.kind}|${part.camera}|${part.begin}`, group: part.camera, start: part.begin, end: Math.max(part.end, part.begin + 1), type: "background", className: part.kind, content: "",
    }));
    for (const event of events) {
      const text = document.createElement("span");
      text.textContent = `${event.rule} ${event.score.toFixed(2)}${event.noticed ? " !" : ""}`;
      drawn.push({ id: event.id, group: event.camera, start: event.begin, end: Math.max(event.end, event.begin + 1), type: "range", className: `hit ${classOf(event.rule)} ${event.verdict || ""}`, content: text });
    }
    const kept = new Set(drawn.map((item) => item.id));
    items.remove(items.getIds().filter((id) => !kept.has(id)));
    items.update(drawn);
    if (found.total > found.events.length) complain(`Of ${found.total} events the ${found.events.length} with the highest scores are drawn; zoom in for the others.`);
  }
  let last = null;
  async function load() {
    const range = timeline.getWindow(), width = range.end - range.start, turn = ++loading;
    try {
      const found = await ask("lanes", { begin: Math.round(range.start.getTime() - width / 2), end: Math.round(range.end.getTime() + width / 2) });
      if (turn === loading) { last = found; draw(found); }
    } catch (error) { complain(error); }
  }
  let soon = null;
  timeline.on("rangechanged", () => { clearTimeout(soon); soon = setTimeout(load, 120); });
  load();
  for (const box of document.querySelectorAll(".rule-key input")) {
    box.addEventListener("change", () => { box.checked ? shownRules.add(box.value) : shownRules.delete(box.value); if (last) draw(last); });
  }

  // ---- Screens ---------------------------------------------------------------------------------------------------
  const player = $("#player"), screens = $(".screens"), button = $(".play", player);
  let playing = false, speed = 1;

  class Screen {
    constructor(camera) {
      this.camera = camera;
      this.found = null; // the video that covers the clock, or when the next one begins
      this.figure = document.createElement("figure");
      this.caption = document.createElement("figcaption");
      this.caption.textContent = nameOf(camera);
      this.image = Object.assign(document.createElement("img"), { alt: "", hidden: true });
      this.nothing = Object.assign(document.createElement("span"), { className: "nothing", textContent: "nothing recorded" });
      this.videos = [0, 1].map(() => Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" })); // one plays, one is ready
      this.figure.append(this.nothing, this.image, ...this.videos, this.caption);
      screens.append(this.figure);
    }
    covers(at) { return this.found?.video !== undefined && at >= this.found.begin && at < this.found.end; }
    async seek(at) {
      if (this.covers(at)) return this.place(at);
      if (this.found && this.found.video === undefined && at >= this.askedAt && (this.found.next === null || at < this.found.next)) return this.clear();
      if (this.asking) return undefined;
      this.asking = true;
      this.askedAt = at;
      try { this.found = await ask("video", { camera: this.camera, at: Math.round(at) }); } catch (error) { complain(error); } finally { this.asking = false; }
      return this.covers(clock) ? this.place(clock) : this.clear();
    }
    clear() {
      this.nothing.hidden = false;
      this.image.hidden = true;
      for (const video of this.videos) { video.classList.remove("on"); video.pause(); }
    }
    place(at) {
      this.nothing.hidden = true;
      const into = at - this.found.begin, number = Math.floor(into / STRETCH), key = `${this.found.video}/stretch-${number}.mp4`;
      const still = `${base}/video/${this.found.video}/${(into / 1000).toFixed(2)}.jpg`;
      if (!playing) {
        for (const video of this.videos) { video.pause(); }
        clearTimeout(this.later);
        this.later = setTimeout(() => { // the newest moment asked for, not each on the way
          const next = new Image();
          next.onload = () => { if (!playing) { this.image.src = still; this.image.hidden = false; for (const video of this.videos) video.classList.remove("on"); } };
          next.src = still;
        }, 60);
        return;
      }
      let video = this.videos.find((one) => one.dataset.key === key);
      if (!video) { video = this.videos.find((one) => !one.classList.contains("on")) || this.videos[0]; this.open(video, key); }
      const spare = this.videos.find((one) => one !== video), following = `${this.found.video}/stretch-${number + 1}.mp4`;
      if ((number + 1) * STRETCH < this.found.end - this.found.begin && spare.dataset.key !== following && !spare.classList.contains("on")) this.open(spare, following);
      if (video.readyState < 2) return;
      const want = (into - number * STRETCH) / 1000;
      video.playbackRate = speed;
      if (Math.abs(video.currentTime - want) > 0.35) video.currentTime = Math.min(want, video.duration - 0.01);
      if (video.paused && !shown.some((screen) => screen.waits)) video.play().catch(() => {});
      if (!video.classList.contains("on")) { video.classList.add("on"); spare.classList.remove("on"); spare.pause(); this.image.hidden = true; }
    }
    hold() { for (const video of this.videos) video.pause(); }
    open(video, key) { video.dataset.key = key; video.src = `${base}/video/${key}`; video.load(); }
    get waits() { // a screen that has footage here but not in hand yet stops the clock for all
      if (!this.covers(clock)) return this.asking === true;
      return !this.videos.some((one) => one.classList.contains("on") && one.readyState >= 2 && !one.seeking && one.dataset.key === `${this.found.video}/stretch-${Math.floor((clock - this.found.begin) / STRETCH)}.mp4`);
    }
  }
  const shown = JSON.parse(data.played).map((camera) => new Screen(camera));
  player.hidden = !shown.length;

  const now = $(".now", player);
  function tell() { now.textContent = format.format(new Date(clock)); timeline.setCustomTime(clock, "clock"); }
  function seek(at) { clock = at; tell(); for (const screen of shown) screen.seek(clock); }
  seek(clock);

  let before = 0;
  function tick(at) {
    if (!playing) return;
    const passed = Math.min(at - before, 250);
    before = at;
    const wait = shown.some((screen) => screen.waits);
    if (wait) for (const screen of shown) screen.hold();
    else clock += passed * speed;
    for (const screen of shown) screen.seek(clock);
    // Where no screen has anything, the clock goes on to where one has.
    if (shown.every((screen) => screen.found && !screen.asking && !screen.covers(clock))) {
      const next = shown.map((screen) => screen.found.next).filter((one) => one !== null && one > clock);
      if (next.length) clock = Math.min(...next);
      else toggle();
    }
    tell();
    const range = timeline.getWindow();
    if (clock > range.end.getTime()) timeline.moveTo(clock, { animation: false });
    requestAnimationFrame(tick);
  }
  function toggle() {
    playing = !playing;
    button.textContent = playing ? "❚❚" : "▶";
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing) { before = performance.now(); requestAnimationFrame(tick); } else seek(clock);
  }
  button.addEventListener("click", toggle);
  $(".speed", player).addEventListener("change", (event) => { speed = Number(event.target.value); });
  for (const one of document.querySelectorAll("[data-zoom]")) {
    one.addEventListener("click", () => { const half = 500 * Number(one.dataset.zoom); timeline.setWindow(clock - half, clock + half, { animation: false }); });
  }
  function toEvent(step) {
    const sorted = [...events].sort((a, b) => a.begin - b.begin);
    const found = step > 0 ? sorted.find((event) => event.begin > clock + 1) : sorted.reverse().find((event) => event.begin < clock - 1);
    if (!found) return;
    seek(found.begin);
    timeline.setSelection(found.id);
    const range = timeline.getWindow();
    if (clock < range.start.getTime() || clock > range.end.getTime()) timeline.moveTo(clock, { animation: false });
  }
  $(".event-before", player).addEventListener("click", () => toEvent(-1));
  $(".event-after", player).addEventListener("click", () => toEvent(1));
  const open = (id) => { location.href = `${base}/event/${id}?verdict=any`; };

  // ---- Pointer and keys ------------------------------------------------------------------------------------------
  timeline.on("click", (props) => { if (props.time) seek(props.time.getTime()); });
  timeline.on("doubleClick", (props) => { if (props.item && props.what === "item") open(props.item); });
  timeline.on("timechange", (props) => seek(props.time.getTime()));

  const glance = $("#glance");
  let hover = null;
  timeline.on("mouseMove", (props) => {
    clearTimeout(hover);
    if (!props.group || !props.time || props.event.buttons) { glance.hidden = true; return; }
    hover = setTimeout(() => {
      const at = props.time.getTime(), picture = new Image();
      picture.onload = () => {
        $("img", glance).src = picture.src;
        const event = events.find((one) => one.camera === props.group && one.begin <= at && at <= one.end);
        $("figcaption", glance).textContent = `${nameOf(props.group)}, ${format.format(props.time)}${event ? `: ${event.rule} ${event.score.toFixed(2)}` : ""}`;
        glance.style.left = `${Math.min(props.event.clientX + 14, innerWidth - 275)}px`;
        glance.style.top = `${Math.min(props.event.clientY + 16, innerHeight - 190)}px`;
        glance.hidden = false;
      };
      if (last?.stretches.some((part) => part.camera === props.group && part.kind === "recorded" && part.begin <= at && at <= part.end)) {
        picture.src = `${base}/timeline/picture.jpg?${new URLSearchParams({ camera: props.group, at: Math.round(at) })}`;
      }
    }, 140);
  });
  lanes.addEventListener("pointerleave", () => { clearTimeout(hover); glance.hidden = true; });

  $("form.chips [name=day]").addEventListener("change", (event) => event.target.form.requestSubmit());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const range = timeline.getWindow(), width = range.end - range.start;
    const move = (by) => () => timeline.setWindow(range.start.getTime() + by * width, range.end.getTime() + by * width, { animation: false });
    const keys = {
      " ": toggle, ArrowLeft: move(-0.2), ArrowRight: move(0.2), "[": () => toEvent(-1), "]": () => toEvent(1),
      "+": () => timeline.zoomIn(0.5, { animation: false }), "-": () => timeline.zoomOut(0.5, { animation: false }),
      Enter: () => { const [id] = timeline.getSelection(); if (id) open(id); },
    };
    if (!(event.key in keys) || ((event.key === " " || event.key === "Enter") && event.target.matches("button, a, summary, input"))) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
