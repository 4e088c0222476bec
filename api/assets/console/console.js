// What makes the console's pages quicker. Every page works without it: links and forms come first.
"use strict";
(() => {
  const body = document.body;
  const words = body.dataset;
  const inField = (target) => target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  // The server escapes what it writes; a parsed document runs no script.
  const read = (text) => new DOMParser().parseFromString(text, "text/html");
  const fill = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };

  // ---- forms: a button is locked while its form is sent, and free again when the browser comes back to the page
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    // After the form was put together, or the button's own value would be left out.
    setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    }
  });
  // ---- copy: the button is there with the script alone
  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(field.value).then(() => fill(button.querySelector("[role=status]"), button.dataset.copied), () => field.select());
    });
  }

  // ---- ticked rows raise the bar below the list; without the script it is always there
  const boxes = () => [...document.querySelectorAll("[data-pick]")];
  // Looked for each time: "Show" may have put other rows, and another bar, in their place.
  const count = () => {
    const picked = document.querySelector("[data-picked]");
    if (!picked) return;
    const every = boxes();
    const number = every.filter((box) => box.checked).length;
    picked.closest("form").hidden = number === 0;
    fill(picked, number === 1 ? words.wOnePicked : number + " " + words.wPicked);
    const all = document.querySelector("[data-pick-all]");
    if (!all) return;
    all.hidden = false;
    const box = all.querySelector("input");
    box.checked = number > 0 && number === every.length;
    box.indeterminate = number > 0 && number < every.length;
  };
  document.addEventListener("change", ({ target }) => {
    if (target.closest("[data-pick-all]")) boxes().forEach((box) => { box.checked = target.checked; });
    count();
  });
  document.addEventListener("htmx:after:swap", count);
  // The browser ticks again what was ticked before, when it comes back to a page.
  window.addEventListener("pageshow", count);
  count();

  // ---- Escape closes the menu of more filters
  document.addEventListener("keydown", (event) => {
    const more = event.key === "Escape" && event.target.closest("details.more[open]");
    if (!more) return;
    more.open = false;
    more.querySelector("summary").focus();
  });

  const summary = document.getElementById("summary");
  if (summary) summary.focus();

  // ---- comboboxes
  let openList = null;
  const close = (combo) => {
    if (!combo) return;
    const input = combo.querySelector("[role=combobox]");
    combo.querySelector("[role=listbox]").hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    if (openList === combo) openList = null;
  };
  const choose = (combo, option) => {
    combo.querySelector("[role=combobox]").value = option.dataset.text;
    combo.querySelector("input[type=hidden]").value = option.dataset.id;
    close(combo);
  };
  const point = (combo, step) => {
    const options = [...combo.querySelectorAll("[role=option]")];
    if (!options.length) return;
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = (at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
    options[next].scrollIntoView({ block: "nearest" });
    combo.querySelector("[role=combobox]").setAttribute("aria-activedescendant", options[next].id);
  };
  // Forms are bound to their session: those of a page that is older than it take the new one's token, which every page has.
  let isOut = false;
  const renew = async () => {
    if (!isOut) return;
    const answer = await fetch("/console/profile", { credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok) return;
    const token = read(await answer.text()).querySelector("[name=form_token]");
    if (!token) return;
    document.querySelectorAll("[name=form_token]").forEach((field) => { field.value = token.value; });
    isOut = false;
  };
  window.addEventListener("focus", renew);
  const search = async (combo) => {
    const input = combo.querySelector("[role=combobox]");
    const list = combo.querySelector("[role=listbox]");
    const asked = input.value.trim();
    if (!asked) { close(combo); return; }
    let status = combo.querySelector("[role=status]");
    if (!status) {
      status = document.createElement("span");
      status.setAttribute("role", "status");
      combo.append(status);
    }
    const query = new URLSearchParams({ q: asked, list: list.id });
    const answer = await fetch(combo.dataset.combo + "?" + query, { credentials: "same-origin" }).catch(() => null);
    if (answer && answer.status === 401) {
      // What was typed stays: the log-in is in another tab.
      const link = Object.assign(document.createElement("a"), { className: "link", href: "/console/sign-in", target: "_blank", textContent: words.wOver });
      status.className = "err";
      status.replaceChildren(link);
      isOut = true;
      return;
    }
    if (!answer || !answer.ok || input.value.trim() !== asked) return;
    await renew();
    status.className = "vh";
    const found = read(await answer.text());
    list.replaceChildren(...found.querySelectorAll("[role=option]"));
    const count = list.children.length;
    fill(status, count === 0 ? words.wNoResult : count === 1 ? words.wOneResult : count + " " + words.wResults);
    list.hidden = count === 0;
    input.setAttribute("aria-expanded", String(count > 0));
    if (openList && openList !== combo) close(openList);
    openList = count ? combo : null;
  };
  const waiting = new WeakMap();
  document.addEventListener("input", (event) => {
    const combo = event.target.closest("[data-combo]");
    if (!combo) return;
    combo.querySelector("input[type=hidden]").value = "";
    clearTimeout(waiting.get(combo));
    waiting.set(combo, setTimeout(search, 150, combo));
  });
  document.addEventListener("keydown", (event) => {
    const combo = event.target.closest("[data-combo]");
    // A list that was closed opens again by the arrow, with what is typed.
    if (combo && combo !== openList && event.key === "ArrowDown") { event.preventDefault(); clearTimeout(waiting.get(combo)); search(combo); return; }
    if (!combo || combo !== openList) return;
    const chosen = combo.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown") point(combo, 1);
    else if (event.key === "ArrowUp") point(combo, -1);
    else if (event.key === "Enter" && chosen) choose(combo, chosen);
    else if (event.key === "Escape") close(combo);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[data-combo] [role=option]");
    if (option) { event.preventDefault(); choose(option.closest("[data-combo]"), option); }
    else if (openList && !openList.contains(event.target)) close(openList);
  });
  document.addEventListener("focusout", (event) => {
    const combo = event.target.closest("[data-combo]");
    if (combo && !combo.contains(event.relatedTarget)) close(combo);
  });

  // ---- scanners: they type a code and Enter. A code leads to its row, and Enter from each field to the next one.
  const scanner = document.querySelector("[data-scan]");
  const rowOf = (code, isScanned) => {
    const text = code.trim();
    if (!text) return null;
    const digits = /^\d{8,14}$/.test(text) ? text.padStart(14, "0") : "";
    return [...document.querySelectorAll("[data-codes]")].find((row) =>
      (digits && row.dataset.codes.split(" ").includes(digits)) || (isScanned && row.dataset.sku.toLowerCase() === text.toLowerCase()));
  };
  const enter = (field) => { field.focus(); if (field.select) field.select(); };
  if (scanner) { scanner.hidden = false; scanner.querySelector("input").focus(); }
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    const form = field.closest("form[data-enter]");
    if (event.key !== "Enter" || event.defaultPrevented || !form || !field.matches("input, select")) return;
    event.preventDefault();
    const isScanned = Boolean(scanner) && scanner.contains(field);
    // In another field only a bar code is one: a quantity may be somebody's SKU.
    const row = rowOf(field.value, isScanned);
    if (isScanned) {
      fill(scanner.querySelector("[role=status]"), row || !field.value.trim() ? "" : scanner.dataset.wUnknown + " (" + field.value.trim() + ")");
      field.value = "";
      if (!row) return;
    } else if (row) field.value = field.defaultValue;
    const quantity = row && row.querySelector("input.qty");
    if (quantity) { enter(quantity); return; }
    const fields = [...form.querySelectorAll("input:not([type=hidden]), select, button")].filter((one) => !one.disabled && one.offsetParent);
    const next = fields[fields.indexOf(field) + 1];
    if (next) enter(next);
  });

  // ---- keys, never in fields
  const rows = () => [...document.querySelectorAll("#rows > tr")];
  const toRow = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    const link = next.querySelector("a");
    if (link) link.focus();
  };
  const first = (key) => document.querySelector('[data-key="' + key + '"]');
  const press = (key) => { const action = first(key); if (action && !action.closest("[hidden]")) action.click(); };
  const tick = () => {
    const row = rows().find((one) => one.contains(document.activeElement));
    const box = row && row.querySelector("[data-pick]");
    if (box) box.click();
  };
  let isGoing = false;
  // They are turned off in the profile.
  if (words.keys !== "off") document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || inField(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (isGoing) {
      isGoing = false;
      const to = { a: "/console/", c: "/console/orders", f: "/console/invoices", s: "/console/stock" }[key];
      const link = to && document.querySelector('.nav a[href="' + to + '"]');
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (key === "g") isGoing = true;
    else if (key === "/" || key === "f") { const field = first(key); if (!field) return; field.focus(); }
    else if (key === "n" || key === "e" || key === "r") press(key);
    else if (key === "x") tick();
    else if (key === "j") toRow(1);
    else if (key === "k") toRow(-1);
    else if (key === "p") { const button = document.querySelector("[data-live-pause]:not([hidden])"); if (!button) return; button.click(); }
    else if (key === "?") { const dialog = document.getElementById("keys"); if (!dialog) return; dialog.showModal(); }
    else return;
    event.preventDefault();
  });

  // A page that reads itself again by htmx (an import) has no field: it goes to the log-in and comes back.
  document.addEventListener("htmx:response:error", (event) => { if (event.detail.ctx.response.status === 401) location.reload(); });

  // ---- live: one stream for all tabs of the browser
  const bar = document.querySelector("[data-live]");
  if (!bar || !words.topics || !words.position || !("locks" in navigator) || !("BroadcastChannel" in window)) return;
  const said = bar.querySelector("[role=status]");
  const show = bar.querySelector("[data-live-show]");
  const pause = bar.querySelector("[data-live-pause]");
  const channel = new BroadcastChannel("comptoir-stream");
  const patterns = words.topics.split(",");
  const fits = (type) => patterns.some((pattern) => pattern === type || (pattern.endsWith("*") && type.startsWith(pattern.slice(0, -1))));
  const time = (timeZone) => new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone });
  // An old browser may not know a new name of a zone.
  const clock = () => { try { return time(words.zone); } catch { return time(); } };
  const PAUSED = "comptoir-paused";
  // So many messages are kept for a tab that is opened later.
  const KEPT = 300;
  const me = Math.random();
  const [page] = performance.getEntriesByType("navigation");
  const kept = [];
  // Nothing is missing in what is kept since this page was asked for: positions cannot be compared, times of one machine can.
  let since = Math.floor(performance.timeOrigin + (page ? page.requestStart : 0));
  let last = words.position;
  let isHolder = false;
  const changed = new Set();
  let isChanged = false;
  let isOver = false;
  let isUp = true;
  let failed = "";
  let lostAt = null;
  let timer = 0;
  const isPaused = () => localStorage.getItem(PAUSED) !== null;

  const say = () => {
    clearTimeout(timer);
    timer = 0;
    const count = changed.size;
    const isNews = isOver || ((count > 0 || isChanged) && !isPaused());
    bar.classList.toggle("new", isNews);
    show.hidden = !isNews;
    fill(pause.querySelector("span"), isPaused() ? words.wResume : words.wPause);
    let text = "";
    if (isOver) text = words.wOver;
    else if (isPaused()) text = words.wPaused + " " + localStorage.getItem(PAUSED);
    else if (failed) text = words.wNotShown + " " + failed;
    else if (lostAt) text = words.wOffline + " " + lostAt + ", " + words.wRetrying;
    else if (count === 1) text = words.wOneNew;
    else if (count > 1) text = count + " " + words.wManyNew;
    else if (isChanged) text = words.wChanged;
    // The time stands as long as nothing else was said: at first it is the page's own.
    else if (!isUp) fill(said, words.wUp + " " + clock());
    isUp = !text;
    if (text) fill(said, text);
  };
  // A screen reader reads each text: not more often than every ten seconds.
  const later = () => { if (!timer) timer = setTimeout(say, said.dataset.said ? 10000 : 0); said.dataset.said = "yes"; };

  // Whether a message is about this page.
  const take = ({ kind, type, about }) => {
    if (kind === "event" && !fits(type)) return false;
    if (kind === "event" && type.endsWith(".placed")) changed.add(about);
    else isChanged = true;
    return true;
  };
  const heard = (message) => {
    const { kind, id } = message;
    if (kind === "hello") {
      const isKnown = since <= message.since;
      if (isKnown || isHolder) channel.postMessage({ kind: "missed", to: message.me, lostAt, list: isKnown ? kept.filter((one) => one.at >= message.since) : [{ kind: "reset" }] });
      return;
    }
    if (kind === "missed") {
      if (message.to !== me) return;
      lostAt = lostAt || message.lostAt;
      if (message.list.filter(take).length || lostAt) later();
      return;
    }
    if (id) last = id;
    if (kind === "lost") lostAt = lostAt || clock();
    else if (kind === "over") isOver = true;
    else if (kind === "open") {
      if (!lostAt) return;
      lostAt = null;
      failed = "";
    } else if (kind === "event" || kind === "reset") {
      kept.push(message);
      if (kept.length > KEPT) since = kept.shift().at + 1;
      if (!take(message)) return;
      failed = "";
    } else return;
    later();
  };
  channel.onmessage = (event) => heard(event.data);
  const tell = (message) => { channel.postMessage(message); heard(message); };
  // What came between the page and this line is told by the tabs that were there.
  channel.postMessage({ kind: "hello", me, since });

  // Whoever holds the lock has the stream; when its tab is closed, or its session is over, another one goes on where it was.
  navigator.locks.request("comptoir-stream", () => new Promise((leave) => {
    let wait = 1000;
    isHolder = true;
    const follow = async () => {
      try {
        const answer = await fetch("/console/stream?last_event_id=" + encodeURIComponent(last), { credentials: "same-origin", headers: { Accept: "text/event-stream" } });
        // The session has ended under the page: what was typed stays, and the link leads to the log-in and back.
        if (answer.status === 401) tell({ kind: "over" });
        if ([204, 401, 403, 409].includes(answer.status)) { isHolder = false; leave(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        tell({ kind: "open" });
        wait = 1000;
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          const frames = (rest + value).split("\n\n");
          rest = frames.pop();
          for (const frame of frames) {
            const field = (name) => { const line = frame.split("\n").find((one) => one.startsWith(name + ": ")); return line && line.slice(name.length + 2); };
            const type = field("event");
            const message = { kind: "at", id: field("id"), at: Date.now() };
            if (type === "reset") message.kind = "reset";
            else if (type) Object.assign(message, { kind: "event", type, about: JSON.parse(field("data")).aggregate_id });
            tell(message);
          }
        }
      } catch { tell({ kind: "lost" }); }
      setTimeout(follow, wait + Math.random() * 1000);
      wait = Math.min(wait * 2, 30000);
    };
    follow();
  }));

  pause.hidden = false;
  say();
  pause.addEventListener("click", () => {
    if (isPaused()) localStorage.removeItem(PAUSED); else localStorage.setItem(PAUSED, clock());
    say();
  });
  window.addEventListener("storage", (event) => { if (event.key === PAUSED) say(); });

  // ---- show: the page is read again when somebody asks for it. With htmx the scroll and the focus stay; without it the page is loaded again.
  const isFilled = (field) => {
    if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
    if (field.matches("select")) return field.selectedIndex !== Math.max([...field.options].findIndex((one) => one.defaultSelected), 0);
    return field.value !== field.defaultValue;
  };
  // A form that somebody has begun to fill keeps its version, too: what others changed since is said when it is sent.
  const isBegun = (old, next) => old.matches("form") && old.getAttribute("action") === next.getAttribute("action") && [...old.querySelectorAll("input, select, textarea")].some(isFilled);
  if (window.htmx) window.htmx.registerExtension("show", {
    htmx_before_morph_node: (_, { oldNode, newNode }) => oldNode !== bar && !isBegun(oldNode, newNode),
    // What was opened, and what this script has shown or hidden.
    htmx_before_morph_attr: (_, { attrName }) => attrName !== "open" && attrName !== "hidden",
  });
  show.href = location.href;
  show.addEventListener("click", async (event) => {
    const main = document.getElementById("main");
    if (!window.htmx || isOver) return;
    event.preventDefault();
    if (main.hasAttribute("aria-busy")) return;
    main.setAttribute("aria-busy", "true");
    const hadFocus = document.activeElement === show;
    clearTimeout(timer);
    timer = 0;
    // What comes from now on may not be on the page that is read.
    const before = [...changed];
    const wasChanged = isChanged;
    changed.clear();
    isChanged = false;
    let why = words.wNoAnswer;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const text = await answer.text();
      const next = read(text);
      if (answer.status === 401) isOver = true;
      const title = next.querySelector("h1");
      why = answer.ok && next.querySelector("[data-live]") ? "" : title ? title.textContent : String(answer.status);
      if (!why) await window.htmx.swap({ text, sourceElement: document.body, target: main, select: "#main", swap: "outerMorph" });
    } catch { if (!why) { location.reload(); return; } }
    main.removeAttribute("aria-busy");
    failed = why;
    if (why) before.forEach((one) => changed.add(one));
    isChanged = isChanged || (Boolean(why) && wasChanged);
    isUp = false;
    say();
    if (hadFocus && show.hidden && [show, body].includes(document.activeElement)) pause.focus({ preventScroll: true });
  });
})();
