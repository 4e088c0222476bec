// What keeps the operators' pages fresh. They have no stream: the page is read again every few seconds. What has a fixed place changes
// there, also in the rows that are shown; rows that are new wait until somebody asks for them. Every page works without it.
"use strict";
(() => {
  const bar = document.querySelector("[data-poll]");
  if (!bar || !("replaceChildren" in bar)) return;
  const part = (name) => bar.querySelector("[data-live-" + name + "]");
  const [at, show, pause, said] = [part("at"), part("show"), part("pause"), bar.querySelector("[role=status]")];
  const words = document.body.dataset;
  const PAUSED = "comptoir-paused";
  const EVERY = 5000;
  // What nobody may change: what is under the pointer, has the focus, was ticked or opened.
  const BUSY = ":focus-within, tr:hover, li:hover, :has(:checked), :has(details[open]), :has(:is(a, button, summary):hover)";
  const fill = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const clock = () => new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: words.zone });
  const isPaused = () => localStorage.getItem(PAUSED) !== null;
  const lists = (page) => [...page.querySelectorAll("[data-rows]")];
  const byId = (list) => new Map([...list.children].map((row) => [row.id, row]));
  const copy = (now, next) => { if (now.innerHTML !== next.innerHTML && !now.matches(BUSY)) now.replaceChildren(...next.cloneNode(true).childNodes); };
  let latest = null;
  let added = 0;
  let isChanged = false;
  let lostAt = null;
  let over = "";
  let timer = 0;

  const say = () => {
    timer = 0;
    const isNews = Boolean(over) || ((added > 0 || isChanged) && !isPaused());
    bar.classList.toggle("new", isNews);
    show.hidden = !isNews;
    pause.hidden = Boolean(over);
    fill(pause.querySelector("span"), isPaused() ? words.wResume : words.wPause);
    let text = "";
    if (over) text = over;
    else if (isPaused()) text = words.wPaused + " " + localStorage.getItem(PAUSED);
    else if (lostAt) text = words.wOffline + " " + lostAt + ", " + words.wRetrying;
    else if (added === 1) text = words.wOneNew;
    else if (added > 1) text = added + " " + words.wManyNew;
    else if (isChanged) text = words.wChanged;
    at.hidden = Boolean(text);
    fill(said, text);
  };
  // A screen reader reads each text: not more often than every ten seconds.
  const later = () => { if (!timer) timer = setTimeout(say, said.dataset.said ? 10000 : 0); said.dataset.said = "yes"; };

  const take = (page) => {
    for (const next of page.querySelectorAll("[data-fresh]")) {
      const now = document.getElementById(next.id);
      if (now) copy(now, next);
    }
    const [here, there] = [lists(document), lists(page)];
    [added, isChanged] = [0, here.length !== there.length];
    for (const list of there) {
      const now = document.getElementById(list.id);
      if (!now) continue;
      const known = byId(now);
      for (const next of list.children) {
        const row = known.get(next.id);
        if (!row) added += 1;
        else copy(row, next);
        known.delete(next.id);
      }
      if (known.size > 0) isChanged = true;
    }
  };

  const look = async () => {
    let wait = EVERY;
    if (!document.hidden && !isPaused()) {
      const begun = performance.now();
      try {
        const answer = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
        if (answer.status === 401) { over = words.wOver; say(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        // The server escapes what it writes; a parsed document runs no script.
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        latest = page;
        take(page);
        const next = page.querySelector("[data-live-at]");
        // What was asked for has ended: there is nothing more to look at.
        if (!next) { over = page.querySelector("h1").textContent.replace(/\s+/g, " ").trim(); say(); return; }
        fill(at, next.textContent);
        lostAt = null;
      } catch { lostAt = lostAt || clock(); }
      if (added > 0 || isChanged || lostAt || said.textContent) later();
      // However slow the server is, it spends no more than a tenth of the time on this.
      wait = Math.max(wait, (performance.now() - begun) * 10);
    }
    setTimeout(look, wait);
  };

  part("reload").hidden = true;
  pause.hidden = false;
  show.href = location.href;
  say();
  setTimeout(look, EVERY);
  pause.addEventListener("click", () => {
    if (isPaused()) localStorage.removeItem(PAUSED); else localStorage.setItem(PAUSED, clock());
    say();
  });
  window.addEventListener("storage", (event) => { if (event.key === PAUSED) say(); });
  show.addEventListener("click", (event) => {
    // Otherwise the link loads the page again.
    if (over || !latest || lists(latest).length !== lists(document).length) return;
    event.preventDefault();
    for (const list of lists(latest)) {
      const now = document.getElementById(list.id);
      const known = byId(now);
      now.replaceChildren(...[...list.children].map((row) => known.get(row.id) || document.importNode(row, true)));
    }
    [added, isChanged] = [0, false];
    say();
    pause.focus();
  });
})();
