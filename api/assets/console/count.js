// The page by which a count is counted: scans without leaving the page, and lines that are sent at once and kept until they are.
// The page works without it: each scan and each line is then a page of its own.
"use strict";
(() => {
  const root = document.querySelector("[data-count]");
  if (!root) return;
  const id = root.dataset.count;
  const path = "/console/counts/" + id;
  // Those of one person: what somebody else counted on this phone is not sent under another name.
  const KEY = "comptoir-count-" + id + "-" + root.dataset.user;
  const ENTRY = "entries.0.";
  const $ = (selector) => document.querySelector(selector);

  // ---- the queue, which outlives the page
  let memory = [];
  const load = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return memory; } };
  const store = (queue) => { memory = queue; try { localStorage.setItem(KEY, JSON.stringify(queue)); } catch { /* it is kept in memory */ } };
  const without = (entry) => store(load().filter((one) => one.key !== entry.key));
  const changed = (entry) => store(load().map((one) => (one.key === entry.key ? entry : one)));
  let hasSaved = Boolean($("[data-state=saved]:not([hidden])"));

  const show = () => {
    const queue = load();
    const failed = queue.filter((entry) => entry.said);
    const waiting = queue.length - failed.length;
    const set = (state, number, isShown) => {
      const shown = $("[data-state=" + state + "]");
      const text = shown.querySelector("[data-number]");
      if (text) text.textContent = number;
      shown.hidden = !isShown;
    };
    set("failed", failed.length, failed.length > 0);
    set("waiting", waiting, !failed.length && waiting > 0);
    set("saved", 0, !queue.length && hasSaved);
    const section = $("#failed");
    section.hidden = !failed.length;
    section.querySelector("ul").replaceChildren(...failed.map((entry) => {
      const row = section.querySelector("template").content.cloneNode(true);
      row.querySelector("[data-name]").textContent = entry.name;
      row.querySelector("[data-said]").textContent = entry.said;
      row.querySelector("[data-counted]").textContent = entry.fields[ENTRY + "counted"];
      row.querySelector("[data-retry]").addEventListener("click", () => renew(entry));
      row.querySelector("[data-drop]").addEventListener("click", () => { without(entry); show(); });
      return row;
    }));
  };
  // Another try is another command: the first one was refused.
  const renew = (entry) => {
    const again = { ...entry, said: "", key: crypto.randomUUID() };
    store(load().map((one) => (one.key === entry.key ? again : one)));
    show();
    send();
  };

  // ---- sending, one after the other, in one tab at a time
  let wait = 0;
  let timer = 0;
  const said = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("#task .err, .summary p, h1");
    return found ? found.textContent.trim() : String(answer.status);
  };
  const post = (entry) => fetch(path + "/entries", {
    method: "POST",
    credentials: "same-origin",
    redirect: "manual",
    body: new URLSearchParams({ ...entry.fields, form_token: entry.token, form_key: entry.key }),
  });
  const one = async (entry) => {
    const answer = await post(entry);
    // What was entered leads on to another page.
    if (answer.type === "opaqueredirect" || answer.ok) { without(entry); hasSaved = true; return; }
    // The session is another one since: the entry is the same.
    if (answer.status === 403 && entry.token !== root.dataset.token) { changed({ ...entry, token: root.dataset.token }); return; }
    if (answer.status === 401) { location.reload(); throw new Error("401"); }
    if (answer.status === 429 || answer.status >= 500) throw new Error(String(answer.status));
    changed({ ...entry, said: await said(answer) });
    alarm();
  };
  const drain = async () => {
    clearTimeout(timer);
    try {
      for (;;) {
        const next = load().find((entry) => !entry.said);
        if (!next) break;
        await one(next);
        show();
      }
      wait = 0;
    } catch {
      wait = Math.min((wait || 1000) * 2, 30000);
      timer = setTimeout(send, wait + Math.random() * 1000);
    }
    show();
  };
  let isSending = false;
  function send() {
    if (isSending) return;
    isSending = true;
    const over = () => { isSending = false; };
    (navigator.locks ? navigator.locks.request(KEY, drain) : drain()).then(over, over);
  }
  window.addEventListener("online", send);
  window.addEventListener("storage", (event) => { if (event.key === KEY) show(); });

  // ---- what is wrong is heard and felt: nobody looks at the screen while scanning
  let audio = null;
  const alarm = () => {
    if (navigator.vibrate) navigator.vibrate([120, 60, 120]);
    try {
      audio = audio || new AudioContext();
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.type = "square";
      tone.frequency.value = 220;
      volume.gain.value = 0.15;
      tone.connect(volume).connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.25);
    } catch { /* without sound */ }
  };

  // ---- scans
  const isBarcode = (text) => {
    if (!/^(\d{8}|\d{12,14})$/.test(text)) return false;
    // The digits before the last count threefold and once by turns, threefold the last of them.
    const sum = [...text].reverse().slice(1).reduce((total, digit, at) => total + Number(digit) * (at % 2 ? 1 : 3), 0);
    return (10 - (sum % 10)) % 10 === Number(text.at(-1));
  };
  const quantity = () => document.getElementById(ENTRY + "counted");
  // In English a comma before three digits groups thousands, as on the server (format.rs).
  const number = (text) => {
    const bare = text.replace(/\s/g, "");
    const isGrouped = document.documentElement.lang === "en" && /^-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(bare);
    return Number(isGrouped ? bare.replaceAll(",", "") : bare.replace(",", "."));
  };
  const add = (step) => {
    const field = quantity();
    const now = number(field.value);
    if (Number.isNaN(now)) return;
    // Without the digits that binary fractions add.
    field.value = String(Math.max(0, Math.round((now + step) * 1e6) / 1e6));
    label();
  };
  // What was there before a scanner began to type: its digits come quicker than anybody's.
  let before = "";
  let pending = "";
  let typedAt = 0;
  const label = (isTyped) => {
    const field = quantity();
    const button = $("[data-submit]");
    if (!field || !button) return;
    const isBurst = isTyped && performance.now() - typedAt < 50;
    if (isTyped && !isBurst) pending = before;
    if (isTyped) typedAt = performance.now();
    if (!isTyped) pending = field.value;
    before = field.value;
    button.textContent = button.dataset.submit.replace("{n}", before.trim());
  };
  // Makes the page ready for a thumb and a scanner.
  const prepare = () => {
    const scan = $("#scan");
    scan.setAttribute("inputmode", "none");
    const type = $("[data-type]");
    type.textContent = type.dataset.type;
    type.type = "button";
    document.querySelectorAll("[data-step]").forEach((button) => { button.hidden = false; });
    label();
    const field = quantity();
    if (field) { field.focus(); field.select(); } else scan.focus();
  };
  const isSame = (code) => {
    const item = $("[data-entry]");
    return item && item.dataset.codes.split(" ").includes(code);
  };
  const find = async (code) => {
    const form = $("[data-scan]");
    const query = new URLSearchParams(new FormData(form));
    query.set("scan", code);
    let answer;
    try { answer = await fetch(path + "/sheet?" + query, { credentials: "same-origin" }); } catch { answer = null; }
    if (!answer || answer.status === 401 || answer.status >= 500 || answer.redirected) {
      // Without the server nothing can be found: the field keeps the code.
      const field = $("#scan");
      field.value = code;
      field.focus();
      field.select();
      alarm();
      if (answer && (answer.status === 401 || answer.redirected)) location.reload();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["#task", "#dock"]) {
      const found = page.querySelector(part);
      if (found) $(part).replaceWith(document.adoptNode(found));
    }
    if (answer.status === 422) alarm();
    prepare();
    if (answer.status === 422) $("#scan").select();
  };
  const scanned = (code) => {
    if (!code) return;
    if (isSame(code)) { add(1); const field = quantity(); $("#scan").value = ""; field.focus(); field.select(); return; }
    find(code);
  };

  // ---- lines
  const enter = (form, isNothing) => {
    const data = new FormData(form);
    const fields = {};
    for (const name of ["product_id", "location_id", "counted"]) if (data.get(ENTRY + name)) fields[ENTRY + name] = data.get(ENTRY + name).trim();
    if (isNothing) fields[ENTRY + "counted"] = "0";
    const entry = { key: data.get("form_key"), token: root.dataset.token, name: form.querySelector("[data-name]").textContent, fields, said: "" };
    store([...load().filter((other) => other.key !== entry.key), entry]);
    const last = $("#last");
    const row = last.querySelector("template").content.cloneNode(true);
    row.querySelector("[data-name]").textContent = entry.name;
    row.querySelector("[data-counted]").textContent = fields[ENTRY + "counted"];
    const back = new URLSearchParams({ product: fields[ENTRY + "product_id"], counted: fields[ENTRY + "counted"] });
    if (fields[ENTRY + "location_id"]) back.set("place", fields[ENTRY + "location_id"]);
    const link = row.querySelector("[data-correct]");
    link.href = path + "/sheet?" + back;
    link.setAttribute("aria-label", link.textContent + " " + entry.name);
    last.querySelector("ul").prepend(row);
    while (last.querySelectorAll("li").length > 5) last.querySelector("ul").lastElementChild.remove();
    last.hidden = false;
    form.remove();
    $("#dock").replaceChildren();
    const scan = $("#scan");
    scan.value = "";
    scan.focus();
    show();
    send();
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-scan]")) {
      event.preventDefault();
      scanned($("#scan").value.trim());
    } else if (form.matches("[data-entry]")) {
      event.preventDefault();
      const isNothing = Boolean(event.submitter && event.submitter.name === "nothing");
      const field = quantity();
      const typed = field.value.trim();
      // A scanner may have typed behind what was there.
      const rest = pending && typed.startsWith(pending) ? typed.slice(pending.length) : "";
      const code = !isBarcode(typed) && isBarcode(rest) ? rest : typed;
      // A scanner that types into the quantity: what was there before is entered, and this is the next product.
      if (!isNothing && isBarcode(code)) {
        field.value = pending;
        label();
        if (isSame(code)) { scanned(code); return; }
        enter(form, false);
        scanned(code);
        return;
      }
      if (!isNothing && (!code || Number.isNaN(number(code)))) { alarm(); field.select(); return; }
      enter(form, isNothing);
    }
  });
  document.addEventListener("input", (event) => { if (event.target === quantity()) label(true); });
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) { add(Number(step.dataset.step)); return; }
    if (event.target.closest("[data-type]")) {
      const scan = $("#scan");
      scan.blur();
      scan.setAttribute("inputmode", "text");
      scan.focus();
    }
  });

  prepare();
  show();
  send();
})();
