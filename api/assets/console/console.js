// What makes the console's pages quicker. Every page works without it: links and forms come first.
"use strict";
(() => {
  const body = document.body;
  const words = body.dataset;
  const inField = (target) => target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
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
  const picked = document.querySelector("[data-picked]");
  if (picked) {
    const bar = picked.closest("form");
    const all = document.querySelector("[data-pick-all]");
    const boxes = () => [...document.querySelectorAll("[data-pick]")];
    const count = () => {
      const every = boxes();
      const number = every.filter((box) => box.checked).length;
      bar.hidden = number === 0;
      fill(picked, number === 1 ? words.wOnePicked : number + " " + words.wPicked);
      if (!all) return;
      const box = all.querySelector("input");
      box.checked = number > 0 && number === every.length;
      box.indeterminate = number > 0 && number < every.length;
    };
    if (all) {
      all.hidden = false;
      all.addEventListener("change", (event) => { boxes().forEach((box) => { box.checked = event.target.checked; }); count(); });
    }
    document.addEventListener("change", (event) => { if (event.target.matches("[data-pick]")) count(); });
    document.addEventListener("htmx:after:swap", count);
    // The browser ticks again what was ticked before, when it comes back to a page.
    window.addEventListener("pageshow", count);
    count();
  }

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
  const search = async (combo) => {
    const input = combo.querySelector("[role=combobox]");
    const list = combo.querySelector("[role=listbox]");
    const asked = input.value.trim();
    if (!asked) { close(combo); return; }
    let status = combo.querySelector("[role=status]");
    if (!status) {
      status = document.createElement("span");
      status.className = "vh";
      status.setAttribute("role", "status");
      combo.append(status);
    }
    const query = new URLSearchParams({ q: asked, list: list.id });
    const answer = await fetch(combo.dataset.combo + "?" + query, { credentials: "same-origin" }).catch(() => null);
    if (answer && answer.status === 401) { location.reload(); return; }
    if (!answer || !answer.ok || input.value.trim() !== asked) return;
    // The server escapes what it writes; a parsed document runs no script.
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
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

  // ---- live: one stream for all tabs of the browser
  const bar = document.querySelector("[data-live]");
  if (!bar || !words.topics || !words.position || !("locks" in navigator) || !("BroadcastChannel" in window)) return;
  const said = bar.querySelector("[role=status]");
  const show = bar.querySelector("[data-live-show]");
  const pause = bar.querySelector("[data-live-pause]");
  const channel = new BroadcastChannel("comptoir-stream");
  const patterns = words.topics.split(",");
  const fits = (type) => patterns.some((pattern) => pattern === type || (pattern.endsWith("*") && type.startsWith(pattern.slice(0, -1))));
  const clock = () => new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const PAUSED = "comptoir-paused";
  const changed = new Set();
  let isChanged = false;
  let isOver = false;
  let lostAt = null;
  let timer = 0;
  const isPaused = () => localStorage.getItem(PAUSED) !== null;

  const say = () => {
    timer = 0;
    const count = changed.size;
    const isNews = isOver || ((count > 0 || isChanged) && !isPaused());
    bar.classList.toggle("new", isNews);
    show.hidden = !isNews;
    fill(pause.querySelector("span"), isPaused() ? words.wResume : words.wPause);
    if (isOver) fill(said, words.wOver);
    else if (isPaused()) fill(said, words.wPaused + " " + localStorage.getItem(PAUSED));
    else if (lostAt) fill(said, words.wOffline + " " + lostAt + ", " + words.wRetrying);
    else if (count === 1) fill(said, words.wOneNew);
    else if (count > 1) fill(said, count + " " + words.wManyNew);
    else if (isChanged) fill(said, words.wChanged);
  };
  // A screen reader reads each text: not more often than every ten seconds.
  const later = () => { if (!timer) timer = setTimeout(say, said.dataset.said ? 10000 : 0); said.dataset.said = "yes"; };

  const heard = (message) => {
    if (message.kind === "lost") lostAt = lostAt || clock();
    else if (message.kind === "open") lostAt = null;
    else if (message.kind === "over") isOver = true;
    else if (message.kind === "reset") isChanged = true;
    else if (message.kind === "event" && fits(message.type)) {
      if (message.type.endsWith(".placed")) changed.add(message.about);
      else isChanged = true;
    } else return;
    later();
  };
  channel.onmessage = (event) => heard(event.data);
  const tell = (message) => { channel.postMessage(message); heard(message); };

  // Whoever holds the lock has the stream; when its tab is closed, another one goes on.
  navigator.locks.request("comptoir-stream", () => new Promise(() => {
    let last = words.position;
    let wait = 1000;
    const read = async () => {
      try {
        const answer = await fetch("/console/stream?last_event_id=" + encodeURIComponent(last), { credentials: "same-origin", headers: { Accept: "text/event-stream" } });
        // The session has ended under the page: what was typed stays, and the link leads to the log-in and back.
        if (answer.status === 401) tell({ kind: "over" });
        if (answer.status === 204 || answer.status === 401 || answer.status === 403 || answer.status === 409) return;
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
            const id = field("id");
            if (id) last = id;
            if (type === "reset") tell({ kind: "reset" });
            else if (type) tell({ kind: "event", type, about: JSON.parse(field("data")).aggregate_id });
          }
        }
      } catch { tell({ kind: "lost" }); }
      setTimeout(read, wait + Math.random() * 1000);
      wait = Math.min(wait * 2, 30000);
    };
    read();
  }));

  pause.hidden = false;
  say();
  pause.addEventListener("click", () => {
    if (isPaused()) localStorage.removeItem(PAUSED); else localStorage.setItem(PAUSED, clock());
    say();
  });
  window.addEventListener("storage", (event) => { if (event.key === PAUSED) say(); });
  // Rows come only when they are asked for. With htmx the scroll and the focus stay; without it the page is loaded again.
  show.href = location.href;
  show.addEventListener("click", async (event) => {
    const table = document.getElementById("rows");
    if (!window.htmx || !table || isOver) return;
    event.preventDefault();
    table.setAttribute("aria-busy", "true");
    try {
      await window.htmx.ajax("GET", location.href, { target: "#rows", select: "#rows", swap: "outerMorph" });
      changed.clear();
      isChanged = false;
      fill(said, words.wUp + " " + clock());
      say();
    } catch { location.reload(); } finally {
      const now = document.getElementById("rows");
      if (now) now.removeAttribute("aria-busy");
    }
  });
})();
